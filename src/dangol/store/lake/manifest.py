"""The manifest: which files are the history, and the one lock under which that changes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg
import pyarrow as pa
from psycopg.types.json import Jsonb

from dangol.model.customer import BUCKETS
from dangol.store.lake.shape import PropertyType, TypedColumn
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

FOLDER = "events"
"""Folder of the history files inside the lake's folder."""

EVENT, MESSAGE, MEMBERSHIP = "event", "message", "membership"
"""What a file holds."""

ALL_BUCKETS = (0, BUCKETS - 1)

_LOCK = 0x64616E676F6C01  # "dangol", 1


class LakeFile(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the manifest; `path` is relative to the lake's folder."""

    id: UUID
    level: int
    path: str
    bucket_lo: int
    bucket_hi: int
    rows: int
    bytes: int
    min_time: datetime
    max_time: datetime
    format_version: int
    typed_columns: dict[str, TypedColumn]
    created_at: datetime
    kind: str = EVENT

    @property
    def typed(self) -> tuple[TypedColumn, ...]:
        """Its typed columns, in order of name."""
        return tuple(sorted(self.typed_columns.values()))


def list_files(
    conn: psycopg.Connection, buckets: tuple[int, int] = ALL_BUCKETS, kind: str | None = EVENT
) -> list[LakeFile]:
    """The files of this kind (None: of all) that hold these buckets, both ends included; oldest
    first."""
    args = {"bucket_lo": buckets[0], "bucket_hi": buckets[1], "kind": kind}
    cursor = conn.execute(SQL.list_files, args)
    names = [column.name for column in cursor.description or ()]
    return [to_file(dict(zip(names, row, strict=True))) for row in cursor]


def to_file(row: dict[str, object]) -> LakeFile:
    """A manifest row as a value."""
    return msgspec.convert(row, LakeFile, builtin_types=(UUID, datetime))


def add_file(conn: psycopg.Connection, file: LakeFile) -> None:
    """Make a durable file part of the truth, with this transaction."""
    values = msgspec.structs.asdict(file)
    values["typed_columns"] = Jsonb(msgspec.to_builtins(file.typed_columns))
    conn.execute(SQL.add_file, values)


def remove_files(conn: psycopg.Connection, ids: Sequence[UUID], now: datetime) -> bool:
    """Take files out of the truth; False when another writer already took one of them."""
    return conn.execute(SQL.remove_files, {"ids": list(ids), "now": now}).rowcount == len(ids)


def list_partitions(conn: psycopg.Connection) -> list[tuple[int, int]]:
    """The ranges of buckets (both ends included) that files and leases are cut into."""
    return [(lo, hi) for lo, hi in conn.execute(SQL.list_partitions)] or [ALL_BUCKETS]


def list_typed(conn: psycopg.Connection, *, limit: int = 64) -> tuple[TypedColumn, ...]:
    """The properties that get columns in files written from now on."""
    rows = conn.execute(SQL.list_typed_properties, {"frequent": 1000, "limit": limit})
    return tuple(sorted(TypedColumn(name, PropertyType(kind)) for name, kind in rows))


@contextmanager
def writing(conn: psycopg.Connection, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lake's write lock on `conn` (outside any transaction); yields whether we hold it.

    It is the session's, so it goes with the session: a killed writer holds nothing.
    """
    with conn.transaction():
        row = conn.execute(SQL.lock if wait else SQL.try_lock, {"key": _LOCK}).fetchone()
    if not wait and not (row and row[0]):
        yield False
        return
    try:
        yield True
    finally:
        if not conn.closed:
            with conn.transaction():
                conn.execute(SQL.unlock, {"key": _LOCK})


def folder_of(lake_dir: Path) -> Path:
    """Where the files of events are."""
    return lake_dir / FOLDER


def list_masked(conn: psycopg.Connection, *, due_by: datetime | None = None) -> pa.Table:
    """Customers (bucket int32, customer_id int64) whose rows may still be in files.

    With `due_by`, those that must be gone from them by then.
    """
    sql = SQL.list_masked if due_by is None else SQL.list_due_masks
    rows = conn.execute(sql, {"by": due_by}).fetchall()
    return pa.table(
        {
            "bucket": pa.array([row[0] for row in rows], pa.int32()),
            "customer_id": pa.array([row[1] for row in rows], pa.int64()),
        }
    )


def mark_rewritten(conn: psycopg.Connection, masked: pa.Table, now: datetime) -> int:
    """Note that no file holds these customers' rows any more; how many were news."""
    columns = {
        "buckets": masked["bucket"].to_pylist(),
        "customers": masked["customer_id"].to_pylist(),
    }
    return conn.execute(SQL.mark_rewritten, columns | {"now": now}).rowcount
