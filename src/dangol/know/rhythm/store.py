"""SQL access of the rhythm: rows in and out as Arrow columns, models as structs."""

from datetime import date

import msgspec
import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.types.json import Jsonb
from pyarrow import csv

from dangol.know.rhythm.history import Histories, histories
from dangol.know.rhythm.model import RhythmModel
from dangol.store.bulk import copy_arrow
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

_INSTANT = pa.timestamp("us", "UTC")
FACTS = pa.schema(
    [
        ("bucket", pa.int32()),
        ("customer_id", pa.int64()),
        ("repeats", pa.int64()),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("stage", pa.string()),
        ("seen_repeats", pa.int64()),
        ("seen_first_day", pa.date32()),
        ("seen_last_day", pa.date32()),
        ("p", pa.float64()),
        ("model_version", pa.int32()),
        ("since", _INSTANT),
        ("previous", pa.string()),
        ("cause", pa.string()),
    ]
)
"""What is known before a stage is decided; from `stage` on null where no stage was written."""


def count_histories(conn: psycopg.Connection, today: date) -> Histories:
    """All customers' histories up to `today`, grouped."""
    rows = conn.execute(_SQL.count_histories, {"today": today}).fetchall()
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    return histories(*columns)


def add_model(conn: psycopg.Connection, model: RhythmModel) -> RhythmModel:
    """The same model with the version number it was stored under."""
    values = {
        "model": model.kind.value,
        "params": Jsonb(msgspec.to_builtins(model.params)),
        "fitted_at": model.fitted_at,
        "as_of": model.as_of,
        "customers": model.customers,
        "repeaters": model.repeaters,
        "log_likelihood": model.log_likelihood,
        "thresholds": Jsonb(msgspec.to_builtins(model.thresholds)),
    }
    version = conn.execute(_SQL.add_model, values).fetchone()[0]
    return msgspec.structs.replace(model, version=version)


def read_buckets(conn: psycopg.Connection, lo: int, hi: int) -> pa.Table:
    """`FACTS` of everyone with a relationship day in buckets `lo` to `hi`, both included."""
    statement = sql.SQL(_SQL.read_buckets).format(lo=sql.Literal(lo), hi=sql.Literal(hi))
    return _copy_out(conn, statement)


def read_asked(conn: psycopg.Connection, customers: pa.Table) -> pa.Table:
    """`FACTS` of `customers` (bucket, customer_id, cause), `cause` being the one given.

    Their stages are locked until the caller's transaction ends.
    """
    conn.execute(_SQL.create_asked)
    conn.execute(_SQL.clear_asked)
    copy_arrow(conn, "stage_asked", customers.select(["bucket", "customer_id", "cause"]))
    conn.execute(_SQL.lock_asked)
    return _copy_out(conn, sql.SQL(_SQL.read_asked))


def write_stages(conn: psycopg.Connection, fresh: pa.Table) -> set[int]:
    """Write rows whose state is still what was seen; returns the customer ids written."""
    conn.execute(_SQL.create_fresh)
    conn.execute(_SQL.clear_fresh)
    if not copy_arrow(conn, "stage_fresh", fresh):
        return set()
    conn.execute(_SQL.lock_fresh)
    written = conn.execute(_SQL.update_stages).fetchall()
    written += conn.execute(_SQL.insert_stages).fetchall()
    return {row[0] for row in written}


def delete_orphans(conn: psycopg.Connection, lo: int, hi: int) -> int:
    """Remove stages of customers without any relationship day; returns how many."""
    return conn.execute(_SQL.delete_orphans, {"lo": lo, "hi": hi}).rowcount


def _copy_out(conn: psycopg.Connection, statement: sql.Composable) -> pa.Table:
    """The rows of `statement` as an Arrow table of `FACTS`."""
    sink = pa.BufferOutputStream()
    outer = sql.SQL("copy ({}) to stdout (format csv)").format(statement)
    with conn.cursor() as cursor, cursor.copy(outer) as copy:
        for block in copy:
            sink.write(block)
    body = sink.getvalue()
    if body.size == 0:
        return FACTS.empty_table()
    return csv.read_csv(
        pa.BufferReader(body),
        csv.ReadOptions(column_names=FACTS.names),
        convert_options=csv.ConvertOptions(
            column_types={field.name: field.type for field in FACTS},
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
