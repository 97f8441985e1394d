"""What a page about everyone's rhythm is told, compared with a plain look at the tables."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import psycopg
import pytest

from dangol.engine.query import outlook, rfm, rhythm  # registers the questions
from dangol.engine.query.registry import answer
from dangol.engine.query.warm import Warm, warmed
from dangol.know.rhythm.service import refit, rescore
from dangol.model.customer import bucket_of
from dangol.model.event import Cause
from dangol.settings import Settings
from tests.integration.know.crowd import add_customer
from tests.unit.know.rhythm.crowd import SHOP, simulate

NOW = dt.datetime.now(dt.UTC)
TODAY = NOW.date()
DAYS = 500
CUSTOMERS = 300
assert outlook
assert rfm
assert rhythm


@pytest.fixture
def shop(conn: psycopg.Connection, dsn: str, tmp_path: Path) -> Iterator[Warm]:
    """Stages of four dates, each change as an event; spend of all but one currency known."""
    crowd = simulate(SHOP, CUSTOMERS, DAYS, 7)
    rng = np.random.default_rng(1)
    keys = sorted(set(zip(crowd.customer.tolist(), crowd.day.tolist(), strict=True)))
    for customer in range(1, CUSTOMERS + 1):
        add_customer(conn, customer, {"name": f"P{customer}"})
    rows = [
        (
            bucket_of(c + 1),
            c + 1,
            TODAY - dt.timedelta(DAYS - d),
            int(rng.gamma(4, 5000)),
            c % 50 == 0,
        )
        for c, d in keys
    ]
    before = dt.date.min
    for back in (120, 60, 30, 0):
        now = NOW - dt.timedelta(back)
        with conn.cursor() as cursor:
            cursor.executemany(
                "insert into relationship_day values (%s, %s, %s, 1, %s, %s::int)",
                [
                    (bucket, who, day, 0 if lost else won, lost)
                    for bucket, who, day, won, lost in rows
                    if before < day <= now.date()
                ],
            )
        before = now.date()
        if back in (120, 0):
            refit(conn, now.date(), now)
        rescore(conn, (0, 1023), now.date(), now, Cause.REFIT if back == 120 else Cause.TIME)
    conn.execute(
        "insert into event_recent (bucket, customer_id, time, event_id, name, received_at,"
        " recorded_at, props, source, effect, cause, depth) select bucket, customer_id, time,"
        " event_id, name, received_at, received_at, props, source, effect, cause, depth from inbox"
    )
    conn.execute("delete from inbox")
    conn.commit()
    settings = Settings(data=tmp_path, database_url=dsn, engine_memory_mb=256)
    with warmed(settings) as warm:
        yield warm


def _ask(warm: Warm, kind: str, **values: object) -> dict:
    return msgspec.to_builtins(answer(warm, kind, msgspec.to_builtins(values)))


def test_sizes_over_time_end_at_the_present_ones(shop: Warm, conn: psycopg.Connection) -> None:
    since = NOW - dt.timedelta(61)
    sizes = _ask(shop, "stage_sizes", since=since, until=NOW + dt.timedelta(1), steps=62)
    present = dict(conn.execute("select stage, count(*) from stage group by 1").fetchall())
    assert {k: v[-1] for k, v in sizes["stages"].items() if v[-1]} == present
    for place in (0, 20, 45):
        at = since + dt.timedelta(place)
        later = conn.execute(
            "select props->>'from', props->>'to' from event_recent where time >= %s", [at]
        ).fetchall()
        size = Counter(present)
        for was, stage in later:
            size[stage] -= 1
            size[was] += 1
        told = {stage: line[place] for stage, line in sizes["stages"].items()}
        assert told == {stage: size[stage] for stage in told}


def test_moves_say_why_and_name_people(shop: Warm, conn: psycopg.Connection) -> None:
    since, until = NOW - dt.timedelta(31), NOW + dt.timedelta(1)
    moves = _ask(shop, "stage_moves", since=since, until=until)
    total = conn.execute("select count(*) from event_recent where time > %s", [since]).fetchone()
    assert sum(row["changes"] for row in moves["why"]) == total[0] > 0
    first = moves["why"][0]
    asked = {name: first[name] for name in ("was", "stage", "cause")}
    page = _ask(shop, "stage_moves", since=since, until=until, limit=1000, **asked)["page"]
    assert len(page) == first["changes"]
    assert {row["name"] for row in page} == {f"P{row['customer_id']}" for row in page}


def test_the_base_shows_everyone_who_came_back(shop: Warm, conn: psycopg.Connection) -> None:
    base = _ask(shop, "rhythm_base")
    back = conn.execute("select count(*) from stage where repeats > 0").fetchone()[0]
    assert sum(bar["people"] for bar in base["bars"]) == back
    assert all(sum(bar["stages"].values()) == bar["people"] for bar in base["bars"])
    assert base["came_once"] + back == conn.execute("select count(*) from stage").fetchone()[0]
    assert base["missing"] is None


def test_value_adds_up_and_leaves_out_what_has_no_rate(shop: Warm) -> None:
    value = _ask(shop, "rhythm_value")
    total = value["total"]
    assert sum(one["orders"] for one in value["stages"].values()) == pytest.approx(
        total["orders"]["mean"]
    )
    assert sum(one["spend"] for one in value["stages"].values()) == pytest.approx(
        total["spend"]["mean"]
    )
    for told in (total["orders"], total["spend"]):
        assert 0 < told["low"] < told["mean"] < told["high"]
    assert total["currency"] == "KRW"
    assert value["without_amount"] >= CUSTOMERS // 50
    assert value["people"] == sum(one["people"] for one in value["stages"].values())


def test_one_customer_is_told_with_its_range(shop: Warm, conn: psycopg.Connection) -> None:
    who, p = conn.execute(
        "select customer_id, p from stage where repeats >= 5 and stage <> 'inactive' limit 1"
    ).fetchone()
    told = _ask(shop, "customer_rhythm", customer_id=who)
    assert told["p"]["low"] < told["p"]["mean"] < told["p"]["high"]
    assert told["p"]["mean"] == pytest.approx(p, abs=0.011)
    for one in (told["year"]["orders"], told["year"]["spend"]):
        assert 0 <= one["low"] <= one["mean"] <= one["high"] * 2
    assert told["habit"]["burstiness"] is not None
    nobody = _ask(shop, "customer_rhythm", customer_id=10**6)
    assert nobody == {"p": None, "year": None, "habit": None}


def test_the_table_holds_everyone_of_the_window_and_the_moves(shop: Warm) -> None:
    since = TODAY - dt.timedelta(90)
    grid = _ask(shop, "rfm_grid", on=TODAY, since=since)
    assert sum(map(sum, grid["cells"])) == grid["people"]
    assert sum(grid["money"]) < grid["people"]
    moves = np.array(grid["moves"]["recency"])
    assert moves[:, 1:].sum() == grid["people"]
    assert moves[0, 0] == 0
    r, f = next((r, f) for r in range(5) for f in range(5) if grid["cells"][r][f])
    cell = _ask(shop, "rfm_people", on=TODAY, recency=r + 1, frequency=f + 1, limit=1000)
    assert cell["people"] == len(cell["page"]) == grid["cells"][r][f]
    best = _ask(shop, "rfm_people", on=TODAY, since=since, recency=5, frequency=0,
                was_recency=4, was_frequency=0)  # fmt: skip
    assert best["people"] == moves[4, 5]


def test_the_table_and_its_moves_are_a_plain_count(shop: Warm, conn: psycopg.Connection) -> None:
    since = TODAY - dt.timedelta(90)
    rows = conn.execute("select customer_id, day, revenue_minor, unrated from relationship_day")
    orders = rows.fetchall()
    now, before = _graded_by_hand(orders, TODAY), _graded_by_hand(orders, since)
    grid = _ask(shop, "rfm_grid", on=TODAY, since=since)
    cells = Counter((r, f) for r, f, _ in now.values())
    assert grid["cells"] == [[cells[r, f] for f in range(1, 6)] for r in range(1, 6)]
    money = Counter(m for *_, m in now.values())
    assert grid["money"] == [money[m] for m in range(1, 6)]
    out = (0, 0, 0)
    for place, name in enumerate(("recency", "frequency")):
        moves = Counter(
            (before.get(who, out)[place], now.get(who, out)[place]) for who in {*now, *before}
        )
        expected = [[moves[was, became] for became in range(6)] for was in range(6)]
        assert grid["moves"][name] == expected


def _graded_by_hand(orders: list[tuple], on: dt.date) -> dict[int, tuple[int, int, int]]:
    """Recency, frequency and money of everyone who ordered within the year before `on`."""
    days: dict[int, list[tuple]] = {}
    for who, day, paid, unrated in orders:
        if on - dt.timedelta(365) < day <= on:
            days.setdefault(who, []).append((day, paid, unrated))
    quiet = {who: -(on - max(day for day, *_ in own)).days for who, own in days.items()}
    often = {who: len(own) for who, own in days.items()}
    paid = {
        who: sum(paid for _, paid, _ in own)
        for who, own in days.items()
        if not any(unrated for *_, unrated in own)
    }
    fifths = [_fifths_by_hand(one) for one in (quiet, often, paid)]
    return {who: tuple(one.get(who, 0) for one in fifths) for who in days}


def _fifths_by_hand(values: dict[int, int]) -> dict[int, int]:
    """Which fifth of all by the average rank of equals: ceil(5 · rank / n) in whole numbers."""
    told = {}
    for who, value in values.items():
        below = sum(other < value for other in values.values())
        equal = sum(other == value for other in values.values())
        told[who] = -(-5 * (2 * below + equal + 1) // (2 * len(values)))
    return told


def test_with_too_little_it_says_what_is_missing(
    conn: psycopg.Connection, dsn: str, tmp_path: Path
) -> None:
    add_customer(conn, 1, {})
    conn.execute("insert into relationship_day values (1, 1, %s, 1, 0)", [TODAY])
    refit(conn, TODAY, NOW)
    rescore(conn, (0, 1023), TODAY, NOW, Cause.TIME)
    conn.commit()
    with warmed(Settings(data=tmp_path, database_url=dsn, engine_memory_mb=256)) as warm:
        value, base = _ask(warm, "rhythm_value"), _ask(warm, "rhythm_base")
    assert value["total"] is None
    assert value["missing"] == base["missing"] == {"repeaters": 0, "days": 0}
    assert base["bars"] == []
