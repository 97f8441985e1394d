"""Relationship days counted anew, when what they are counted by has changed.

Which event counts, the brand's zone and currency, and the rate table decide what a relationship day
is. Live counts by the values that hold; this brings the past in line, partition by partition, each
in one transaction during which Live and Route's merges wait.
"""

import datetime as dt

import msgspec
import psycopg
import pyarrow as pa
from psycopg.types.json import Jsonb

from dangol.know.identity.resolve import IDENTITY_LOCK
from dangol.know.relation import apply_days, read_rates
from dangol.settings import Settings
from dangol.store.brand import Brand, read_brand, read_setting
from dangol.store.bulk import copy_arrow
from dangol.store.lake import snapshot
from dangol.store.lake.carrying import carry_once
from dangol.store.pool import connect
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

_ORDERS = """
select bucket, customer_id, replace(event_id::varchar, '-', '') as event_id, name, time,
    received_at, props, source, effect, cause, 0::smallint as depth
from events where bucket between $lo and $hi and name = $event
"""


def is_recount_due(conn: psycopg.Connection, now: dt.datetime) -> bool:
    """Whether days were counted by something else than what holds now, or never."""
    row = conn.execute(SQL.read_basis).fetchone()
    return row is None or row[0] != _basis(conn)


def recount_days(settings: Settings, now: dt.datetime) -> int:
    """Count all relationship days anew; how many events counted. Opens its own transactions.

    Killed in between, some partitions are counted by the new rules and the rest is done by the
    next run; every partition is always consistent in itself.
    """
    dsn = settings.database_url or ""
    counted = 0
    with connect(dsn, name="recount") as conn:
        basis, brand = _basis(conn), read_brand(conn)
        partitions = [row[0] for row in conn.execute(SQL.list_partitions)]
        if conn.execute(SQL.never_counted).fetchone()[0]:
            partitions = []
        conn.commit()
        for partition in partitions:
            while (part := _recount(conn, settings, brand, partition)) is None:
                carry_once(dsn, settings, now)
            counted += part
        conn.execute(SQL.save_basis, {"basis": Jsonb(basis)})
        conn.commit()
    return counted


def _recount(
    conn: psycopg.Connection, settings: Settings, brand: Brand, partition: int
) -> int | None:
    """One partition, while nobody else writes there; None while a merge is on its way."""
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(%s)", [IDENTITY_LOCK])
        if conn.execute(SQL.merges_wait).fetchone()[0]:
            return None
        lo, hi = conn.execute(SQL.lock_partition, {"partition": partition}).fetchone()
        conn.execute(SQL.drop_days, {"lo": lo, "hi": hi})
        conn.execute(SQL.create_heard)
        with snapshot(settings, settings.database_url or "", (lo, hi), views=("events",)) as snap:
            args = {"lo": lo, "hi": hi, "event": brand.relationship_event}
            found = snap.duck.sql(_ORDERS, params=args)
            counted = sum(
                copy_arrow(conn, "heard", pa.Table.from_batches([batch]))
                for batch in found.to_arrow_reader(50_000)
            )
        apply_days(conn, brand, read_rates(conn, brand.currency))
    return counted


def _basis(conn: psycopg.Connection) -> dict[str, object]:
    brand = read_brand(conn)
    return {
        "event": brand.relationship_event,
        "zone": brand.zone,
        "currency": brand.currency,
        "rates": msgspec.to_builtins(read_setting(conn, "rates")),
    }
