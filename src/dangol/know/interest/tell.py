"""Interests told anew from the whole history, a range of buckets at a time.

A pure question to the lake, and a comparison with what is written: run twice it changes nothing,
and merges, erasures and changed items need no code of their own.
"""

from datetime import datetime

import psycopg
import pyarrow as pa

from dangol.know.interest.items import SQL
from dangol.know.interest.score import BUY, CLICK, HALF_LIFE_DAYS, ORIGIN, READ
from dangol.model.event import EventName
from dangol.model.tag import fold_tag
from dangol.settings import Settings
from dangol.store.bulk import copy_arrow
from dangol.store.lake import Snapshot, snapshot
from dangol.store.pool import connect

_TAGGED = ("category", "categories", "tags", "products")
_NAMED = ("product_id", "sku", "item_id", "article_id", "id", "url")
_STRIDE = 256
"""Buckets per transaction."""
_BUCKETS = 1024

_ITEMS = pa.schema([("key", pa.string()), ("tag", pa.string())])

_TELL = f"""
with heard as (
    select bucket, customer_id, event_id, time, props,
        case when name = any($buys) then 'buy' when name = '{EventName.MESSAGE_CLICKED}'
             then 'click' else 'read' end as kind
    from events
    where bucket between $lo and $hi and name = any($names) and time <= $now
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
        {", ".join(f"json_extract_string(thing, '$.{name}')" for name in _NAMED)}]) as key
    from about
), tagged as (
    select bucket, customer_id, event_id, time, kind,
        trim(regexp_replace(lower(nfc_normalize(tag)), '\\s+', ' ', 'g')) as tag
    from said where tag is not null and length(tag) <= 200
    union
    select n.bucket, n.customer_id, n.event_id, n.time, n.kind, i.tag
    from named n join items i on i.key = n.key
)
select bucket, customer_id, tag,
    sum(case kind when 'buy' then {BUY} when 'click' then {CLICK} else {READ} end
        * pow(2, (epoch_us(time) - $origin) / 86400e6 / {HALF_LIFE_DAYS}) order by time, event_id)
        as weight,
    (count(*) filter (where kind = 'read'))::int as reads,
    (count(*) filter (where kind = 'click'))::int as clicks,
    (count(*) filter (where kind = 'buy'))::int as buys,
    max(time) as last_at
from tagged where tag <> '' group by bucket, customer_id, tag
"""


def tell_interests(settings: Settings, relationship_event: str, now: datetime) -> int:
    """Bring every interest up to what the history says at `now`; how many rows changed.

    Opens its own connections; each range of buckets is one transaction.
    """
    dsn = settings.database_url or ""
    with connect(dsn, name="interests") as conn:
        names = _telling(conn)
        items = _items(conn)
        conn.commit()
        changed = 0
        with snapshot(settings, dsn, views=("events",)) as snap:
            snap.duck.register("items", items)
            for lo in range(0, _BUCKETS, _STRIDE):
                span = (lo, lo + _STRIDE - 1)
                told = _tell(snap, names, relationship_event, span, now)
                changed += _write(conn, told, span)
                conn.commit()
    return changed


def _telling(conn: psycopg.Connection) -> list[str]:
    """Names of events that can tell what somebody likes: fewer to read than all."""
    properties = [*_TAGGED, *(name for name in _NAMED if name != "id")]
    rows = conn.execute(SQL.list_telling_names, {"properties": properties})
    ours = {name for name in EventName if name.startswith("Message ")}
    heard = {name for (name,) in rows} - ours
    return sorted(heard | {EventName.MESSAGE_CLICKED, EventName.ORDER_COMPLETED})


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


def _tell(
    snap: Snapshot, names: list[str], relationship_event: str, span: tuple[int, int], now: datetime
) -> pa.Table:
    values = {
        "lo": span[0],
        "hi": span[1],
        "names": names,
        "buys": [relationship_event, str(EventName.ORDER_COMPLETED)],
        "now": now,
        "origin": int(ORIGIN.timestamp() * 1_000_000),
    }
    return snap.query(_TELL, values)


def _write(conn: psycopg.Connection, told: pa.Table, span: tuple[int, int]) -> int:
    conn.execute(SQL.create_told)
    copy_arrow(conn, "interest_told", told)
    dropped = conn.execute(SQL.drop_untold, {"lo": span[0], "hi": span[1]}).rowcount
    return dropped + conn.execute(SQL.keep_told).rowcount
