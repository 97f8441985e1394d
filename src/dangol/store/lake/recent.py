"""Rows of PostgreSQL as Arrow, through ADBC; those of `event_recent` in the order of files."""

from collections.abc import Iterator
from contextlib import contextmanager

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa

from dangol.store.lake.shape import EVENT_COLUMNS, EVENT_SCHEMA

_RECENT = f"""
select {", ".join(f"e.{name}" for name in EVENT_COLUMNS)} from event_recent e
where not exists
    (select 1 from mask m where m.bucket = e.bucket and m.customer_id = e.customer_id)
order by e.bucket, e.customer_id, e.time, e.event_id limit $1
"""


@contextmanager
def reading(dsn: str, shared: str | None = None) -> Iterator[adbc.Connection]:
    """A connection in one read-only, repeatable-read transaction; `shared` is another's snapshot."""
    with adbc.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        if shared:
            cursor.execute(f"set transaction snapshot '{shared}'")
        cursor.execute("set local timezone to 'UTC'")
        yield connection


def read_recent(connection: adbc.Connection, limit: int) -> Iterator[pa.RecordBatch]:
    """The first `limit` recent events that no mask hides, shaped as EVENT_SCHEMA, streamed."""
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, (limit,))
        for batch in cursor.fetch_record_batch():
            yield _shaped(batch)


def _shaped(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of the driver's as EVENT_SCHEMA: JSON as plain text, no metadata."""
    columns = [
        column.storage if isinstance(column, pa.ExtensionArray) and name == "props" else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)
