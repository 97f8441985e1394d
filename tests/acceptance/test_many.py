"""Several of each part against one shared database, as on several machines."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.acceptance.conftest import free_ports, read_events, wait_until

EVENTS = 3000


def test_two_of_each_share_the_work_and_apply_each_event_once(dsn: str, new_data: Path) -> None:
    first, second = free_ports(2)
    environment = os.environ | {"DANGOL_DATABASE_URL": dsn, "DANGOL_DATA": str(new_data)}
    ready = subprocess.run(
        [sys.executable, "-m", "dangol.cli", "migrate"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "ready" in ready.stdout, ready.stderr
    made = subprocess.run(
        [sys.executable, "-m", "dangol.cli", "keys", "create", "shop", "--json"],
        env=environment,
        capture_output=True,
        text=True,
    )
    key = json.loads(made.stdout)["key"]
    parts = [("web", "--port", str(first)), ("web", "--port", str(second))]
    parts += [("engine",), ("engine",), ("dispatch",), ("dispatch",)]
    with _running(parts, environment) as processes, psycopg.connect(dsn, autocommit=True) as conn:
        for port in (first, second):
            wait_until(lambda port=port: _is_up(port), timeout=60, why=lambda: "no web")
        holders = "select count(distinct holder) from lease where expires_at > now()"
        wait_until(
            lambda: conn.execute(holders).fetchone()[0] == 2,
            timeout=60,
            why=lambda: f"leases: {conn.execute('select * from lease').fetchall()}",
        )
        for start in range(0, EVENTS, 100):
            _post((first, second)[start // 100 % 2], key, range(start, start + 100))
        wait_until(
            lambda: _count(new_data, dsn) == (EVENTS, EVENTS),
            timeout=60,
            why=lambda: str(_count(new_data, dsn)),
        )
        assert all(process.poll() is None for process in processes)


@contextmanager
def _running(
    parts: list[tuple[str, ...]], environment: dict[str, str]
) -> Iterator[list["subprocess.Popen[bytes]"]]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "dangol.cli", *part],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        for part in parts
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def _count(data: Path, dsn: str) -> tuple[int, int]:
    """Events that were applied, and how many different ones."""
    ids = [row[0] for row in read_events(data, dsn, "name", "Sip")]
    return len(ids), len(set(ids))


def _is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def _post(port: int, key: str, numbers: range) -> None:
    batch = [
        {"type": "track", "event": "Sip", "userId": f"u{one % 70}", "messageId": f"m{one}"}
        for one in numbers
    ]
    body = json.dumps({"batch": batch, "writeKey": key}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/batch", body)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
