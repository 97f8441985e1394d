"""Route killed at any moment, by itself or by its database session: each event exactly once."""

import datetime as dt
import json
import random
import subprocess
import sys

import psycopg

from dangol.engine.route import route_once
from dangol.listen.intake import append_intake

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
KILLS = 12
_WORKER = """
import datetime as dt, sys
from dangol.engine.route import route_once
from dangol.store.pool import connect
print("up", flush=True)
with connect(sys.argv[1], name="victim") as conn:
    while route_once(conn, {}, dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC), limit=3).rows:
        pass
"""


def _fill(conn: psycopg.Connection, begin: int, requests: int) -> int:
    """Requests whose events are also in the neighbouring requests; returns how many are new."""
    for request in range(begin, begin + requests):
        items = [
            {
                "type": "track",
                "event": "A",
                "messageId": f"m{request + place // 20}-{place % 20}",
                "anonymousId": f"a{(request * 7 + place) % 90}",
                "userId": f"u{(request * 7 + place) % 30}" if place % 3 else None,
            }
            for place in range(40)
        ]
        body = json.dumps({"batch": items}).encode()
        append_intake(conn, kind="track", source="k", body=body, at=NOW, meta={"path": "/v1/batch"})
    conn.commit()
    return requests * 20


def test_killed_workers_lose_and_double_nothing(dsn: str, conn: psycopg.Connection) -> None:
    dice = random.Random(20261121)
    expected, begin = 20, 0
    for _ in range(KILLS):
        expected += _fill(conn, begin, 25)
        begin += 25
        worker = subprocess.Popen([sys.executable, "-c", _WORKER, dsn], stdout=subprocess.PIPE)
        with worker:
            assert worker.stdout is not None
            worker.stdout.readline()
            if dice.random() < 0.5:
                _wait(conn, dice.uniform(0, 0.25))
                worker.kill()
            else:
                _wait(conn, dice.uniform(0, 0.25))
                conn.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where application_name = 'dangol victim' and datname = current_database()"
                )
                conn.commit()
    while route_once(conn, {}, NOW).rows:
        pass
    row = conn.execute("select count(*), count(distinct event_id) from inbox where name = 'A'")
    assert row.fetchone() == (expected, expected)
    assert conn.execute("select count(*) from intake").fetchone() == (0,)
    assert conn.execute("select count(*) from reject").fetchone() == (0,)
    living = "select count(*) from customer where merged_into is null"
    assert conn.execute(living).fetchone() == (len(_people(conn)),)


def _people(conn: psycopg.Connection) -> set[int]:
    return {row[0] for row in conn.execute("select distinct customer_id from identity")}


def _wait(conn: psycopg.Connection, seconds: float) -> None:
    conn.execute("select pg_sleep(%s)", [seconds])
    conn.commit()
