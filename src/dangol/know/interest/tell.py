"""Interests told anew from the whole history, a range of buckets at a time.

A pure question to the lake, and a comparison with what is written: run twice it changes nothing,
and merges, erasures and changed items need no code of their own. What `fold` added after the lake
was read is kept: each row says how much was added to it, and the reading sees how much that was then.
"""

from datetime import datetime

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from dangol.know.interest.fold import LEAD, NAMED, buying_names, telling_names
from dangol.know.interest.items import SQL
from dangol.know.interest.score import BUY, CLICK, HALF_LIFE_DAYS, ORIGIN, READ
from dangol.know.segment.membership.noting import INTERESTS, note_people
from dangol.model.event import EventName
from dangol.model.tag import fold_tag
from dangol.settings import Settings
from dangol.store.bulk import copy_arrow
from dangol.store.lake import Snapshot, snapshot
from dangol.store.pool import connect

_STRIDE, _STEP = 256, 16
"""Buckets per question, and per transaction: turns of Live wait for the people of one."""
_BUCKETS = 1024

_ITEMS = pa.schema([("key", pa.string()), ("tag", pa.string())])

_TELL = f"""
with heard as (
    select bucket, customer_id, event_id, time, props,
        case when name = any($buys) then 'buy' when name = '{EventName.MESSAGE_CLICKED}'
             then 'click' else 'read' end as kind
    from events
    where bucket between $lo and $hi and name = any($names) and time <= $until
), about as (
    select * exclude (props), unnest(list_prepend(props,
        coalesce(try_cast(json_extract(props, '$.products') as json[]), []))) as thing
    from heard
), said as (
    select bucket, customer_id, event_id, time, kind, unnest(list_concat(
        [json_extract_string(thing, '$.category')],
        coalesce(try_cast(json_extract(thing, '$.categories') as varchar[]), []),
        coalesce(try_cast(json_extract(thing, '$.tags') as varchar[]), []))) as tag
    from about
), named as (
    select bucket, customer_id, event_id, time, kind, unnest([
        {", ".join(f"json_extract_string(thing, '$.{name}')" for name in NAMED)}]) as key
    from about
), tagged as (
    select bucket, customer_id, event_id, time, kind,
        trim(regexp_replace(lower(nfc_normalize(tag)), '\\s+', ' ', 'g')) as tag
    from said where tag is not null and length(tag) <= 200
    union
    select n.bucket, n.customer_id, n.event_id, n.time, n.kind, i.tag
    from named n join items i on i.key = n.key
), told as (
select bucket, customer_id, tag,
    sum(case kind when 'buy' then {BUY} when 'click' then {CLICK} else {READ} end
        * pow(2, (epoch_us(time) - $origin) / 86400e6 / {HALF_LIFE_DAYS}) order by time, event_id)
        as weight,
    (count(*) filter (where kind = 'read'))::int as reads,
    (count(*) filter (where kind = 'click'))::int as clicks,
    (count(*) filter (where kind = 'buy'))::int as buys,
    max(time) as last_at
from tagged where tag <> '' group by bucket, customer_id, tag
)
select bucket, customer_id, tag, coalesce(weight, 0) as weight, coalesce(reads, 0) as reads,
    coalesce(clicks, 0) as clicks, coalesce(buys, 0) as buys,
    coalesce(last_at, make_timestamptz(0)) as last_at, coalesce(fresh_weight, 0) as fresh_weight,
    coalesce(fresh_reads, 0) as fresh_reads, coalesce(fresh_clicks, 0) as fresh_clicks,
    coalesce(fresh_buys, 0) as fresh_buys
from told full join (select * from fresh_interests where bucket between $lo and $hi)
    using (bucket, customer_id, tag)
"""


def tell_interests(settings: Settings, relationship_event: str, now: datetime) -> int:
    """Bring every interest up to what the history says at `now`; how many rows changed.

    Opens its own connections; each range of buckets is one transaction.
    """
    dsn = settings.database_url or ""
    with connect(dsn, name="interests") as conn:
        names = telling_names(conn)
        items = _items(conn)
        conn.commit()
        changed = 0
        with snapshot(settings, dsn, views=("events", "fresh_interests")) as snap:
            snap.duck.register("items", items)
            for lo in range(0, _BUCKETS, _STRIDE):
                span = (lo, lo + _STRIDE - 1)
                told = read_told(snap, (names, buying_names(relationship_event)), span, now)
                for step in range(lo, lo + _STRIDE, _STEP):
                    changed += keep_told(conn, told, (step, step + _STEP - 1), now)
    return changed


def _items(conn: psycopg.Connection) -> pa.Table:
    """(key, tag) of every item, keyed by its id and by its address."""
    rows = [
        {"key": name, "tag": fold_tag(tag)}
        for key, url, tags in conn.execute(SQL.list_all_items)
        for name in (key, url)
        if name
        for tag in tags
    ]
    return pa.Table.from_pylist(rows, _ITEMS)


def read_told(
    snap: Snapshot, names: tuple[list[str], list[str]], span: tuple[int, int], now: datetime
) -> pa.Table:
    """What the history of these buckets says: the columns of `interest_told`.

    `names` are those of the events that tell, and of those by which people buy. The snapshot has the
    views `events` and `fresh_interests`, and the table `items`.
    """
    values = {
        "lo": span[0],
        "hi": span[1],
        "names": names[0],
        "buys": names[1],
        "until": now + LEAD,
        "origin": int(ORIGIN.timestamp() * 1_000_000),
    }
    return snap.query(_TELL, values)


def keep_told(
    conn: psycopg.Connection, told: pa.Table, span: tuple[int, int], now: datetime
) -> int:
    """What was told of these buckets replaces what stands there, in a transaction of its own."""
    lo, hi = (pa.scalar(edge, pa.int32()) for edge in span)
    mine = pc.and_(pc.greater_equal(told["bucket"], lo), pc.less_equal(told["bucket"], hi))
    values = {"lo": span[0], "hi": span[1]}
    with conn.transaction():
        conn.execute(SQL.create_told)
        copy_arrow(conn, "interest_told", told.filter(mine))
        note_people(conn, conn.execute(SQL.list_moved, values).fetchall(), INTERESTS, now)
        dropped = conn.execute(SQL.drop_untold, values).rowcount
        return dropped + conn.execute(SQL.keep_told).rowcount
