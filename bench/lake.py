"""The lake: moving, compacting and scanning events, against rows in Python and JSON in PostgreSQL."""

import datetime as dt
import time
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from bench._ground import fresh_database
from bench.report import Figure, show
from dangol.settings import Settings
from dangol.store.lake import snapshot
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.mover import move_once
from dangol.store.lake.plan import SPREAD_AT
from dangol.store.pool import connect

EVENTS = 800_000
"""In as many files as compaction waits for."""
SLOW = 20_000
"""So many are enough to know how fast rows go through Python."""

_NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
_FILL = """
insert into event_recent
select i %% 1024, i, '2026-01-01'::timestamptz + n * interval '7 s', gen_random_uuid(),
    case when n %% 3 = 0 then 'Order Completed' else 'Page Viewed' end, now(), now(), 540,
    jsonb_build_object('total', n %% 90000, 'currency', 'KRW', 'plan', 'basic', 'path', '/p/' || n,
        'products', jsonb_build_array(jsonb_build_object('sku', 'A' || n %% 500, 'price', n))),
    'key_1', 'live', 'behaviour', null, 0
from (select n, (n * 7919::bigint) %% 100000 as i from generate_series(%(low)s::int, %(high)s::int) n) g"""
_TYPED = """
insert into catalogue_property (owner, name, type, count, last_at)
values ('Order Completed', 'total', 'number', 100000, now()),
    ('Order Completed', 'plan', 'text', 100000, now())"""
_JSON_SUM = "select sum((props->>'total')::float8) from event_recent where name = 'Order Completed'"


def main() -> None:
    """Print all figures."""
    with fresh_database() as settings:
        dsn = settings.database_url or ""
        with connect(dsn, name="bench", autocommit=True) as conn:
            conn.execute(_TYPED)
        _fill(dsn, 0, SLOW)
        slow = SLOW / _timed(lambda: _move_by_rows(settings))
        step = EVENTS // SPREAD_AT
        seconds = in_database = 0.0
        for low in range(0, EVENTS, step):
            _fill(dsn, low, low + step)
            in_database = _timed(lambda: _query(dsn))
            seconds += _timed(lambda: move_once(dsn, settings, _NOW))
        _show("events moved to a file", EVENTS / seconds, slow, "row by row in Python")
        seconds = _timed(lambda: compact_once(dsn, settings, _NOW))
        _show("events compacted", EVENTS / seconds, slow, "row by row in Python")
        scanned = EVENTS / _timed(lambda: _scan(settings, dsn))
        _show("events scanned for a sum", scanned, step / in_database, "JSON in PostgreSQL")
        size = sum(path.stat().st_size for path in (settings.lake_dir / "events").iterdir()) / 2
        show(Figure("bytes of an event in a file", size / EVENTS, "B", higher_is_better=False))


def _fill(dsn: str, low: int, high: int) -> None:
    with connect(dsn, name="bench", autocommit=True) as conn:
        conn.execute(_FILL, {"low": low, "high": high - 1})
        conn.execute("analyze event_recent")


def _move_by_rows(settings: Settings) -> None:
    """What the mover would be with a loop over rows."""
    with connect(settings.database_url or "", name="bench") as conn:
        rows = conn.execute(
            "select * from event_recent order by bucket, customer_id, time, event_id"
        )
        names = [column.name for column in rows.description or ()]
        events = [dict(zip(names, map(str, row), strict=True)) for row in rows]
        settings.temp_dir.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(events), settings.temp_dir / "rows.parquet")
        conn.execute("delete from event_recent")


def _query(dsn: str) -> None:
    with connect(dsn, name="bench") as conn:
        conn.execute(_JSON_SUM)


def _scan(settings: Settings, dsn: str) -> None:
    with snapshot(settings, dsn, views=["events"]) as snap:
        column = snap.find_column("total", "number")
        snap.query(f"select sum({column}) from events where name = 'Order Completed'")


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _show(name: str, value: float, baseline: float, baseline_name: str) -> None:
    show(Figure(name, value, "events/s", baseline=baseline, baseline_name=baseline_name))


if __name__ == "__main__":
    main()
