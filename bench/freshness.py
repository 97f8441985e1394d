"""Memberships: how soon after its acknowledgement an event is seen in them, and at what cost.

A lake of CUSTOMERS customers with 50 events each (a million customers when DANGOL_BENCH_FULL is
set) and twenty segments with windows, counts, properties, traits and stages. An engine takes over
the partitions and evaluates everyone; then 1,000 events a second arrive over the tracking queue for
some seconds, and beside them single orders of people who come into a segment by them: measured is
from the commit of such an order to the commit of the membership. At last a backlog is applied with
and without segments: the rate at which they keep up, and the CPU they cost. The baseline is the
same backlog without any segment.
"""

import datetime as dt
import os
import random
import statistics
import threading
import time
from typing import NamedTuple

import msgspec
import psycopg

from bench._cost import forget_peak, postmaster_of, server_cpu, show_memory
from bench._ground import fresh_database
from bench._history import fill_history
from bench.report import Figure, show
from dangol.engine.following import Following
from dangol.engine.leases import share_leases
from dangol.engine.route import route_once
from dangol.engine.tick import Ground, Pace, turn_once
from dangol.know.segment.service import create_segment
from dangol.know.segment.store import archive_segment, list_segments
from dangol.listen.intake import append_intake
from dangol.settings import Settings
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect

FULL = bool(os.environ.get("DANGOL_BENCH_FULL"))
CUSTOMERS = int(os.environ.get("DANGOL_BENCH_CUSTOMERS", 1_000_000 if FULL else 200_000))
SECONDS = int(os.environ.get("DANGOL_BENCH_SECONDS", 20))
BACKLOG = int(os.environ.get("DANGOL_BENCH_BACKLOG", 40_000))
RATE = 1_000
_SIZE = 100
_ORDER, _VIEW = "Order Completed", "Product Viewed"


def main() -> None:
    """Measure and print."""
    with fresh_database() as settings:
        now = dt.datetime.now(dt.UTC)
        fill_history(settings, CUSTOMERS, 50 * CUSTOMERS, now)
        _name_customers(settings)
        server = postmaster_of(settings)
        forget_peak()
        with connect(settings.database_url or "", name="bench") as conn:
            for number, definition in enumerate(_segments()):
                create_segment(conn, f"s{number}", definition, "bench", now)
        engine = _Engine(settings)
        _show_taking_over(engine)
        _show_freshness(settings, engine)
        with_segments = _apply_backlog(settings, engine, server)
        _show_midnight(settings, engine, server)
        show_memory("memberships", server, _size())
        with connect(settings.database_url or "", name="bench") as conn:
            for one in list_segments(conn):
                archive_segment(conn, one, "bench", dt.datetime.now(dt.UTC))
        engine.rest()
        _show_rate(with_segments, _apply_backlog(settings, engine, server))
        engine.close()


def _segments() -> list[dict]:
    """Twenty: each event question with another window or property."""
    found = []
    for days in (7, 14, 30, 60):
        lately = {"kind": "did", "name": _ORDER, "within": {"days": days}}
        viewed = {"kind": "did", "name": _VIEW, "within": {"days": days},
                  "times": {"op": "ge", "value": 3}}  # fmt: skip
        seoul = {"kind": "trait", "name": "city", "op": "eq", "value": "서울"}
        found += [
            lately,
            {"kind": "all", "of": [seoul, viewed]},
            {"kind": "all", "of": [{"kind": "stage", "in": ["loyal", "active"]}, lately]},
            {"kind": "all", "of": [{"kind": "did_not", "name": _ORDER, "within": {"days": days}},
                                   seoul]},
            {"kind": "did", "name": _ORDER, "within": {"days": 3 * days},
             "where": [{"name": "total", "op": "gt", "value": 1_000 * days}]},
        ]  # fmt: skip
    return found


