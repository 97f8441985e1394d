"""The mover: recent events into one file, and out of `event_recent`, in one snapshot (`leaving`)."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import duckdb
import psycopg
import pyarrow as pa

from dangol.settings import Settings
from dangol.store.files import DISK, FileLayer
from dangol.store.lake.duck import open_duckdb
from dangol.store.lake.leaving import leaving, seeing_the_same, settle
from dangol.store.lake.manifest import SQL, LakeFile, list_partitions, list_typed
from dangol.store.lake.recent import read_recent
from dangol.store.lake.shape import EVENT_SCHEMA, TypedColumn, select_with_typed
from dangol.store.lake.writing import Target, Written, write_events

MOVE_ROWS = 200_000
"""So many recent events are moved at once without waiting."""
MOVE_AFTER = timedelta(minutes=10)
"""Fewer are moved when this has passed since the last file."""
MOST_ROWS = 1_000_000
"""A longer queue is moved in several files, in order of key."""


def is_move_due(conn: psycopg.Connection, now: datetime) -> bool:
    """Whether there is a file's worth of recent events, or any after ten minutes."""
    args = {"rows": MOVE_ROWS, "now": now}
    waits, is_full, last_at = conn.execute(SQL.find_waiting, args).fetchone()
    return is_full or (waits and now - last_at >= MOVE_AFTER)


def move_once(
    dsn: str,
    settings: Settings,
    now: datetime,
    *,
    layer: FileLayer = DISK,
    limit: int = MOST_ROWS,
) -> LakeFile | None:
    """Move up to `limit` recent events into a new level-0 file; opens its own transaction.

    None when there is nothing to move, or another writer is at work. Masked customers' rows are
    left where they are. Call again until it returns None.

    Raises:
        StorageError: the file could not be written; nothing has changed.
    """
    with leaving(dsn, "mover") as conn:
        written = _copy_out(conn, dsn, settings, now, layer, limit) if conn else None
        if conn is None or written is None:
            return None
        names = ("bucket", "customer_id", "time", "event_id")
        key = dict(zip(names, written.last, strict=True))
        settle(conn, written.file, conn.execute(SQL.delete_moved, key).rowcount)
    return written.file


def _copy_out(
    conn: psycopg.Connection,
    dsn: str,
    settings: Settings,
    now: datetime,
    layer: FileLayer,
    limit: int,
) -> Written | None:
    target = Target(
        layer=layer,
        lake_dir=settings.lake_dir,
        level=0,
        typed=list_typed(conn),
        borders=tuple(low for low, _ in list_partitions(conn)),
        now=now,
    )
    with seeing_the_same(conn, dsn) as source, open_duckdb(settings, threads=1) as duck:
        events = read_recent(source, limit)
        return write_events(target, with_typed(duck, events, target.typed))


def with_typed(
    duck: duckdb.DuckDBPyConnection,
    batches: Iterable[pa.RecordBatch],
    typed: tuple[TypedColumn, ...],
) -> Iterator[pa.RecordBatch]:
    """The same events in the same order, with their typed columns."""
    for batch in batches:
        if not typed:
            yield batch
            continue
        made = duck.sql(select_with_typed("batch", typed)).to_arrow_table()
        columns = [*batch.columns, *(made[column.name].combine_chunks() for column in typed)]
        names = [*EVENT_SCHEMA.names, *(column.name for column in typed)]
        yield pa.RecordBatch.from_arrays(columns, names=names)
