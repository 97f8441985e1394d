"""Moving recent events to files: each is seen exactly once, before, during and after."""

import datetime as dt
from collections.abc import Callable

import psycopg
import pyarrow.parquet as pq

from dangol.settings import Settings
from dangol.store.lake import snapshot
from dangol.store.lake.manifest import list_files
from dangol.store.lake.mover import is_move_due, move_once
from dangol.store.lake.shape import EVENT_SCHEMA, PropertyType

from .history import NOW, append, fact, keys


def test_moved_events_are_the_same_events(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable, partitions: list
) -> None:
    facts = [fact(customer, time=NOW - dt.timedelta(days=customer)) for customer in range(1, 3000)]
    append(conn, facts)
    conn.commit()
    assert read_keys() == keys(facts)
    moved = move_once(dsn, settings, NOW)
    assert moved is not None
    assert (moved.rows, moved.bucket_lo, moved.bucket_hi) == (2999, 0, 1023)
    assert (moved.min_time, moved.max_time) == (facts[-1].time, facts[0].time)
    assert conn.execute("select count(*) from event_recent").fetchone() == (0,)
    assert read_keys() == keys(facts)
    assert move_once(dsn, settings, NOW) is None


def test_every_column_survives_the_move(
    conn: psycopg.Connection, dsn: str, settings: Settings
) -> None:
    props = '{"name": "단골 🌱", "quote\\"d": "it\'s", "n": 1e30, "deep": {"a": [1, null]}}'
    append(conn, [fact(7, props=props, time=NOW - dt.timedelta(microseconds=1))])
    conn.execute("update event_recent set origin = 'send:3', depth = 2, utc_offset_min = null")
    conn.commit()
    with snapshot(settings, dsn, views=["events"]) as snap:
        before = snap.query("select * from events").to_pylist()
    move_once(dsn, settings, NOW)
    with snapshot(settings, dsn, views=["events"]) as snap:
        after = snap.query("select * from events")
    assert after.column_names == EVENT_SCHEMA.names
    assert after.to_pylist() == before


def test_row_groups_end_where_partitions_end(
    conn: psycopg.Connection, dsn: str, settings: Settings, partitions: list
) -> None:
    append(conn, [fact(customer) for customer in range(5000)])
    conn.commit()
    moved = move_once(dsn, settings, NOW)
    footer = pq.read_metadata(settings.lake_dir / moved.path)
    ranges = [footer.row_group(i).column(0).statistics for i in range(footer.num_row_groups)]
    assert [(group.min, group.max) for group in ranges] == partitions


def test_a_long_queue_moves_in_several_files(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable
) -> None:
    facts = [fact(customer % 50) for customer in range(1000)]
    append(conn, facts)
    conn.commit()
    while move_once(dsn, settings, NOW, limit=300):
        assert read_keys() == keys(facts)
    assert sorted(file.rows for file in list_files(conn)) == [100, 300, 300, 300]


def test_a_row_that_commits_late_stays_recent(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable
) -> None:
    early, late = fact(1), fact(2)
    append(conn, [early])
    conn.commit()
    append(conn, [late])  # written first, committed after the move
    move_once(dsn, settings, NOW)
    conn.commit()
    assert read_keys() == keys([early, late])
    assert conn.execute("select event_id from event_recent").fetchall() == [(late.event_id,)]


def test_moving_is_due_by_rows_or_by_time(
    conn: psycopg.Connection, dsn: str, settings: Settings
) -> None:
    conn.execute("update migration set applied_at = %s", [NOW])
    later = NOW + dt.timedelta(minutes=10)
    assert not is_move_due(conn, later)
    append(conn, [fact(1)])
    assert not is_move_due(conn, NOW), "a new installation waits like any other"
    assert is_move_due(conn, later)
    conn.commit()
    move_once(dsn, settings, NOW)
    append(conn, [fact(2)])
    assert not is_move_due(conn, NOW + dt.timedelta(minutes=9))
    assert is_move_due(conn, later)
    conn.execute("update migration set applied_at = %s", [NOW - dt.timedelta(days=2)])
    assert is_move_due(conn, NOW - dt.timedelta(days=1)), "the clock was set back by a day"


def test_typed_columns_answer_alike_in_old_files_new_files_and_recent(
    conn: psycopg.Connection, dsn: str, settings: Settings
) -> None:
    values = ['{"v": 1.5}', '{"v": "1.5"}', '{"v": true}', '{"v": null}', "{}", '{"V": 9}']
    values += ['{"v": "2026-01-02T03:04:05.6+09:00"}', '{"v": "2026-01-02"}', '{"v": [1]}']
    append(conn, [fact(1, props=text) for text in values])
    conn.commit()
    move_once(dsn, settings, NOW)
    for kind in PropertyType:
        conn.execute(
            "insert into catalogue_property (owner, name, type, count, last_at) "
            "values ('Order Completed', 'v', %s, 1000, now())",
            [kind],
        )
    for _ in range(2):
        append(conn, [fact(1, props=text) for text in values])
        conn.commit()
        if _ == 0:
            move_once(dsn, settings, NOW)
    instant = dt.datetime(2026, 1, 1, 18, 4, 5, 600_000, tzinfo=dt.UTC)
    expected = {
        "number": [1.5],
        "text": ["1.5", "2026-01-02", "2026-01-02T03:04:05.6+09:00"],
        "boolean": [True],
        "time": [instant],
    }
    with snapshot(settings, dsn, views=["events"]) as snap:
        for kind, found in expected.items():
            column = snap.find_column("v", kind)
            rows = snap.query(f"select {column} v from events where v is not null order by v")
            assert rows["v"].to_pylist() == [value for value in found for _ in range(3)]
