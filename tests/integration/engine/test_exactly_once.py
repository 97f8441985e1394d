"""Live against a plain oracle: any order, any batching, repetitions, kills; one result."""

import datetime as dt
import random
import subprocess
import sys
import time
from typing import Any
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from dangol.engine.leases import ensure_leases, leave, share_leases
from dangol.engine.tick import Pace, turn_once
from dangol.store.pool import connect
from tests.integration.engine.conftest import NOW

Fact = tuple[int, int, str, dict[str, Any]]
"""Customer, minutes after midnight in Seoul, name, props."""

MIDNIGHT = dt.datetime(2026, 1, 1, 15, tzinfo=dt.UTC)
FACTS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(-2, 2),
        st.just("Profile Updated"),
        st.dictionaries(
            st.sampled_from(["city", "plan"]), st.none() | st.integers(0, 2), min_size=1
        ),
    )
    | st.tuples(
        st.integers(1, 3),
        st.integers(-2, 2),
        st.just("Order Completed"),
        st.sampled_from(
            [{"revenue": 700}, {"revenue": "300"}, {}, {"revenue": 5, "currency": "XXX"}]
        ),
    ),
    max_size=10,
)


def oracle(facts: list[Fact]) -> tuple[dict, dict]:
    """Profiles and days by saying everything in order, one by one."""
    profiles: dict[int, dict] = {}
    days: dict[tuple[int, dt.date], list[int]] = {}
    told = sorted(enumerate(facts), key=lambda fact: (fact[1][1], fact[0]))
    for _, (customer, minute, name, props) in told:
        profile = profiles.setdefault(customer, {})
        if name == "Profile Updated":
            profile |= props
            continue
        local = MIDNIGHT + dt.timedelta(hours=9, minutes=minute)
        day = days.setdefault((customer, local.date()), [0, 0, 0])
        rated = "revenue" in props and "currency" not in props
        day[0] += 1
        day[1] += int(props["revenue"]) if rated else 0
        day[2] += not rated
    known = {c: {k: v for k, v in p.items() if v is not None} for c, p in profiles.items()}
    return known, {key: tuple(day) for key, day in days.items()}


def put(conn: psycopg.Connection, number: int, fact: Fact, received: int) -> None:
    customer, minute, name, props = fact
    conn.execute(
        "insert into inbox (bucket, customer_id, event_id, name, time, received_at, props, source, "
        "effect, cause) values (%s, %s, %s, %s, %s, %s, %s, 'test', 'live', 'behaviour') "
        "on conflict do nothing",
        [
            *(customer, customer, UUID(int=number + 1), name),
            MIDNIGHT + dt.timedelta(minutes=minute),
            NOW + dt.timedelta(seconds=received),
            Jsonb(props),
        ],
    )


def result(conn: psycopg.Connection) -> tuple[dict, dict]:
    profiles = dict(conn.execute("select customer_id, traits from customer").fetchall())
    rows = conn.execute(
        "select customer_id, day, events, revenue_minor, unrated from relationship_day"
    )
    return profiles, {(row[0], row[1]): tuple(row[2:]) for row in rows}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(facts=FACTS, data=st.data())
def test_any_order_any_batching_and_repetitions_give_one_result(
    conn, leases, ground, facts, data
) -> None:
    for table in ("customer", "relationship_day", "event_recent", "stage", "inbox"):
        conn.execute(f"delete from {table}")
    conn.commit()
    order = data.draw(st.permutations(list(enumerate(facts))))
    again = data.draw(st.lists(st.sampled_from(order), max_size=3)) if order else []
    for received, (number, fact) in enumerate([*order, *again]):
        put(conn, number, fact, received)
        if data.draw(st.booleans()):
            conn.commit()
            turn_once(conn, leases, ground, NOW, Pace(smallest=1))
    conn.commit()
    while turn_once(conn, leases, ground, NOW, Pace()).taken:
        pass
    assert result(conn) == oracle(facts)
    conn.commit()


WORKER = """
import datetime as dt, pathlib, sys
from dangol.engine.leases import share_leases
from dangol.engine.tick import Ground, Pace, turn_once
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect
dsn, home, name = sys.argv[1:]
home = pathlib.Path(home)
ground = Ground(load_keyring(home / "keyring.json"), Journal(home / "journal"))
pace = Pace(smallest=20, largest=60)
pace._limit = 40
with connect(dsn, name="live") as conn:
    leases = ()
    while True:
        leases = share_leases(conn, name, leases)
        turn_once(conn, leases, ground, dt.datetime.now(dt.UTC), pace)
        print(".", flush=True)
"""


def test_killed_at_any_moment_every_event_counts_once(conn, dsn, ground, tmp_path) -> None:
    dice = random.Random(7)
    ensure_leases(conn, 4)
    facts: list[Fact] = []
    for number in range(3_000):
        name = dice.choice(["Profile Updated", "Order Completed"])
        props = {"city": number} if name == "Profile Updated" else {"revenue": 100}
        facts.append((dice.randrange(1, 40), dice.randrange(-500, 500), name, props))
        put(conn, number, facts[-1], number)
    conn.commit()
    unfinished = 0
    for round_ in range(4):
        args = [sys.executable, "-c", WORKER, dsn, str(tmp_path), f"w{round_}"]
        worker = subprocess.Popen(args, stdout=subprocess.PIPE)
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(dice.random() * 0.3)
        worker.kill()
        worker.communicate()
        conn.execute("update lease set expires_at = now() - interval '1 s'")
        conn.execute("update worker set seen_at = now() - interval '1 minute'")
        unfinished += conn.execute("select exists (select from inbox)").fetchone()[0]
        conn.commit()
    assert unfinished, "every kill came too late to show anything"
    with connect(dsn, name="test") as last:
        leases = share_leases(last, "last", ())
        while turn_once(last, leases, ground, NOW, Pace()).taken:
            pass
        leave(last, "last", leases)
    assert result(conn) == oracle(facts)
    count = conn.execute("select count(*) from event_recent where name <> 'Stage Changed'")
    assert count.fetchone()[0] == len(facts)
