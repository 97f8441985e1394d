"""Any order of appending, moving, compacting, merging, erasing and sweeping agrees with a dict."""

import datetime as dt
import json
import shutil
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.lake import snapshot
from dangol.store.lake.carrying import carry_once
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.mover import move_once
from dangol.store.lake.sweep import sweep_once

from .history import NOW, append, fact

CUSTOMERS = st.integers(0, 5).map(lambda n: n * 300 + n)  # several partitions, one shared bucket
VALUES = st.sampled_from([1, 2.5, "a", "2026-01-01T00:00:00Z", True, None, [1]])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.tuples(CUSTOMERS, VALUES), max_size=6)),
        st.tuples(st.just("move"), st.sampled_from([2, 1000])),
        st.tuples(st.just("compact"), st.none()),
        st.tuples(st.just("merge"), st.tuples(CUSTOMERS, CUSTOMERS)),
        st.tuples(st.just("carry"), st.none()),
        st.tuples(st.just("erase"), CUSTOMERS),
        st.tuples(st.just("sweep"), st.none()),
        st.tuples(st.just("type"), st.sampled_from(["number", "text", "time", "boolean"])),
    ),
    max_size=25,
)
TABLES = "event_recent, lake_file, mask, merge_task, catalogue_property"


class Oracle:
    """The history as a dict, and who has merged into whom or is gone."""

    def __init__(self) -> None:
        self.events: dict[UUID, tuple[int, object]] = {}
        self.winner: dict[int, int] = {}
        self.gone: set[int] = set()
        self.waiting: set[int] = set()

    def survivor(self, customer: int) -> int:
        return self.winner.get(customer, customer)

    def visible(self) -> dict[UUID, tuple[int, object]]:
        """What readers must see: a loser keeps its events until they are carried over."""
        return {
            key: (who if who in self.waiting else self.survivor(who), value)
            for key, (who, value) in self.events.items()
            if self.survivor(who) not in self.gone
        }


class World:
    """The real lake and the oracle, side by side."""

    def __init__(self, conn: psycopg.Connection, dsn: str, settings: Settings) -> None:
        conn.execute(f"truncate {TABLES}")
        conn.commit()
        shutil.rmtree(settings.lake_dir, ignore_errors=True)
        self.conn, self.dsn, self.settings = conn, dsn, settings
        self.oracle = Oracle()
        self.now = NOW

    def append(self, items: list[tuple[int, object]]) -> None:
        for customer, value in items:
            who = self.oracle.survivor(customer)
            if who not in self.oracle.gone:
                new = fact(who, props=json.dumps({"v": value}))
                append(self.conn, [new])
                self.oracle.events[new.event_id] = (who, value)
        self.conn.commit()

    def move(self, limit: int) -> None:
        move_once(self.dsn, self.settings, self.now, limit=limit)

    def compact(self, _: None) -> None:
        while compact_once(self.dsn, self.settings, self.now):
            pass

    def merge(self, pair: tuple[int, int]) -> None:
        loser, winner = map(self.oracle.survivor, pair)
        if loser == winner or {loser, winner} & self.oracle.gone:
            return
        execute = self.conn.execute
        execute("update merge_task set winner_id = %s where winner_id = %s", [winner, loser])
        execute(
            "insert into merge_task (loser_id, winner_id, reason, created_at) "
            "values (%s, %s, 'identity', %s)",
            [loser, winner, self.now],
        )
        self.conn.commit()
        self.oracle.waiting.add(loser)
        self.oracle.winner = {
            who: winner if to == loser else to for who, to in self.oracle.winner.items()
        } | {loser: winner}

    def carry(self, _: None) -> None:
        carry_once(self.dsn, self.settings, self.now)
        for key, (who, value) in self.oracle.events.items():
            if who in self.oracle.waiting:
                self.oracle.events[key] = (self.oracle.survivor(who), value)
        self.oracle.waiting.clear()

    def erase(self, customer: int) -> None:
        """As know.erasure does it: all numbers of the person, masked, recent rows and tasks gone."""
        person = self.oracle.survivor(customer)
        ids = [person, *(who for who, to in self.oracle.winner.items() if to == person)]
        for who in ids:
            self.conn.execute(
                "insert into mask (bucket, customer_id, kind, created_at, rewrite_due_at) "
                "values (%s, %s, 'erase', %s, %s) on conflict (bucket, customer_id) "
                "do update set kind = 'erase', rewrite_due_at = excluded.rewrite_due_at",
                [bucket_of(who), who, self.now, self.now],
            )
        self.conn.execute("delete from event_recent where customer_id = any(%s)", [ids])
        self.conn.execute("delete from merge_task where loser_id = any(%s)", [ids])
        self.conn.commit()
        self.oracle.gone.add(person)

    def sweep(self, _: None) -> None:
        self.now += dt.timedelta(days=1)
        sweep_once(self.dsn, self.settings, self.now)

    def type(self, kind: str) -> None:
        self.conn.execute(
            "insert into catalogue_property (owner, name, type, count, last_at) "
            "values ('e', 'v', %s, 1000, now()) on conflict do nothing",
            [kind],
        )
        self.conn.commit()

    def check(self) -> None:
        with snapshot(self.settings, self.dsn, views=["events"]) as snap:
            number, text = snap.find_column("v", "number"), snap.find_column("v", "text")
            rows = snap.query(
                "select event_id, customer_id, bucket, props, "
                f"{number or 'null'} as number, {text or 'null'} as text from events"
            ).to_pylist()
        assert {
            UUID(row["event_id"]): (row["customer_id"], json.loads(row["props"])["v"])
            for row in rows
        } == self.oracle.visible()
        assert len(rows) == len(self.oracle.visible())
        for row in rows:
            value = json.loads(row["props"])["v"]
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            assert row["number"] == (value if number and is_number else None)
            assert row["text"] == (value if text and isinstance(value, str) else None)
            assert row["bucket"] == bucket_of(row["customer_id"])


@hypothesis_settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_any_order_agrees_with_a_dict(
    conn: psycopg.Connection, dsn: str, settings: Settings, partitions: list, steps: list
) -> None:
    world = World(conn, dsn, settings)
    for name, argument in steps:
        getattr(world, name)(argument)
    world.check()
    world.carry(None)
    world.compact(None)
    world.check()
