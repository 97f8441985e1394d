"""Two engines share the partitions, and take them from each other between any two transactions."""

import datetime as dt
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from dangol.engine.leases import Lease, share_leases
from dangol.engine.tick import Pace, turn_once
from dangol.errors import LeaseLost
from dangol.store.pool import connect

from .conftest import ORDER, VIEW, Shop

LATELY = {"kind": "did", "name": ORDER, "within": {"hours": 30}}
LOOKING = {"kind": "did", "name": VIEW, "within": {"days": 2}, "times": {"op": "ge", "value": 2}}
QUIET = {"kind": "did_not", "name": ORDER, "within": {"days": 3}}
PEOPLE = (1, 2, 300, 301, 600, 601, 900, 901)
"""Two of each of four partitions."""


@pytest.fixture
def other(shop: Shop) -> Iterator[Shop]:
    """A second engine, with half of the partitions."""
    dsn = shop.settings.database_url or ""
    share_leases(shop.conn, "other", [])  # nothing is free yet, but it is known to live
    shop.leases = share_leases(shop.conn, shop.holder, shop.leases)
    shop.conn.commit()
    with connect(dsn, name="other") as conn:
        second = Shop(conn, shop.settings, shop.ground, holder="other")
        assert len(shop.leases) == len(second.leases) == 2
        yield second
        second.following.close()


SEEDS = [2, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(10, 20))]


@pytest.mark.parametrize("seed", SEEDS)
def test_partitions_that_change_hands_in_the_middle_lose_and_repeat_nothing(
    shop: Shop, other: Shop, seed: int
) -> None:
    dice, engines = random.Random(seed), (shop, other)
    segments = [shop.segment(one, f"s{at}") for at, one in enumerate((LATELY, LOOKING, QUIET))]
    for _ in range(12):
        for _ in range(dice.randrange(5)):
            shop.tell(dice.choice(PEOPLE), dice.choice([ORDER, VIEW, VIEW]))
        shop.now = other.now = shop.now + dt.timedelta(minutes=dice.choice([1, 7, 900, 2000]))
        one, two = dice.sample(engines, 2)
        _work(one, partial(_take_over, one, two, dice))
        if dice.random() < 0.15:
            two.kill()
    is_busy = True
    while is_busy:
        worked = [_work(one) for one in engines]
        is_busy = any(worked) or shop._waits()
    assert [shop.members(one) for one in segments] == shop.oracle(*segments)
    shop.check_told()


def test_a_turn_whose_commit_was_not_heard_of_is_followed_over_the_next_connection(
    shop: Shop,
) -> None:
    segment = shop.segment(LATELY)
    shop.catch_up()
    shop.tell(1, ORDER)
    ground = shop.following.prepare(shop.conn, shop.ground, shop.now)
    turn_once(shop.conn, shop.leases, ground, shop.now, Pace())
    with connect(shop.settings.database_url or "", name="next") as conn:
        shop.conn = conn
        shop.catch_up()
        assert shop.members(segment) == [1]


def _work(
    engine: Shop, between: Callable[[], None] = lambda: None, *, turn_only: bool = False
) -> bool:
    """A step of an engine, which may find out that something is not its own any more."""
    if not engine.leases:
        return False
    try:
        return bool(engine.turn()) if turn_only else engine.step(between)
    except LeaseLost:
        engine.conn.rollback()
        engine.leases = _held(engine)
        return True


def _take_over(loser: Shop, winner: Shop, dice: random.Random) -> None:
    """As when the loser slept for longer than a lease lives; it does not notice, and the winner works."""
    if not loser.leases or dice.random() < 0.4:
        return
    partition = dice.choice(loser.leases).partition
    with winner.conn.transaction():
        winner.conn.execute(
            "update lease set holder = %s, token = token + 1 where partition = %s",
            [winner.holder, partition],
        )
    winner.leases = _held(winner)
    if dice.random() < 0.7:
        _work(winner)
        for _ in range(3):
            winner.tell(dice.choice(PEOPLE), dice.choice([ORDER, VIEW]))
        _work(winner, turn_only=True)


def _held(engine: Shop) -> tuple[Lease, ...]:
    with engine.conn.transaction():
        rows = engine.conn.execute(
            "select partition, bucket_lo, bucket_hi, token from lease where holder = %s"
            " order by partition",
            [engine.holder],
        ).fetchall()
    return tuple(Lease(*row) for row in rows)


_ENGINE = """
import pathlib, sys, threading
from dangol.engine.workers import run_engine
from dangol.settings import Settings
run_engine(Settings(data=pathlib.Path(sys.argv[1]), database_url=sys.argv[2]), threading.Event())
"""


@pytest.mark.soak
def test_engines_that_are_killed_leave_what_the_oracle_says(shop: Shop) -> None:
    dice = random.Random(5)
    lately, looking = shop.segment(LATELY), shop.segment(LOOKING, "looking")
    shop.following.close()
    shop.conn.execute("update lease set holder = null, expires_at = null")
    shop.conn.commit()
    engines = [_start(shop), _start(shop)]
    try:
        for number in range(60):
            shop.now = dt.datetime.now(dt.UTC)
            for _ in range(5):
                shop.tell(dice.choice(PEOPLE), dice.choice([ORDER, VIEW]))
            shop.conn.execute("select pg_notify('inbox', '')")
            shop.conn.commit()
            time.sleep(dice.random() * 0.5)
            if number % 15 == 14:
                place = dice.randrange(2)
                engines[place].send_signal(signal.SIGKILL)
                engines[place].wait()
                engines[place] = _start(shop)
        _wait_until_done(shop.conn)
    finally:
        for engine in engines:
            engine.kill()
            engine.wait()
    shop.now = dt.datetime.now(dt.UTC)
    assert [shop.members(lately), shop.members(looking)] == shop.oracle(lately, looking)
    shop.check_told()


def _start(shop: Shop) -> subprocess.Popen[bytes]:
    data, dsn = str(shop.settings.data), shop.settings.database_url or ""
    return subprocess.Popen([sys.executable, "-c", _ENGINE, data, dsn], cwd=Path(data))


def _wait_until_done(conn: psycopg.Connection) -> None:
    until, quiet = time.monotonic() + 120, 0
    while quiet < 5:
        assert time.monotonic() < until
        time.sleep(1)
        waits = conn.execute(
            "select exists (select from inbox) or exists (select from segment_work) or exists ("
            " select from lease where holder is null or expires_at < clock_timestamp())"
        ).fetchone()[0]
        conn.commit()
        quiet = 0 if waits else quiet + 1
