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
from dangol.store.lake import mirror
from dangol.store.lake.duck import open_duckdb
from dangol.store.lake.manifest import ALL_BUCKETS, EVENT, MEMBERSHIP, LakeFile
from dangol.store.lake.recent import reading
from dangol.store.lake.shape import (
    TypedColumn,
    quote,
    select_with_typed,
)
from dangol.store.lake.shelf import select_rows
from dangol.store.lake.soundness import naming_damage

EVENTS, CUSTOMERS, STAGES, CONSENTS = "events", "customers", "stages", "consents"
INTERESTS, MEMBERSHIPS = "interests", "memberships"
VIEWS = (EVENTS, CUSTOMERS, STAGES, CONSENTS)
"""What is loaded unless other views are named: interests and memberships are for those who ask."""

_MIRRORS = {
    EVENTS: (mirror.MASKED, mirror.RECENT),
    CUSTOMERS: (mirror.CUSTOMERS,),
    STAGES: (mirror.STAGES,),
    CONSENTS: (mirror.CONSENTS,),
    INTERESTS: (mirror.INTERESTS,),
    "fresh_interests": (mirror.FRESH_INTERESTS,),
    MEMBERSHIPS: (mirror.CHANGES,),
}
UNMASKED = "not exists (select 1 from masked m where m.bucket = e.bucket and m.customer_id = e.customer_id)"
"""SQL that leaves out masked customers' rows of `e`."""

_FILES = """
    select id::text, level::int, path, bucket_lo, bucket_hi, rows, bytes, min_time, max_time,
           format_version, typed_columns::text, created_at
    from lake_file
    where removed_at is null and bucket_hi >= $1 and bucket_lo <= $2 and kind = $3
    order by created_at, id"""


class Snapshot:
    """One instant of the installation, in DuckDB; made by `snapshot`."""

    def __init__(
        self,
        duck: duckdb.DuckDBPyConnection,
        files: Sequence[LakeFile],
        typed: Mapping[tuple[str, str], str],
        lake_dir: Path,
    ) -> None:
        self.duck, self.lake_dir = duck, lake_dir
        self.files = tuple(files)
        """Those that queries open."""
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
    def pinned(self) -> Iterator["Snapshot"]:
        """The same instant for as long as this is open, whatever a `Follower` renews meanwhile.

        It is a transaction of DuckDB, so a query that fails or is interrupted ends its use.
        """
        with self.duck.cursor() as duck:
            duck.begin()
            duck.execute("select 1 from duckdb_tables() limit 0")  # what is seen is fixed here
            yield Snapshot(duck, self.files, self.typed_columns, self.lake_dir)


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

    Raises:
        DamagedFile: a file of the history cannot be read, now or by a query inside the block.
    """
    with open_duckdb(settings) as duck:
        made = Follower(duck, settings, dsn, buckets or ALL_BUCKETS, views).renew(since)
        with naming_damage(settings.lake_dir, made.files):
            yield made


def widen(snapshot: Snapshot, dsn: str, views: Collection[str]) -> None:
    """Add views that a snapshot of all buckets was made without, as they are now.

    They are in the transaction of a pinned snapshot, so they go when it goes.
    """
    with reading(dsn) as source:
        for each in (each for view in views for each in _MIRRORS[view]):
            mirror.copy(snapshot.duck, source, each, ALL_BUCKETS)
        if MEMBERSHIPS in views:
            past = fetch_files(source, ALL_BUCKETS, MEMBERSHIP)
            snapshot.duck.execute(stays_view(snapshot.lake_dir, past))
            snapshot.files += tuple(past)


class Follower:
    """The same, kept: `renew` fetches what has changed since the last time, not everything.

    A renewal shows at once or, when it fails, not at all; queries of the snapshot before may run
    beside it, and see the new state from then on. One renewal at a time.
    """

    def __init__(
        self,
        duck: duckdb.DuckDBPyConnection,
        settings: Settings,
        dsn: str,
        buckets: tuple[int, int] = ALL_BUCKETS,
        views: Collection[str] = VIEWS,
    ) -> None:
        self._duck, self._dsn, self._lake_dir = duck, dsn, settings.lake_dir
        self._span, self._views = buckets, sorted(set(views))
        self._horizon: int | None = None

    def renew(self, since: datetime | None = None) -> Snapshot:
        """Everything known as it is now."""
        # a cursor of its own: somebody's interrupted query may still lie on the other one
        with reading(self._dsn) as source, self._duck.cursor() as duck:
            horizon = mirror.find_horizon(source)
            duck.begin()
            for each in (each for view in self._views for each in _MIRRORS[view]):
                if self._horizon is None:
                    mirror.copy(duck, source, each, self._span)
                else:
                    mirror.follow(duck, source, each, self._span, self._horizon)
            files = self._list_files(source, since) if EVENTS in self._views else []
            typed = sorted({column for file in files for column in file.typed})
            if EVENTS in self._views:
                with naming_damage(self._lake_dir, files):
                    duck.execute(events_view(self._lake_dir, files, typed))
            if MEMBERSHIPS in self._views:
                past = fetch_files(source, self._span, MEMBERSHIP)
                duck.execute(stays_view(self._lake_dir, past))
                files += past
            duck.commit()
        self._horizon = horizon
        columns = {(c.property, str(c.type)): c.name for c in typed}
        return Snapshot(self._duck, files, columns, self._lake_dir)

    def _list_files(self, source: adbc.Connection, since: datetime | None) -> list[LakeFile]:
        files = fetch_files(source, self._span, EVENT)
        return [file for file in files if since is None or file.max_time >= since]


def fetch_files(source: adbc.Connection, buckets: tuple[int, int], kind: str) -> list[LakeFile]:
    """The files of this kind that hold these buckets, both ends included; oldest first."""
    with source.cursor() as cursor:
        cursor.execute(_FILES, (*buckets, kind))
        return [_to_file(row) for row in cursor.fetch_arrow_table().to_pylist()]


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
        return f"create or replace view events as {recent}"
    kept = f"select * from ({select_files(lake_dir, files, typed)}) e where {UNMASKED}"
    return f"create or replace view events as {kept} union all {recent}"


def stays_view(lake_dir: Path, files: Sequence[LakeFile]) -> str:
    """SQL that defines `memberships` over files and the table `membership_changes`."""
    columns = 'segment_id, bucket, customer_id, "at", entered'
    changes = f"select {columns} from {mirror.CHANGES.name}"
    if files:
        changes += f" union all select {columns} from ({select_rows(lake_dir, files)})"
    stays = f"select * exclude (entered) from ({mirror.STAYS} from ({changes}))"
    return f"create or replace view memberships as {stays} where entered"


def _to_file(row: dict[str, Any]) -> LakeFile:
    row["typed_columns"] = msgspec.json.decode(row["typed_columns"])
    return msgspec.convert(row, LakeFile)
