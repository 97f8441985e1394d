"""One event to the person's page: how long until it is seen there, idle.

A whole installation, as `dangol up` starts it. One event at a time goes to `/v1/track`; from the
moment it is sent, the database is asked until the event stands on the timeline, and then the same
for a trait of the profile. An eighth are of people whom nobody has seen before. Asking takes a share
of the machine too, so what is shown is an upper bound.
"""

import base64
import http.client
import json
import random
import shutil
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

from bench._installation import PORT, begin, end
from bench.report import Figure, show
from dangol.listen.keys import create_key
from dangol.settings import Settings, find_database_url, temporary
from dangol.store.pool import connect

EVENTS = 300
_PEOPLE = 40
_LOOK_SECONDS = 0.002
_PATIENCE = 10.0


def main() -> None:
    """Measure and print."""
    home = temporary("latency")
    home.chmod(0o755)
    try:
        process, _ = begin(home / "data")
        try:
            url = find_database_url(Settings(data=home / "data")) or ""
            with connect(url, name="bench", autocommit=True) as conn:
                _measure(conn)
        finally:
            end(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _measure(conn: psycopg.Connection) -> None:
    key = create_key(conn, "bench", "track", by="bench", now=datetime.now(UTC))
    sender = _Sender(key)
    dice = random.Random(7)
    for _ in range(_PEOPLE):  # so that most of those who come are known
        _until(conn, sender.identify(f"u{dice.randrange(_PEOPLE)}"), _profile)
    answered, seen, known = [], [], []
    for number in range(EVENTS):
        time.sleep(dice.uniform(0.05, 0.25))  # the machine goes back to sleep in between
        user = f"new{number}" if number % 8 == 0 else f"u{dice.randrange(_PEOPLE)}"
        begun = time.perf_counter()
        mark = sender.track(user)
        answered.append(time.perf_counter() - begun)
        _until(conn, mark, _timeline)
        seen.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        _until(conn, sender.identify(user), _profile)
        known.append(time.perf_counter() - begun)
    _show("one event, answered", answered, None)
    _show("one event to the person's timeline", seen, 250)
    _show("one statement to the person's profile", known, 250)


def _show(name: str, seconds: list[float], budget: float | None) -> None:
    found = sorted(seconds)
    p50, p99 = (found[int(len(found) * share)] * 1000 for share in (0.5, 0.99))
    note = f"p50 {p50:.1f} ms, worst {found[-1] * 1000:.1f} ms, {len(found)} one by one"
    show(Figure(f"{name}, p99", p99, "ms", budget, higher_is_better=False, note=note))


class _Sender:
    """A client that holds its connection."""

    def __init__(self, key: str) -> None:
        self._door = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        basic = base64.b64encode(f"{key}:".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}

    def track(self, user: str) -> str:
        """Send an event; its mark."""
        mark = uuid.uuid4().hex
        props = {"mark": mark, "revenue": 1200, "currency": "KRW"}
        call = {"userId": user, "event": "Order Completed", "properties": props}
        self._send("/v1/track", call)
        return mark

    def identify(self, user: str) -> str:
        """State a trait; its value."""
        value = uuid.uuid4().hex
        self._send("/v1/identify", {"userId": user, "traits": {"seen": value}})
        return value

    def _send(self, path: str, call: dict[str, object]) -> None:
        call = call | {"messageId": uuid.uuid4().hex, "timestamp": datetime.now(UTC).isoformat()}
        self._door.request("POST", path, json.dumps(call), self._headers)
        answer = self._door.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered with {answer.status}")


def _timeline(conn: psycopg.Connection, mark: str) -> bool:
    found = conn.execute("select 1 from event_recent where props ->> 'mark' = %s", [mark])
    return found.fetchone() is not None


def _profile(conn: psycopg.Connection, value: str) -> bool:
    found = conn.execute("select 1 from customer where traits ->> 'seen' = %s", [value])
    return found.fetchone() is not None


def _until(
    conn: psycopg.Connection, mark: str, is_there: Callable[[psycopg.Connection, str], bool]
) -> None:
    until = time.monotonic() + _PATIENCE
    while not is_there(conn, mark):
        if time.monotonic() > until:
            raise RuntimeError("an answered event was not seen within ten seconds")
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
