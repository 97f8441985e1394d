"""Merged histories: the winner has each event once, wherever it was, however often it is run."""

import datetime as dt
from collections.abc import Callable

import msgspec
import psycopg
import pytest

from dangol.settings import Settings
from dangol.store.lake.carrying import carry_once
from dangol.store.lake.mover import move_once

from .history import NOW, append, fact, keys


def merge(conn: psycopg.Connection, loser: int, winner: int) -> None:
    conn.execute("update merge_task set winner_id = %s where winner_id = %s", [winner, loser])
    conn.execute(
        "insert into merge_task (loser_id, winner_id, reason, created_at) "
        "values (%s, %s, 'identity', %s)",
        [loser, winner, NOW],
    )


def of(customer: int, facts: list) -> list:
    return [msgspec.structs.replace(item, customer_id=customer) for item in facts]


def test_the_whole_history_follows(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable
) -> None:
    old = [fact(5, time=NOW - dt.timedelta(days=n), props='{"a": "\\"b,\\n"}') for n in range(50)]
    others = [fact(1029), fact(2), fact(6)]
    append(conn, [*old, *others])
    conn.commit()
    move_once(dsn, settings, NOW)
    recent = [fact(5) for _ in range(3)]
    append(conn, recent)
    merge(conn, 5, 2)
    conn.commit()
    assert carry_once(dsn, settings, NOW) == 1
    expected = keys([*of(2, [*old, *recent]), *others])
    assert read_keys() == expected
    assert carry_once(dsn, settings, NOW) == 0
    move_once(dsn, settings, NOW)
    assert read_keys() == expected
    assert conn.execute("select loser_id, copied_at from merge_task").fetchall() == [(5, NOW)]


def test_chains_end_at_the_last_winner(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable
) -> None:
    first, second, third = [fact(1)], [fact(2)], [fact(3)]
    append(conn, [*first, *second, *third])
    conn.commit()
    move_once(dsn, settings, NOW)
    merge(conn, 1, 2)
    conn.commit()
    carry_once(dsn, settings, NOW)
    merge(conn, 2, 3)
    conn.commit()
    carry_once(dsn, settings, NOW)
    assert read_keys() == keys([*of(3, [*first, *second]), *third])


def test_an_event_that_comes_late_follows_too(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable
) -> None:
    early, late = fact(1), fact(1)
    append(conn, [early])
    merge(conn, 1, 2)
    conn.commit()
    carry_once(dsn, settings, NOW)
    append(conn, [late])
    conn.commit()
    move_once(dsn, settings, NOW)
    assert carry_once(dsn, settings, NOW) == 1
    assert read_keys() == keys(of(2, [early, late]))
    assert carry_once(dsn, settings, NOW) == 0


def test_a_failure_changes_nothing(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable
) -> None:
    facts = [fact(1), fact(1), fact(2)]
    append(conn, facts)
    conn.commit()
    moved = move_once(dsn, settings, NOW)
    merge(conn, 1, 2)
    conn.commit()
    path = settings.lake_dir / moved.path
    path.rename(path.with_suffix(".away"))
    with pytest.raises(Exception, match=r"it is not there.*Bring it back"):
        carry_once(dsn, settings, NOW)
    path.with_suffix(".away").rename(path)
    assert read_keys() == keys(facts)
    assert carry_once(dsn, settings, NOW) == 1
