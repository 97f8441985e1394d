"""Reading everything at one instant: files, masks and recent rows from one snapshot.

Manifest, masks, recent events and customer rows are read in one repeatable-read transaction that
ends before the first query, so each event is seen exactly once while mover, compaction and merges
go on; files stay on disk for a day after they leave the manifest.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import msgspec
import pyarrow as pa

from dangol.settings import Settings
from dangol.store.lake.duck import open_duckdb
from dangol.store.lake.manifest import ALL_BUCKETS, LakeFile
from dangol.store.lake.recent import read_recent, reading
from dangol.store.lake.shape import (
    EVENT_SCHEMA,
    TypedColumn,
    quote,
    select_with_typed,
)

EVENTS, CUSTOMERS, STAGES, CONSENTS = "events", "customers", "stages", "consents"
VIEWS = (EVENTS, CUSTOMERS, STAGES, CONSENTS)

_ROWS = {
    CUSTOMERS: """
        select bucket, customer_id, traits::text as traits, first_seen_at, last_seen_at, created_at,
               locale, zone, country
        from customer
        where bucket between $1 and $2 and merged_into is null and erased_at is null""",
    STAGES: """
        select bucket, customer_id, stage, since, previous, repeats, first_day, last_day, gap_days,
               horizon_days, p, p_alive, silence, model_version, scored_at
        from stage where bucket between $1 and $2""",
    CONSENTS: """
        select bucket, customer_id, channel, consent, consent_time, topics::text as topics,
               objected_at, paused_until
        from contact_state where bucket between $1 and $2""",
}
UNMASKED = "not exists (select 1 from masked m where m.bucket = e.bucket and m.customer_id = e.customer_id)"
"""SQL that leaves out masked customers' rows of `e`."""

_MASKED = (
    "select bucket, customer_id from mask where rewritten_at is null and bucket between $1 and $2"
)
_FILES = """
    select id::text, level::int, path, bucket_lo, bucket_hi, rows, bytes, min_time, max_time,
           format_version, typed_columns::text, created_at
    from lake_file
    where removed_at is null and bucket_hi >= $1 and bucket_lo <= $2
    order by created_at, id"""


class Snapshot:
    """One instant of the installation, in DuckDB; made by `snapshot`."""

    def __init__(
        self,
        duck: duckdb.DuckDBPyConnection,
        files: Sequence[LakeFile],
        typed: Mapping[tuple[str, str], str],
    ) -> None:
        self.duck = duck
        self.files = files
        self.typed_columns = typed
        """(property, type) → column of `events`; true for every row, in a file or recent."""

    def query(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> pa.Table:
        """What `sql` selects from `events`, `customers`, `stages`, `consents`, as an Arrow table.

        Values are parameters, `?` or `$name`. Uuids come as text.
        """
        return self.duck.sql(sql, params=params or None).to_arrow_table()

    def find_column(self, property: str, type: str) -> str | None:
        """The column of `events` that holds this property as this type, when there is one."""
        return self.typed_columns.get((property, str(type)))


@contextmanager
def snapshot(
    settings: Settings,
    dsn: str,
    buckets: tuple[int, int] | None = None,
    *,
    views: Collection[str] = VIEWS,
    since: datetime | None = None,
) -> Iterator[Snapshot]:
    """Everything known of these buckets (both ends included) as it was at this call.

    `views` names what will be asked for; the rest is not loaded and does not exist. With `since`,
    files that end before it are left out, so only events from then on are complete.
    """
    span = buckets or ALL_BUCKETS
    with open_duckdb(settings) as duck:
        with reading(dsn) as source:
            for view in sorted(set(views) - {EVENTS}):
                _load(duck, source, view, _ROWS[view], span)
            files = _load_events(duck, source, span, since) if EVENTS in views else []
        typed = sorted({column for file in files for column in file.typed})
        if EVENTS in views:
            duck.execute(events_view(settings.lake_dir, files, typed))
        yield Snapshot(duck, files, {(c.property, str(c.type)): c.name for c in typed})


def select_files(lake_dir: Path, files: Sequence[LakeFile], typed: Sequence[TypedColumn]) -> str:
    """SQL that reads all rows of `files`, masked ones too, with every column of `typed`.

    A typed column that a file lacks is computed from `props`, so that all rows agree.
    """
    groups: dict[tuple[TypedColumn, ...], list[str]] = {}
    for file in files:
        groups.setdefault(file.typed, []).append(quote(str(lake_dir / file.path)))
    return " union all ".join(
        select_with_typed(
            f"read_parquet([{', '.join(paths)}], union_by_name = true)", typed, present
        )
        for present, paths in groups.items()
    )


def events_view(lake_dir: Path, files: Sequence[LakeFile], typed: Sequence[TypedColumn]) -> str:
    """SQL that defines `events` over files, the table `recent`, and the table `masked`."""
    recent = select_with_typed("recent", typed)
    if not files:
        return f"create view events as {recent}"
    kept = f"select * from ({select_files(lake_dir, files, typed)}) e where {UNMASKED}"
    return f"create view events as {kept} union all {recent}"


def _load_events(
    duck: duckdb.DuckDBPyConnection,
    source: adbc.Connection,
    span: tuple[int, int],
    since: datetime | None,
) -> list[LakeFile]:
    _load(duck, source, "masked", _MASKED, span)
    batches = read_recent(source, span)
    _store(duck, "recent", pa.RecordBatchReader.from_batches(EVENT_SCHEMA, batches))
    with source.cursor() as cursor:
        cursor.execute(_FILES, span)
        files = [_to_file(row) for row in cursor.fetch_arrow_table().to_pylist()]
    return [file for file in files if since is None or file.max_time >= since]


def _load(
    duck: duckdb.DuckDBPyConnection,
    source: adbc.Connection,
    name: str,
    sql: str,
    span: tuple[int, int],
) -> None:
    with source.cursor() as cursor:
        cursor.execute(sql, span)
        _store(duck, name, cursor.fetch_record_batch())


def _store(duck: duckdb.DuckDBPyConnection, name: str, rows: pa.RecordBatchReader) -> None:
    """Copy rows into a table of DuckDB's own, which may spill to disk."""
    duck.register("incoming", rows)
    duck.execute(f"create table {name} as select * from incoming")
    duck.unregister("incoming")


def _to_file(row: dict[str, Any]) -> LakeFile:
    row["typed_columns"] = msgspec.json.decode(row["typed_columns"])
    return msgspec.convert(row, LakeFile)
