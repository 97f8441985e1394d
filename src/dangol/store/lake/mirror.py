"""Tables of PostgreSQL as tables of DuckDB: copied once, then brought up to date by what changed.

PostgreSQL stamps each row with the transaction that wrote it (`xmin`). Rows that a snapshot could
not see yet are all from transactions at or after that snapshot's oldest running one, so those rows
are what the next snapshot has to fetch, and a few it knows already. Deleted rows leave no stamp;
they show as a difference in the number of rows, and then the table is copied anew.
"""

from typing import NamedTuple

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import pyarrow as pa

Span = tuple[int, int]
"""First and last bucket."""


class Mirror(NamedTuple):
    """One table to copy. `t` is the row in PostgreSQL."""

    name: str
    """Its name in DuckDB."""
    table: str
    columns: str
    key: tuple[str, ...]
    live: str
    """Which rows are of interest; that may change while the row does not."""


RECENT = Mirror(
    "recent",
    "event_recent",
    "t.bucket, t.customer_id, t.event_id, t.name, t.time, t.received_at, t.recorded_at, "
    "t.utc_offset_min, t.props::text as props, t.source, t.effect, t.cause, t.origin, t.depth",
    ("bucket", "customer_id", "time", "event_id"),
    "not exists (select 1 from mask m where m.bucket = t.bucket and m.customer_id = t.customer_id)",
)
MASKED = Mirror(
    "masked", "mask", "t.bucket, t.customer_id", ("bucket", "customer_id"), "t.rewritten_at is null"
)
CUSTOMERS = Mirror(
    "customers",
    "customer",
    "t.bucket, t.customer_id, t.traits::text as traits, t.first_seen_at, t.last_seen_at, "
    "t.created_at, t.locale, t.zone, t.country",
    ("bucket", "customer_id"),
    "t.merged_into is null and t.erased_at is null",
)
STAGES = Mirror(
    "stages",
    "stage",
    "t.bucket, t.customer_id, t.stage, t.since, t.previous, t.repeats, t.first_day, t.last_day, "
    "t.gap_days, t.horizon_days, t.p, t.p_alive, t.silence, t.model_version, t.scored_at",
    ("bucket", "customer_id"),
    "true",
)
CONSENTS = Mirror(
    "consents",
    "contact_state",
    "t.bucket, t.customer_id, t.channel, t.consent, t.consent_time, t.topics::text as topics, "
    "t.objected_at, t.paused_until",
    ("bucket", "customer_id", "channel"),
    "true",
)
INTERESTS = Mirror(
    "interests",
    "interest",
    "t.bucket, t.customer_id, t.tag, t.weight",
    ("bucket", "customer_id", "tag"),
    "true",
)
FRESH_INTERESTS = Mirror(
    "fresh_interests",
    "interest",
    "t.bucket, t.customer_id, t.tag, t.fresh_weight, t.fresh_reads, t.fresh_clicks, t.fresh_buys",
    ("bucket", "customer_id", "tag"),
    "t.fresh_weight <> 0",
)
CHANGES = Mirror(
    "membership_changes",
    "segment_change",
    "t.segment_id::text as segment_id, t.bucket, t.customer_id, t.at, t.entered",
    ("segment_id", "bucket", "customer_id", "at"),
    "true",
)
STAYS = (
    'select segment_id, bucket, customer_id, "at" as entered_at, lead("at") over'
    ' (partition by segment_id, bucket, customer_id order by "at") as left_at, entered'
)
"""SQL of entries with the exits that follow them, up to its `from`; exits are `not entered`."""
MEMBERSHIPS = Mirror(
    "memberships",
    f"({STAYS} from segment_change)",
    "t.segment_id::text as segment_id, t.bucket, t.customer_id, t.entered_at, t.left_at",
    ("segment_id", "bucket", "customer_id", "entered_at"),
    "t.entered",
)
"""Can be copied, not followed."""


def find_horizon(source: adbc.Connection) -> int:
    """The oldest transaction that the snapshot of `source` may not see, as the 32 bits of `xmin`."""
    with source.cursor() as cursor:
        cursor.execute("select pg_snapshot_xmin(pg_current_snapshot())::text")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0]) & 0xFFFFFFFF


def copy(
    duck: duckdb.DuckDBPyConnection, source: adbc.Connection, mirror: Mirror, span: Span
) -> None:
    """Fetch the whole table; one of that name is replaced."""
    statement = (
        f"select {mirror.columns} from {mirror.table} t "
        f"where t.bucket between $1 and $2 and {mirror.live}"
    )
    with source.cursor() as cursor:
        cursor.execute(statement, span)
        _store(duck, mirror.name, cursor.fetch_record_batch())


def follow(
    duck: duckdb.DuckDBPyConnection,
    source: adbc.Connection,
    mirror: Mirror,
    span: Span,
    horizon: int,
) -> None:
    """Bring a copy from a snapshot with that `horizon` up to date with the snapshot of `source`."""
    statement = (
        f"select {mirror.columns}, not ({mirror.live}) as is_gone from {mirror.table} t "
        "where t.bucket between $1 and $2 and ((t.xmin::text::bigint - $3) & 4294967295) < 2147483648"
    )
    with source.cursor() as cursor:
        cursor.execute(statement, (*span, horizon))
        _store(duck, "changed", cursor.fetch_record_batch())
    same = " and ".join(f"m.{column} = c.{column}" for column in mirror.key)
    duck.execute(f"delete from {mirror.name} m using changed c where {same}")
    duck.execute(
        f"insert into {mirror.name} select * exclude (is_gone) from changed where not is_gone"
    )
    duck.execute("drop table changed")
    if _count_there(source, mirror, span) != _count_here(duck, mirror):
        copy(duck, source, mirror, span)


def _count_there(source: adbc.Connection, mirror: Mirror, span: Span) -> int:
    statement = (
        f"select count(*) from {mirror.table} t where t.bucket between $1 and $2 and {mirror.live}"
    )
    with source.cursor() as cursor:
        cursor.execute(statement, span)
        row = cursor.fetchone()
    assert row is not None
    return row[0]


def _count_here(duck: duckdb.DuckDBPyConnection, mirror: Mirror) -> int:
    return duck.execute(f"select count(*) from {mirror.name}").fetchall()[0][0]


def _store(duck: duckdb.DuckDBPyConnection, name: str, rows: pa.RecordBatchReader) -> None:
    """Copy rows into a table of DuckDB's own, which may spill to disk."""
    duck.register("incoming", rows)
    duck.execute(f"create or replace table {name} as select * from incoming")
    duck.unregister("incoming")
