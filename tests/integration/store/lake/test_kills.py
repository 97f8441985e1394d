"""Mover, compaction and merges killed at any moment: the history is as it was."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from uuid import UUID

import psycopg

from dangol.settings import Settings
from dangol.store.lake import snapshot
from dangol.store.lake.carrying import carry_once
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.mover import move_once

from .history import NOW, append, fact

KILLS = 8
_WORK = """
import datetime as dt, itertools, sys
from pathlib import Path
from dangol.settings import Settings
from dangol.store.lake.carrying import carry_once
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.mover import move_once

dsn, settings = sys.argv[1], Settings(data=Path(sys.argv[2]), engine_memory_mb=512)
print("ready", flush=True)
for turn in itertools.count():
    now = dt.datetime(2026, 11, 21, tzinfo=dt.UTC) + dt.timedelta(seconds=turn)
    move_once(dsn, settings, now, limit=150)
    carry_once(dsn, settings, now, limit=3)
    compact_once(dsn, settings, now)
"""


def test_killed_anywhere_nothing_is_lost_or_doubled(
    conn: psycopg.Connection, dsn: str, settings: Settings, partitions: list
) -> None:
    seeded = random.Random(7)
    expected: dict[UUID, int] = {}
    winners: dict[int, int] = {}
    for turn in range(KILLS):
        new = [fact(winners.get(n, n)) for n in range(0, 600, 2)]
        append(conn, new)
        expected |= {item.event_id: item.customer_id for item in new}
        for loser in range(40 * turn, 40 * turn + 8, 2):
            winners[loser] = 1000 + loser
            conn.execute(
                "insert into merge_task (loser_id, winner_id, reason, created_at) "
                "values (%s, %s, 'identity', %s)",
                [loser, 1000 + loser, NOW],
            )
        conn.commit()
        _work_and_die(dsn, settings, seeded.uniform(0.0, 0.6))
        assert _read(settings, dsn, winners) == {
            key: winners.get(customer, customer) for key, customer in expected.items()
        }
    _finish(dsn, settings)
    assert _read(settings, dsn, {}) == {
        key: winners.get(customer, customer) for key, customer in expected.items()
    }


def _work_and_die(dsn: str, settings: Settings, seconds: float) -> None:
    """Let a process of its own work for so long, then kill it without warning."""
    command = [sys.executable, "-c", _WORK, dsn, str(settings.data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(seconds)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def _read(settings: Settings, dsn: str, winners: dict[int, int]) -> dict[UUID, int]:
    """Every event with the customer it belongs to in the end; each may be there once only."""
    with snapshot(settings, dsn, views=["events"]) as snap:
        rows = snap.query("select event_id, customer_id from events").to_pylist()
    found = {UUID(row["event_id"]): row["customer_id"] for row in rows}
    assert len(found) == len(rows)
    return {key: winners.get(customer, customer) for key, customer in found.items()}


def _finish(dsn: str, settings: Settings) -> None:
    steps: list[Callable] = [move_once, carry_once, compact_once]
    for step in steps:
        while step(dsn, settings, NOW):
            continue
