"""A lake and its customers as they would stand after years: for measurements that read history."""

from collections.abc import Iterator
from datetime import datetime

import duckdb
import psycopg
import pyarrow as pa

from dangol.model.customer import BUCKETS
from dangol.settings import Settings
from dangol.store.files import DISK
from dangol.store.lake import open_duckdb
from dangol.store.lake.manifest import add_file
from dangol.store.lake.shape import EVENT_SCHEMA, PropertyType, TypedColumn
from dangol.store.lake.writing import Target, write_events
from dangol.store.pool import connect

_PARTITIONS = 16
_TYPED = tuple(
    sorted(
        [
            TypedColumn("category", PropertyType.TEXT),
            TypedColumn("total", PropertyType.NUMBER),
            TypedColumn("price", PropertyType.NUMBER),
        ]
    )
)
_EVENTS = """
with drawn as (
    select id, k, hash(id, k) as h, hash(k, id) as g
    from range($lo, $customers, 1024) b(base), range($width) w(step), range($each) e(k),
         lateral (select base + step as id) where id between 1 and $customers
), made as (
    select (id % 1024)::int as bucket, id::bigint as customer_id,
           unhex(md5(id || '-' || k)) as event_id,
           case when h % 10 = 0 then 'Order Completed' when h % 10 < 8 then 'Product Viewed'
                else 'Page Viewed' end as name,
           $now::timestamptz - to_microseconds((g % 63072000000000)::bigint) as time,
           h % 1000 as price, case h // 16 % 4 when 0 then '원두' when 1 then '도구'
                when 2 then '음료' else '드립백' end as category
    from drawn
)
select bucket, customer_id, event_id, name, time, time as received_at, time as recorded_at,
       540::smallint as utc_offset_min,
       case name when 'Order Completed'
            then '{"total": ' || price * 200 || ', "currency": "KRW"}'
            when 'Product Viewed'
            then '{"price": ' || price || ', "category": "' || category || '"}'
            else '{"url": "https://shop.example/"}' end as props,
       'bench' as source, 'history' as effect, 'behaviour' as cause, null::varchar as origin,
       0::smallint as depth,
       case when name = 'Product Viewed' then category end as category,
       case when name = 'Product Viewed' then price::double end as price,
       case when name = 'Order Completed' then price * 200.0::double end as total
from made order by bucket, customer_id, time, event_id
"""


def fill_history(settings: Settings, customers: int, events: int, now: datetime) -> None:
    """Lay out so many customers with stages, and as many events each, one file per partition."""
    width = BUCKETS // _PARTITIONS
    with connect(settings.database_url or "", name="bench") as conn:
        with open_duckdb(settings) as duck:
            for low in range(0, BUCKETS, width):
                _write_partition(conn, settings, duck, (low, width, customers, events), now)
        _add_people(conn, customers, now)
        conn.commit()
        conn.execute("analyze customer")


def _write_partition(
    conn: psycopg.Connection,
    settings: Settings,
    duck: duckdb.DuckDBPyConnection,
    span: tuple[int, int, int, int],
    now: datetime,
) -> None:
    low, width, customers, events = span
    values = {"lo": low, "width": width, "customers": customers, "now": now}
    values["each"] = events // customers
    reader = duck.sql(_EVENTS, params=values).to_arrow_reader(100_000)
    target = Target(
        layer=DISK, lake_dir=settings.lake_dir, level=1, typed=_TYPED, borders=(low,), now=now
    )
    written = write_events(target, _shaped(reader))
    if written:
        add_file(conn, written.file)


def _shaped(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """DuckDB's batches with the lake's types and names of typed columns."""
    names = {column.property: column.name for column in _TYPED}
    schema = pa.schema([*EVENT_SCHEMA, *(pa.field(c.name, _arrow(c)) for c in _TYPED)])
    for batch in reader:
        table = pa.Table.from_batches([batch])
        table = table.rename_columns([names.get(name, name) for name in table.column_names])
        place = table.column_names.index("event_id")
        ids = table["event_id"].combine_chunks().cast(pa.binary(16))
        keys = pa.ExtensionArray.from_storage(pa.uuid(), ids)
        table = table.set_column(place, schema.field("event_id"), keys)
        yield from table.select(schema.names).cast(schema).to_batches()


def _arrow(column: TypedColumn) -> pa.DataType:
    return pa.float64() if column.type is PropertyType.NUMBER else pa.string()


def _add_people(conn: psycopg.Connection, customers: int, now: datetime) -> None:
    moment = f"'{now.isoformat()}'::timestamptz"
    conn.execute(
        "insert into customer (bucket, customer_id, traits, first_seen_at, last_seen_at, created_at)"
        " select n %% 1024, n, jsonb_build_object('name', '홍길동' || n, 'email', 'u' || n ||"
        " '@s.example', 'city', (array['서울','부산','대구','인천'])[1 + n %% 7 %% 4], 'age', n %% 80),"
        f" {moment}, {moment}, {moment} from generate_series(1, %s) n",
        [customers],
    )
    stages = "(array['loyal','active','new','lapsing','inactive'])[1 + n %% 5]"
    conn.execute(
        "insert into stage (bucket, customer_id, stage, since, cause, repeats, first_day, last_day,"
        f" scored_at) select n %% 1024, n, {stages}, {moment}, 'refit', 3, {moment}::date,"
        f" {moment}::date, {moment} from generate_series(1, %s) n",
        [customers],
    )
