"""Acts out of the history, by the hour of each person's own clock; models in and out."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import psycopg
import pyarrow as pa
from psycopg.types.json import Jsonb

from dangol.model.customer import BUCKETS, customer_key
from dangol.model.event import RESERVED_NAMES, EventName
from dangol.model.zone import list_offsets
from dangol.store.lake import Snapshot
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

SESSION, CLICK, OPEN = 1.0, 1.0, 0.5
_OWN = (EventName.PAGE_VIEWED, EventName.SCREEN_VIEWED, EventName.MESSAGE_REPLIED)
_NO_ACTS = sorted(RESERVED_NAMES - {*_OWN, EventName.MESSAGE_CLICKED, EventName.MESSAGE_OPENED})

_OFFSETS = pa.schema(
    [
        ("zone", pa.string()),
        ("since", pa.timestamp("us", "UTC")),
        ("until", pa.timestamp("us", "UTC")),
        ("east", pa.int32()),
    ]
)

_ACTS = f"""
with located as (
    select c.bucket, c.customer_id, coalesce(c.zone, $zone) as zone
    from customers c where c.bucket between $lo and $hi
        and ($customer_id::bigint is null or c.customer_id = $customer_id)
), acted as (
    select e.customer_id, l.zone, e.time,
        case e.name when '{EventName.MESSAGE_CLICKED}' then {CLICK}
            when '{EventName.MESSAGE_OPENED}' then {OPEN} else {SESSION} end
            * pow(2, -greatest(epoch($now - e.time), 0) / 86400 / 90) as weight,
        e.time::timestamp + to_seconds(coalesce(e.utc_offset_min * 60, o.east)) as local
    from events e
    join located l using (bucket, customer_id)
    join offsets o on o.zone = l.zone and e.time >= o.since and e.time < o.until
    where not list_contains($no_acts, e.name) and e.time <= $now
        and coalesce(json_extract_string(e.props, '$.machine'), 'false') <> 'true'
), told as (
    select customer_id, zone, weight, hour(local)::int as hour, isodow(local)::int - 1 as day
    from acted where local::time <> time '00:00:00'
)
"""
"""Times of midnight sharp are dates without a time of day, and say nothing about hours."""


class TimingModel(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody's hours, as learned one night."""

    told_at: datetime
    people: int
    acts: int
    kappa: float
    everyone: list[float]
    zones: dict[str, list[float]]
    week: list[float]

    def pi(self, zone: str) -> list[float]:
        """The hours of those who live in `zone`."""
        return self.zones.get(zone, self.everyone)


class Span(NamedTuple):
    """Whose acts: a range of buckets (both ends included), perhaps one customer of it."""

    lo: int
    hi: int
    customer_id: int | None = None


def register_offsets(snap: Snapshot, brand_zone: str, now: datetime) -> None:
    """Make the table `offsets` for all zones in which customers live."""
    found = snap.query("select distinct zone from customers where zone is not null")
    zones = sorted({brand_zone, *found.column("zone").to_pylist()})
    snap.duck.register("offsets", _offsets(zones, now))


def count_hours(snap: Snapshot, span: Span, brand_zone: str, now: datetime) -> pa.Table:
    """customer_id, zone, hour, weight and acts: what everyone did at which local hour."""
    return snap.query(
        f"{_ACTS} select customer_id, zone, hour, sum(weight) as weight, count(*) as acts"
        " from told group by all order by all",
        _values(span, brand_zone, now),
    )


def count_week(snap: Snapshot, span: Span, brand_zone: str, now: datetime) -> pa.Table:
    """zone, day (Monday 0), hour, weight and acts, of all people together; and how many people."""
    return snap.query(
        f"{_ACTS} select zone, day, hour, sum(weight) as weight, count(*) as acts"
        " from told group by all order by all",
        _values(span, brand_zone, now),
    )


def count_people(snap: Snapshot, brand_zone: str, now: datetime) -> int:
    """How many did anything at a known time of day."""
    values = _values(Span(0, BUCKETS - 1), brand_zone, now)
    found = snap.query(f"{_ACTS} select count(distinct customer_id) as n from told", values)
    return found.column("n")[0].as_py()


def add_model(conn: psycopg.Connection, model: TimingModel) -> None:
    """Keep a model as the newest."""
    values = msgspec.structs.asdict(model)
    conn.execute(SQL.add_model, values | {"zones": Jsonb(model.zones)})
    conn.execute(SQL.forget_models)


def find_model(conn: psycopg.Connection) -> TimingModel | None:
    """The newest model; None before the first night with any act."""
    row = conn.cursor(row_factory=psycopg.rows.dict_row).execute(SQL.find_model).fetchone()
    return TimingModel(**row) if row else None


def find_zone(conn: psycopg.Connection, customer_id: int) -> str | None:
    """Where a customer's clock stands, if that is known."""
    row = conn.execute(SQL.find_zone, customer_key(customer_id)).fetchone()
    return row[0] if row else None


def _values(span: Span, zone: str, now: datetime) -> dict[str, Any]:
    values = {"lo": span.lo, "hi": span.hi, "customer_id": span.customer_id}
    return values | {"zone": zone, "now": now, "no_acts": [str(name) for name in _NO_ACTS]}


def _offsets(zones: list[str], now: datetime) -> pa.Table:
    first = datetime(1900, 1, 1, tzinfo=now.tzinfo)
    last = datetime(2200, 1, 1, tzinfo=now.tzinfo)
    rows = []
    for zone in zones:
        changes = list_offsets(zone, first, now)
        ends = [since for since, _ in changes[1:]] + [last]
        for (since, east), until in zip(changes, ends, strict=True):
            rows.append({"zone": zone, "since": since, "until": until, "east": east})
    return pa.Table.from_pylist(rows, _OFFSETS)
