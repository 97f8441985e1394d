"""Rows in bulk into PostgreSQL: an Arrow table becomes one COPY, encoded in C++."""

import io

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql
from pyarrow import csv

_CSV = csv.WriteOptions(include_header=False, quoting_style="all_valid", batch_size=65_536)


def copy_arrow(conn: psycopg.Connection, table: str, rows: pa.Table) -> int:
    """Append `rows` to `table` by COPY and return how many; column names must match.

    Columns are text, integers, floats, booleans, dates or UTC timestamps; uuid, jsonb and
    bytea travel as text (bytea as `\\x…`), arrays as PostgreSQL array literals. Nulls stay null,
    empty text stays empty.
    """
    if rows.num_rows == 0:
        return 0
    buffer = io.BytesIO()
    csv.write_csv(_with_plain_times(rows), buffer, _CSV)
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(buffer.getbuffer())
    return rows.num_rows


def _with_plain_times(rows: pa.Table) -> pa.Table:
    """UTC timestamps as text: the CSV writer looks its zone up for every value, 20 times slower."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz == "UTC":
            plain = rows.column(place).cast(pa.timestamp(field.type.unit)).cast(pa.string())
            text = pc.binary_join_element_wise(plain, "Z", "")
            rows = rows.set_column(place, field.name, text)
    return rows
