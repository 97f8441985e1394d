"""Everything at once: readers see each event exactly once while writers and movers work."""

import datetime as dt
import threading
import time
from collections import Counter
from uuid import UUID

import psycopg

from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.lake import snapshot
from dangol.store.lake.carrying import carry_once
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.mover import move_once
from dangol.store.lake.sweep import sweep_once
from dangol.store.pool import connect

from .history import NOW, append, fact

SECONDS = 6.0


class Hammer:
    """Threads that work until it is over, and what went wrong in them."""

    def __init__(self, dsn: str, settings: Settings) -> None:
        self.dsn, self.settings = dsn, settings
        self.ends_at = time.monotonic() + SECONDS
        self.errors: list[BaseException] = []
        self.committed: dict[UUID, int] = {}
        self.started: set[UUID] = set()
        self.turns: Counter[str] = Counter()
        self.lock = threading.Lock()

    def run(self, *works) -> None:
        threads = [threading.Thread(target=self._repeat, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _repeat(self, work) -> None:
        number = 0
        while time.monotonic() < self.ends_at and not self.errors:
            number += 1
            try:
                work(number)
                self.turns[work.__name__] += 1
            except BaseException as error:
                self.errors.append(error)

    def write(self, number: int) -> None:
        """Commit some events, part of them late, for customers that may be merged meanwhile."""
        facts = [fact(customer) for customer in range(number % 7, 200, 5)]
        with self.lock:
            self.started |= {item.event_id for item in facts}
        with connect(self.dsn, name="writer") as conn:
            append(conn, facts)
            time.sleep(0.01 * (number % 3))
        with self.lock:
            self.committed |= {item.event_id: item.customer_id for item in facts}

    def move(self, number: int) -> None:
        move_once(self.dsn, self.settings, _later(number), limit=200)

    def compact(self, number: int) -> None:
        compact_once(self.dsn, self.settings, _later(number))
        sweep_once(self.dsn, self.settings, NOW)

    def merge(self, number: int) -> None:
        """Customer n of the odd ones below 200 merges into 1000 + n."""
        loser = 2 * number + 1
        if loser < 200:
            with connect(self.dsn, name="merger") as conn:
                conn.execute(
                    "insert into merge_task (loser_id, winner_id, reason, created_at) "
                    "values (%s, %s, 'identity', %s)",
                    [loser, 1000 + loser, NOW],
                )
        carry_once(self.dsn, self.settings, NOW)

    def read(self, number: int) -> None:
        """No event twice, none that was never written, none missing that was committed before."""
        with self.lock:
            before = dict(self.committed)
        with snapshot(self.settings, self.dsn, views=["events"]) as snap:
            rows = snap.query("select event_id, customer_id, bucket from events")
        seen = Counter(rows["event_id"].to_pylist())
        assert max(seen.values(), default=1) == 1
        ids = {UUID(text) for text in seen}
        with self.lock:
            assert ids <= self.started
        # what reached a loser after its history had gone is hidden until the next carry
        missing = {key for key in before.keys() - ids if before[key] % 2 == 0}
        assert not missing


def _later(number: int) -> dt.datetime:
    return NOW + dt.timedelta(seconds=number)


def test_each_event_is_seen_exactly_once_whatever_runs(
    conn: psycopg.Connection, dsn: str, settings: Settings, partitions: list
) -> None:
    hammer = Hammer(dsn, settings)
    hammer.run(hammer.write, hammer.write, hammer.move, hammer.compact, hammer.merge, hammer.read)
    if hammer.errors:
        raise hammer.errors[0]
    assert min(hammer.turns[name] for name in ("write", "move", "compact", "merge", "read")) > 2
    while carry_once(dsn, settings, NOW):
        pass
    while move_once(dsn, settings, NOW):
        pass
    while compact_once(dsn, settings, NOW):
        pass
    with snapshot(settings, dsn, views=["events"]) as snap:
        rows = snap.query("select event_id, customer_id, bucket from events").to_pylist()
    merged = {row[0] for row in conn.execute("select loser_id from merge_task")}
    assert {UUID(row["event_id"]): row["customer_id"] for row in rows} == {
        key: 1000 + customer if customer in merged else customer
        for key, customer in hammer.committed.items()
    }
    assert len(rows) == len(hammer.committed)
    assert all(row["bucket"] == bucket_of(row["customer_id"]) for row in rows)
