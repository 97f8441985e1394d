"""Rows that leave a table for a file, in one snapshot: what is common to every kind of them.

One repeatable-read transaction reads the rows through a second connection, and deletes what it
could read: a row that commits late is in neither. The file is durable before the transaction
commits; when that fails, it is an orphan that the sweep removes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa

from dangol.store.lake.manifest import SQL, LakeFile, add_file, writing
from dangol.store.lake.recent import reading
from dangol.store.lake.shelf import Place, Shelf, write_rows
from dangol.store.pool import connect


class Copied(NamedTuple):
    """A durable file that is not yet in the manifest."""

    file: LakeFile
    last: dict[str, Any]
    """Of its last row, the columns by which its shelf is sorted."""


@contextmanager
def leaving(dsn: str, name: str) -> Iterator[psycopg.Connection | None]:
    """A repeatable-read transaction that holds the lake's lock; None: another writer has it.

    It commits at the end of the block.
    """
    with connect(dsn, name=name) as conn, writing(conn, wait=False) as is_ours:
        if not is_ours:
            yield None
            return
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with conn.transaction():
            yield conn


@contextmanager
def seeing_the_same(conn: psycopg.Connection, dsn: str) -> Iterator[adbc.Connection]:
    """A second connection that sees just what the transaction of `conn` sees."""
    shared = conn.execute(SQL.export_snapshot).fetchone()[0]  # type: ignore[index]
    with reading(dsn, shared) as source:
        yield source


def copy_to_shelf(
    conn: psycopg.Connection, place: Place, shelf: Shelf, select: str, values: Sequence[Any] = ()
) -> Copied | None:
    """What `select` finds, with the columns and in the order of `shelf`, in a file; None: nothing.

    Raises:
        StorageError: it could not be written; nothing is left behind.
    """
    last: dict[str, Any] = {}

    def rows(source: adbc.Connection) -> Iterator[pa.RecordBatch]:
        with source.cursor() as cursor:
            cursor.execute(select, tuple(values) or None)
            for batch in cursor.fetch_record_batch():
                shaped = pa.RecordBatch.from_arrays(batch.columns, schema=shelf.schema)
                if shaped.num_rows:
                    end = shaped.slice(shaped.num_rows - 1).to_pylist()[0]
                    last.update({name: end[name] for name in shelf.order})
                yield shaped

    with seeing_the_same(conn, place.settings.database_url or "") as source:
        made = write_rows(place, shelf, rows(source))
    return Copied(made, last) if made is not None else None


def settle(conn: psycopg.Connection, file: LakeFile, gone: int) -> None:
    """Make `file` part of the truth with this transaction; `gone` rows were deleted for it.

    Raises:
        RuntimeError: the file holds another number of rows.
    """
    if gone != file.rows:
        raise RuntimeError(f"the {file.kind} file holds {file.rows} rows, but {gone} were deleted")
    add_file(conn, file)
