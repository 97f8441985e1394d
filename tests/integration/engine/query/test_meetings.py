"""First meetings against a plain count in Python; the people behind every number of a chart."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import psycopg
import pytest
from psycopg.types.json import Jsonb

from dangol.engine.query import meetings, stood  # registers the questions
from dangol.engine.query.registry import answer
from dangol.engine.query.warm import Warm, warmed
from dangol.know.giving.fans import ensure_fans
from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.brand import read_brand

NOW = datetime.now(UTC)
SINCE, UNTIL, DAYS = NOW - timedelta(400), NOW - timedelta(20), 60
STEPS = ("subscribed", "first_order", "second_order", "regular", "fan")
assert meetings
assert stood


class Person(msgspec.Struct):
    """What one generated customer did, by the hour."""

    id: int
    met: datetime
    email: bool
    events: list[tuple[str, datetime, dict, str]]


def generate(seed: int, people: int) -> list[Person]:
    """Customers who order, subscribe, become regulars and bring friends, at random."""
    rng = random.Random(seed)
    made = []
    for number in range(1, people + 1):
        met = NOW - timedelta(days=rng.uniform(1, 430))
        events = []
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 8])):
            at = met + timedelta(hours=rng.uniform(0, 24 * rng.choice([1, 90, 150])))
            events.append(("Order Completed", at, {}, "behaviour"))
        if rng.random() < 0.5:
            state = rng.choice(["granted", "granted", "denied"])
            at = met + timedelta(days=rng.uniform(0, 100))
            events.append(("Consent Changed", at, {"state": state}, "behaviour"))
        for _ in range(rng.choice([0, 0, 1, 2])):
            to, cause = rng.choice(["loyal", "active"]), rng.choice(["behaviour", "time", "refit"])
            at = met + timedelta(days=rng.uniform(0, 120))
            events.append(("Stage Changed", at, {"from": "active", "to": to}, cause))
        for name in ("Product Reviewed", "Friend Ordered"):
            if rng.random() < 0.4:
                events.append((name, NOW - timedelta(days=rng.uniform(0, 300)), {"order": 1}, "behaviour"))  # fmt: skip
        made.append(Person(number, met, rng.random() < 0.5, events))
    return made


def keep(conn: psycopg.Connection, people: list[Person]) -> None:
    rng = random.Random(0)
    for person in people:
        key = [bucket_of(person.id), person.id]
        traits = {"name": f"P{person.id}"} | ({"email": "p@x.example"} if person.email else {})
        conn.execute(
            "insert into customer (bucket, customer_id, traits, first_seen_at, last_seen_at,"
            " created_at) values (%s, %s, %s, %s, %s, %s)",
            [*key, Jsonb(traits), person.met, NOW, NOW],
        )
        for name, at, props, cause in person.events:
            conn.execute(
                "insert into event_recent (bucket, customer_id, event_id, name, time, received_at,"
                " recorded_at, props, source, effect, cause)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, 'shop', 'live', %s)",
                [*key, UUID(int=rng.getrandbits(128)), name, at, at, at, Jsonb(props), cause],
            )


def steps_of(person: Person, zone: ZoneInfo) -> dict[str, float | None]:
    """Days from the first meeting to each step; -1 where nobody knows since when."""
    ends = person.met + timedelta(days=DAYS)
    heard = [one for one in sorted(person.events, key=lambda one: one[1]) if one[1] <= NOW]
    orders: dict[object, datetime] = {}
    for name, at, _, _ in heard:
        if name == "Order Completed":
            orders.setdefault(at.astimezone(zone).date(), at)
    times: dict[str, datetime | None] = dict.fromkeys(STEPS)
    for step, at in zip(("first_order", "second_order"), sorted(orders.values()), strict=False):
        times[step] = at
    for name, at, props, cause in heard:
        if name == "Consent Changed" and props["state"] == "granted":
            times["subscribed"] = times["subscribed"] or at
        if name == "Stage Changed" and props["to"] == "loyal":
            by_itself = cause in ("behaviour", "time")
            times["regular"] = min(times["regular"] or NOW, at if by_itself else person.met)
    taken = {step: (at - person.met) / timedelta(days=1) for step, at in times.items()
             if at is not None and at <= ends}  # fmt: skip
    did = {name for name, at, _, _ in heard}
    if {"Product Reviewed", "Friend Ordered"} <= did:
        taken["fan"] = -1
    return taken


def is_counted(person: Person, taken: dict) -> bool:
    did = {name for name, at, props, _ in person.events
           if at <= NOW and (props.get("state") == "granted" or props.get("to") == "loyal"
                             or name == "Order Completed")}  # fmt: skip
    return SINCE <= person.met < UNTIL and (person.email or "fan" in taken or bool(did))


@pytest.fixture
def warm(conn: psycopg.Connection, dsn: str, tmp_path: Path) -> Iterator[Warm]:
    ensure_fans(conn, "en", NOW)
    conn.commit()
    with warmed(Settings(data=tmp_path, database_url=dsn, engine_memory_mb=256)) as found:
        yield found


def ask(warm: Warm, kind: str, **values: object) -> dict:
    return msgspec.to_builtins(answer(warm, kind, msgspec.to_builtins(values)))


def test_first_meetings_equal_a_plain_count_and_open_their_people(warm: Warm, conn) -> None:
    people = generate(11, 240)
    keep(conn, people)
    zone = ZoneInfo(read_brand(conn).zone)
    conn.commit()
    told = ask(warm, "meetings", since=SINCE, until=UNTIL, days=DAYS)
    counted = {p.id: (p, taken) for p in people if is_counted(p, taken := steps_of(p, zone))}
    old = {key: one for key, one in counted.items() if one[0].met + timedelta(DAYS) <= NOW}
    last = {
        key: max((STEPS.index(s) for s in taken), default=-1) for key, (_, taken) in old.items()
    }
    expected = {("met", False): set(old), ("too_young", False): set(counted) - set(old),
                ("nothing_yet", False): {key for key, n in last.items() if n < 0}}  # fmt: skip
    for place, step in enumerate(STEPS):
        expected[step, False] = {key for key, (_, taken) in old.items() if step in taken}
        expected[step, True] = {key for key, n in last.items() if n == place}
    assert all(expected.values())
    numbers = {(name, False): told[name] for name in ("met", "too_young", "nothing_yet")}
    for row in told["steps"]:
        numbers |= {(row["step"], False): row["people"], (row["step"], True): row["stopped"]}
        days = [max(d, 0) for _, taken in old.values() if (d := taken.get(row["step"], -1)) > 0]
        assert row["median_days"] == pytest.approx(median(days) if days else None, abs=1e-4)
    for (who, has_stopped), ids in expected.items():
        assert numbers[who, has_stopped] == len(ids), (who, has_stopped)
        page = ask(warm, "meeting_people", since=SINCE, until=UNTIL, days=DAYS, who=who,
                   has_stopped=has_stopped, limit=1000)  # fmt: skip
        assert {row["customer_id"] for row in page["page"]} == ids
    assert told["met"] == told["nothing_yet"] + sum(row["stopped"] for row in told["steps"])


def test_nobody_is_no_error(warm: Warm) -> None:
    told = ask(warm, "meetings", since=SINCE, until=UNTIL, days=DAYS)
    assert (told["met"], told["too_young"]) == (0, 0)
    assert [row["median_days"] for row in told["steps"]] == [None] * 5
