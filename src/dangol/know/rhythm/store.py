"""SQL access of the rhythm: rows in and out as Arrow columns, models as structs."""

from datetime import date, datetime
from typing import NamedTuple

import msgspec
import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.types.json import Jsonb
from pyarrow import csv

from dangol.know.rhythm.model import NoModel, RhythmModel, Spend
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


COUNTED = pa.schema(
    [
        ("repeats", pa.int64()),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("weight", pa.int64()),
    ]
)
"""Histories in days as they are, before it is known which of them count."""

AMOUNTS = pa.schema([("orders", pa.int64()), ("total", pa.int64())])
"""In minor units of the brand's currency."""

BASE = pa.schema(
    [
        ("bucket", pa.int32()),
        ("customer_id", pa.int64()),
        ("repeats", pa.int64()),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        *AMOUNTS,
        ("stage", pa.string()),
    ]
)

DAYS = pa.schema([("customer_id", pa.int64()), ("day", pa.date32())])

WINDOW = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("last_day", pa.date32()),
        ("order_days", pa.int64()),
        *AMOUNTS,
    ]
)


def count_histories(conn: psycopg.Connection, today: date) -> pa.Table:
    """All customers alike, added up: `COUNTED`, up to `today`."""
    statement = sql.SQL(_SQL.count_histories).format(today=sql.Literal(today))
    return _copy_out(conn, statement, COUNTED)


def count_amounts(conn: psycopg.Connection, today: date) -> pa.Table:
    """Per customer with known amounts after the first order: `AMOUNTS`, up to `today`."""
    statement = sql.SQL(_SQL.count_amounts).format(today=sql.Literal(today))
    return _copy_out(conn, statement, AMOUNTS)


def read_base(conn: psycopg.Connection, today: date) -> pa.Table:
    """`BASE`, one row per customer with an order up to `today`."""
    statement = sql.SQL(_SQL.read_base).format(today=sql.Literal(today))
    return _copy_out(conn, statement, BASE)


def read_window(conn: psycopg.Connection, since: date, until: date) -> pa.Table:
    """`WINDOW`, one row per customer with an order after `since` up to and with `until`."""
    statement = sql.SQL(_SQL.read_window).format(since=sql.Literal(since), until=sql.Literal(until))
    return _copy_out(conn, statement, WINDOW)


class OrderDay(NamedTuple):
    """A day on which a customer ordered."""

    day: date
    revenue_minor: int
    unrated: int
    """How many of its amounts have no rate into the brand's currency, or are none."""


def read_days(conn: psycopg.Connection, bucket: int, customer_id: int) -> list[OrderDay]:
    """One customer's order days, first to last."""
    rows = conn.execute(_SQL.days_of, {"bucket": bucket, "customer_id": customer_id})
    return [OrderDay(*row) for row in rows]


def add_model(conn: psycopg.Connection, model: RhythmModel, since: date) -> RhythmModel:
    """The same model with the version number it was stored under."""
    values = _values(model, since) | {
        "model": model.kind.value,
        "params": Jsonb(msgspec.to_builtins(model.params)),
        "log_likelihood": model.log_likelihood,
        "thresholds": Jsonb(msgspec.to_builtins(model.thresholds)),
        "calendar": Jsonb(msgspec.to_builtins(model.calendar)),
        "covariance": Jsonb(model.covariance) if model.covariance else None,
        "spend": Jsonb(msgspec.to_builtins(_spend(model))),
    }
    version = conn.execute(_SQL.add_model, values).fetchone()[0]
    return msgspec.structs.replace(model, version=version)


def add_none(conn: psycopg.Connection, nothing: NoModel) -> None:
    """Write down that nothing can be learned, and how much there is; once, then renewed."""
    values = _values(nothing, nothing.known_since)
    if conn.execute(_SQL.renew_none, values).rowcount:
        return
    empty = {"params": Jsonb({}), "thresholds": Jsonb({}), "calendar": Jsonb({})}
    rest = {"model": "none", "log_likelihood": 0.0, "covariance": None, "spend": Jsonb({})}
    conn.execute(_SQL.add_model, values | empty | rest)


def _values(model: RhythmModel | NoModel, since: date | None) -> dict[str, object]:
    """What is kept of every look, whether anything could be learned or not."""
    return {
        "fitted_at": model.fitted_at,
        "as_of": model.as_of,
        "customers": model.customers,
        "repeaters": model.repeaters,
        "basis": Jsonb(msgspec.to_builtins(model.basis)),
        "known_since": since,
    }


def _spend(model: RhythmModel) -> object:
    is_model = isinstance(model.spend, Spend)
    return model.spend if is_model else {"problem": model.spend}


def read_buckets(conn: psycopg.Connection, lo: int, hi: int) -> pa.Table:
    """`FACTS` of everyone with a relationship day in buckets `lo` to `hi`, both included."""
    statement = sql.SQL(_SQL.read_buckets).format(lo=sql.Literal(lo), hi=sql.Literal(hi))
    return _copy_out(conn, statement, FACTS)


def add_unknown(conn: psycopg.Connection, lo: int, hi: int, now: datetime) -> None:
    """Whoever has relationship days but no stage stands there as unknown."""
    conn.execute(_SQL.add_unknown, {"lo": lo, "hi": hi, "now": now})


def read_unjudged(conn: psycopg.Connection, lo: int, hi: int) -> pa.Table:
    """`FACTS` of everyone in buckets `lo` to `hi` of whose stage nothing was ever said."""
    statement = sql.SQL(_SQL.read_unjudged).format(lo=sql.Literal(lo), hi=sql.Literal(hi))
    return _copy_out(conn, statement, FACTS)


def read_unjudged_days(conn: psycopg.Connection, lo: int, hi: int) -> pa.Table:
    """Their relationship days: `DAYS`."""
    statement = sql.SQL(_SQL.read_unjudged_days).format(lo=sql.Literal(lo), hi=sql.Literal(hi))
    return _copy_out(conn, statement, DAYS)


def list_unjudged(conn: psycopg.Connection) -> list[int]:
    """The buckets of those who wait for a first judgement."""
    return [bucket for (bucket,) in conn.execute(_SQL.list_unjudged)]


def read_asked(conn: psycopg.Connection, customers: pa.Table) -> pa.Table:
    """`FACTS` of `customers` (bucket, customer_id, cause), `cause` being the one given.

    Their stages are locked until the caller's transaction ends.
    """
    conn.execute(_SQL.create_asked)
    conn.execute(_SQL.clear_asked)
    copy_arrow(conn, "stage_asked", customers.select(["bucket", "customer_id", "cause"]))
    conn.execute(_SQL.lock_asked)
    return _copy_out(conn, sql.SQL(_SQL.read_asked), FACTS)


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


def _copy_out(conn: psycopg.Connection, statement: sql.Composable, schema: pa.Schema) -> pa.Table:
    """The rows of `statement`, which yields the columns of `schema`, as an Arrow table."""
    sink = pa.BufferOutputStream()
    outer = sql.SQL("copy ({}) to stdout (format csv)").format(statement)
    with conn.cursor() as cursor, cursor.copy(outer) as copy:
        for block in copy:
            sink.write(block)
    body = sink.getvalue()
    if body.size == 0:
        return schema.empty_table()
    return csv.read_csv(
        pa.BufferReader(body),
        csv.ReadOptions(column_names=schema.names),
        convert_options=csv.ConvertOptions(
            column_types={field.name: field.type for field in schema},
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