class _Engine:
    """Route and Live with those who follow it, on a thread each when it runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        ground = Ground(load_keyring(settings.keyring_path), Journal(settings.journal_dir))
        self._ground, self._pace = ground, Pace()
        self.following = Following(settings)
        self.route_conn = connect(settings.database_url or "", name="route")
        self.conn = connect(settings.database_url or "", name="live")
        self._leases = share_leases(self.conn, "bench", ())
        self._renewed = time.monotonic()
        self.conn.commit()

    def step(self) -> bool:
        """One turn and what follows it; whether there is more to do."""
        if time.monotonic() - self._renewed > 4:
            self._leases = share_leases(self.conn, "bench", self._leases)
            self.conn.commit()
            self._renewed = time.monotonic()
        now = dt.datetime.now(dt.UTC)
        ground = self.following.prepare(self.conn, self._ground, now)
        turn = turn_once(self.conn, self._leases, ground, now, self._pace)
        behind = self.following.follow(self.conn, self._leases, turn, dt.datetime.now(dt.UTC))
        return behind or turn.taken > 0

    def route(self) -> bool:
        """One step of Route."""
        return route_once(self.route_conn, {}, dt.datetime.now(dt.UTC)).waiting

    def rest(self) -> None:
        """Until nothing is left to do, scans included."""
        while True:
            more = self.step()
            standing = self.following._standing
            if not more and not (standing and standing.settle()):
                return

    def begin_day(self) -> None:
        """As if it were midnight somewhere."""
        assert self.following._standing is not None
        self.following._standing._calendar._midnight = dt.datetime.now(dt.UTC)

    def close(self) -> None:
        """Let go."""
        self.following.close()
        self.conn.close()
        self.route_conn.close()


def _show_taking_over(engine: _Engine) -> None:
    started, cpu = time.monotonic(), time.process_time()
    engine.rest()
    show(
        Figure(
            "memberships: 20 segments, everyone, from nothing",
            time.monotonic() - started,
            "s",
            higher_is_better=False,
            note=f"{time.process_time() - cpu:.1f} s of CPU; {_memory()}; {_size()}",
        )
    )


def _show_freshness(settings: Settings, engine: _Engine) -> None:
    cpu = time.process_time()
    waits = _fresh(settings, engine, SECONDS)
    busy = (time.process_time() - cpu) / SECONDS
    show(
        Figure(
            "memberships: order acknowledged → member, p99",
            _p99(waits),
            "s",
            budget=2.0,
            higher_is_better=False,
            note=f"p50 {statistics.median(waits):.2f} s of {len(waits)} orders while {RATE:,}"
            f" events/s arrive; {busy:.2f} CPUs of this process; {_load()}; {_size()}",
        )
    )


def _fresh(settings: Settings, engine: _Engine, seconds: int) -> list[float]:
    """How long orders took to be seen while others arrive and the engine runs."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_feed, args=[settings, stop]),
        threading.Thread(target=_run, args=[engine.route, stop]),
        threading.Thread(target=_run, args=[engine.step, stop]),
    ]
    for thread in threads:
        thread.start()
    waits = _probe(settings, seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return waits


def _p99(waits: list[float]) -> float:
    waits = sorted(waits)
    return waits[min(len(waits) - 1, len(waits) * 99 // 100)]


def _show_midnight(settings: Settings, engine: _Engine, server: int) -> None:
    """Three segments that look at local days: everyone is asked, while events go on arriving."""
    with connect(settings.database_url or "", name="bench") as conn:
        for number, definition in enumerate(_DAILY):
            create_segment(conn, f"d{number}", definition, "bench", dt.datetime.now(dt.UTC))
    engine.rest()
    before = time.process_time() + server_cpu(server)
    engine.begin_day()
    engine.rest()
    spent = time.process_time() + server_cpu(server) - before
    engine.begin_day()
    waits = _fresh(settings, engine, SECONDS)
    show(
        Figure(
            "memberships: order acknowledged → member, p99, at midnight",
            _p99(waits),
            "s",
            budget=2.0,
            higher_is_better=False,
            note=f"{len(_DAILY)} segments on local days asked of everyone: {spent:.1f} s of CPU,"
            f" PostgreSQL's included; {_load()}; {_size()}",
        )
    )


_DAILY = (
    {"kind": "did", "name": _ORDER, "within": {"calendar_days": 7}},
    {"kind": "regularly", "name": _VIEW, "of_last": 4, "at_least": 3},
    {"kind": "anniversary", "name": "born", "within": {"days": 7}},
)


def _probe(settings: Settings, seconds: int) -> list[float]:
    """Single orders of people who did not order in the last week; how long each took."""
    dice, waits = random.Random(time.monotonic_ns()), []
    until = time.monotonic() + seconds
    with connect(settings.database_url or "", name="probe", autocommit=True) as conn:
        segment = conn.execute("select id from segment where name = 's0'").fetchone()[0]
        while time.monotonic() < until:
            user = dice.randrange(1, CUSTOMERS)
            item = {"messageId": f"probe{user}-{time.monotonic_ns()}", "userId": f"u{user}", "type": "track",
                    "event": _ORDER, "properties": {"total": 1, "currency": "KRW"}}  # fmt: skip
            before = _entered(conn, segment, user)
            if before % 2 == 0:  # not in it: this order brings them in
                _append(settings, [item], conn)
                begun = time.monotonic()
                while _entered(conn, segment, user) == before and time.monotonic() < begun + 30:
                    time.sleep(0.01)
                waits.append(time.monotonic() - begun)
    return waits


def _entered(conn: psycopg.Connection, segment: object, user: int) -> int:
    query = (
        "select count(*) from segment_change where segment_id = %s and bucket = %s"
        " and customer_id = %s"
    )
    return conn.execute(query, [segment, user % 1024, user]).fetchone()[0]


def _feed(settings: Settings, stop: threading.Event) -> None:
    dice, number = random.Random(7), 0
    due = time.monotonic()
    with connect(settings.database_url or "", name="feed", autocommit=True) as conn:
        while not stop.is_set():
            _append(settings, _items(dice, f"f{number}", dt.datetime.now(dt.UTC)), conn)
            number += 1
            due += _SIZE / RATE
            time.sleep(max(0.0, due - time.monotonic()))


def _run(step, stop: threading.Event) -> None:
    while not stop.is_set():
        if not step():
            time.sleep(0.02)


class _Spent(NamedTuple):
    """What a backlog took: seconds, and CPU seconds of this process and of PostgreSQL."""

    seconds: float
    own: float
    server: float

    @property
    def cpu(self) -> str:
        """For each event."""
        own, server = (part / BACKLOG * 1e6 for part in (self.own, self.server))
        return f"{own:.0f} + {server:.0f} µs"


def _apply_backlog(settings: Settings, engine: _Engine, server: int) -> _Spent:
    """Route a backlog, then apply it and follow."""
    dice = random.Random(BACKLOG)
    now = dt.datetime.now(dt.UTC)
    with connect(settings.database_url or "", name="bench", autocommit=True) as conn:
        for number in range(BACKLOG // _SIZE):
            _append(settings, _items(dice, f"b{now}{number}", now), conn)
    while engine.route():
        pass
    before = time.monotonic(), time.process_time(), server_cpu(server)
    engine.rest()
    after = time.monotonic(), time.process_time(), server_cpu(server)
    return _Spent(*(end - start for start, end in zip(before, after, strict=True)))


def _show_rate(with_segments: _Spent, without: _Spent) -> None:
    show(
        Figure(
            "memberships: live + 20 segments",
            BACKLOG / with_segments.seconds,
            "events/s",
            budget=5_000,
            baseline=BACKLOG / without.seconds,
            baseline_name="live without segments",
            note=f"CPU for each event (this process + PostgreSQL) {with_segments.cpu} against"
            f" {without.cpu}; {_load()}; {_size()}",
        )
    )


def _items(dice: random.Random, key: str, now: dt.datetime) -> list[dict]:
    found = []
    for place in range(_SIZE):
        kind = dice.random()
        name = _ORDER if kind < 0.1 else _VIEW if kind < 0.8 else "Page Seen"
        props = {"total": dice.randrange(200_000), "currency": "KRW", "category": "원두"}
        user = dice.randrange(1, CUSTOMERS)
        found.append({"messageId": f"{key}-{place}", "userId": f"u{user}", "type": "track",
                      "event": name, "properties": props, "timestamp": now.isoformat()})  # fmt: skip
    return found


def _append(settings: Settings, items: list[dict], conn: psycopg.Connection) -> None:
    now = dt.datetime.now(dt.UTC)
    body = msgspec.json.encode({"batch": items, "sentAt": now.isoformat()})
    meta = {"path": "/v1/batch"}
    with conn.transaction():
        append_intake(conn, kind="track", source="bench", body=body, meta=meta, at=now)


def _name_customers(settings: Settings) -> None:
    """Each is known by an own id, as senders call them."""
    with connect(settings.database_url or "", name="bench") as conn:
        conn.execute(
            "insert into identity (kind, value, bucket, customer_id, linked_at)"
            " select 'user', 'u' || n, n %% 1024, n, now() from generate_series(1, %s) n",
            [CUSTOMERS],
        )
        conn.execute("update customer_block set next_id = %s", [CUSTOMERS + 1_000_000])


def _memory() -> str:
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status if ":" in line)
    return f"{int(lines['RssAnon'].split()[0]) // 1024:,} MB of own memory"


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


def _size() -> str:
    return f"{CUSTOMERS:,} customers, {50 * CUSTOMERS:,} events"


if __name__ == "__main__":
    main()
