"""The engine process: a handful of loops, each with its own connection, until told to stop.

A loop works while there is work, then sleeps until the bell of its channel rings. One loop rings
them: at a NOTIFY, and every two seconds for what one cheap statement finds waiting anyway. A
database that went away is tried again with growing pauses; what a loop was doing then was one
transaction and is undone.
"""

import datetime as dt
import importlib
import os
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
import structlog

from dangol.engine.following import Following
from dangol.engine.hearers import load_hearers
from dangol.engine.jobs import Handler, job_connection, work_once
from dangol.engine.leases import RENEW_EVERY, Lease, leave, share_leases
from dangol.engine.route import route_once
from dangol.engine.schedule import Clockwork, prepare_schedule, schedule_connection
from dangol.engine.tick import Ground, Pace, turn_once
from dangol.errors import DangolError, LeaseLost
from dangol.settings import Settings
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.pool import await_notices, connect
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

PROBE_EVERY = 2.0
"""Seconds after which work is looked for even if nobody was told of it."""
_LISTEN_SECONDS = 1.0
_RUNG_EVERY = 60.0
"""Seconds after which a loop whose bell is rung looks by itself all the same."""

_LONGEST_PAUSE = 5.0
_CHANNELS = ("intake", "inbox", "job")
_log = structlog.get_logger("dangol.engine")

JOBS = {
    "import": "dangol.engine.importing:run_import",
    "join": "dangol.engine.joining:join_people",
    "campaign_plan": "dangol.engine.planning:plan_campaign",
    "segment_backfill": "dangol.engine.backfill:run_backfill",
    "practice": "dangol.practice.job:run_practice",
    "practice_removal": "dangol.practice.job:run_removal",
}
"""Where each kind of job is done. Names, loaded when needed: an idle engine stays small, and the
practice shop stands above the engine."""


@dataclass
class Engine:
    """What the loops of one process share."""

    settings: Settings
    stop: threading.Event
    holder: str
    ground: Ground
    following: Following
    leases: tuple[Lease, ...] = ()
    bells: dict[str, threading.Event] = field(default_factory=dict)

    @property
    def dsn(self) -> str:
        """Where the database is."""
        return self.settings.database_url or ""

    def bell(self, channel: str) -> threading.Event:
        """What rings when there is something new on `channel`."""
        return self.bells.setdefault(channel, threading.Event())


Step = Callable[[psycopg.Connection], bool]
"""One piece of work on the loop's connection; whether there may be more at once."""


def run_engine(settings: Settings, stop: threading.Event) -> None:
    """Route, apply, work on jobs and keep the schedule until `stop` is set; returns when all rest.

    Any number of engines may run on one database.
    """
    ground = Ground(load_keyring(settings.keyring_path), Journal(settings.journal_dir))
    holder = f"{socket.gethostname()}:{os.getpid()}:{random.randrange(16**6):06x}"
    engine = Engine(settings, stop, holder, ground, Following(settings))
    loops = [
        _Loop(engine, "bell", lambda: _open_listening(engine), _listen(engine), pause=0.0),
        _Loop(engine, "leases", _open(engine, "leases"), _keep(engine), pause=RENEW_EVERY),
        _Loop(engine, "route", _open(engine, "route", plain=True), _route(engine), rung="intake"),
        _Loop(engine, "live", _open(engine, "live", plain=True), _live(engine), rung="inbox"),
        _Loop(engine, "jobs", lambda: job_connection(settings), _job(engine), rung="job"),
        _Loop(engine, "jobs2", lambda: job_connection(settings), _job(engine), rung="job"),
        _Loop(engine, "prompt", lambda: schedule_connection(settings), _task(engine, prompt=True)),
        _Loop(engine, "upkeep", lambda: schedule_connection(settings), _task(engine, prompt=False)),
    ]
    _log.info("engine started", holder=holder)
    for loop in loops:
        loop.start()
    stop.wait()
    for bell in engine.bells.values():
        bell.set()
    for loop in loops:
        loop.join()
    engine.following.close()
    _sign_off(engine)
    _log.info("engine stopped", holder=holder)


class _Loop(threading.Thread):
    """Does `step` again and again on one connection, which it opens anew when it breaks."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        open_connection: Callable[[], psycopg.Connection],
        step: Step,
        *,
        rung: str | None = None,
        pause: float = PROBE_EVERY,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._engine, self._step = engine, step
        self._pause = _RUNG_EVERY if rung else pause
        self._open = open_connection
        self._bell = engine.bell(rung or f"own-{name}")

    def run(self) -> None:
        failures = 0
        while not self._engine.stop.is_set():
            try:
                with self._open() as conn:
                    while not self._engine.stop.is_set():
                        self._turn(conn)
                        failures = 0
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                failures += 1
                _log.warning("database away", loop=self.name, error=str(error).strip()[:200])
            except Exception:  # a loop never ends by itself: what it did is undone and tried again
                failures += 1
                _log.exception("loop failed", loop=self.name)
            if failures:
                self._engine.stop.wait(min(_LONGEST_PAUSE, 0.1 * 2 ** min(failures, 6)))

    def _turn(self, conn: psycopg.Connection) -> None:
        self._bell.clear()
        try:
            more = self._step(conn)
        except LeaseLost:
            _log.info("lease lost", loop=self.name)
            more = False
        if not more and self._pause:
            self._bell.wait(self._pause)


def _open_listening(engine: Engine) -> psycopg.Connection:
    conn = connect(engine.dsn, name="bell", autocommit=True)
    for channel in _CHANNELS:
        conn.execute(f"listen {channel}")
    return conn


def _listen(engine: Engine) -> Step:
    """Turn NOTIFY into bells, many in a row into one; and ring for what waits unsaid."""
    look_at = 0.0

    def step(conn: psycopg.Connection) -> bool:
        nonlocal look_at
        rang = await_notices(conn, _LISTEN_SECONDS)
        if time.monotonic() >= look_at:
            look_at = time.monotonic() + PROBE_EVERY
            waits = conn.execute(SQL.find_waiting).fetchone()
            rang |= {
                channel for channel, is_waiting in zip(_CHANNELS, waits, strict=True) if is_waiting
            }
        if engine.following.is_due(dt.datetime.now(dt.UTC)):
            rang |= {"inbox"}
        for channel in rang:
            engine.bell(channel).set()
        return True

    return step


def _keep(engine: Engine) -> Step:
    """Renew the leases, and share the partitions with the other engines."""

    def step(conn: psycopg.Connection) -> bool:
        before = {lease.partition for lease in engine.leases}
        engine.leases = share_leases(conn, engine.holder, engine.leases)
        after = {lease.partition for lease in engine.leases}
        if before != after:
            _log.info("partitions", held=len(after), gained=len(after - before))
            engine.bell("inbox").set()
        return False

    return step


def _route(engine: Engine) -> Step:
    hearers = load_hearers(engine.ground.keyring, engine.ground.journal)

    def step(conn: psycopg.Connection) -> bool:
        return route_once(conn, hearers, dt.datetime.now(dt.UTC)).waiting

    return step


def _live(engine: Engine) -> Step:
    pace, following = Pace(), engine.following

    def step(conn: psycopg.Connection) -> bool:
        leases = engine.leases
        if not leases:
            return False
        begun = time.monotonic()
        now = dt.datetime.now(dt.UTC)
        ground = following.prepare(conn, engine.ground, now)
        turn = turn_once(conn, leases, ground, now, pace)
        if turn.taken >= 1_000:
            seconds = time.monotonic() - begun
            _log.info("applied", events=turn.applied, seconds=round(seconds, 3))
        behind = following.follow(conn, leases, turn, dt.datetime.now(dt.UTC))
        return behind or turn.last_bucket is not None

    return step


def _job(engine: Engine) -> Step:
    def step(conn: psycopg.Connection) -> bool:
        return work_once(conn, engine.settings, engine.holder, find_handler, engine.stop)

    return step


def _task(engine: Engine, *, prompt: bool) -> Step:
    clockwork = Clockwork(engine.settings, prompt=prompt)
    prepared: set[bool] = set()

    def step(conn: psycopg.Connection) -> bool:
        if not prepared:
            prepare_schedule(conn)
            prepared.add(True)
        return clockwork.run_due(conn)

    return step


def find_handler(kind: str) -> Handler:
    """What works on jobs of `kind`.

    Raises:
        DangolError: this version knows no such job.
    """
    if kind not in JOBS:
        raise DangolError(
            "This version does not know what to do for a job of kind {kind!r}.", kind=kind
        )
    module, _, name = JOBS[kind].partition(":")
    return getattr(importlib.import_module(module), name)


def _open(engine: Engine, name: str, *, plain: bool = False) -> Callable[[], psycopg.Connection]:
    return lambda: connect(engine.dsn, name=name, autocommit=not plain)


def _sign_off(engine: Engine) -> None:
    """Let others take our partitions at once; without a database the leases just run out."""
    try:
        with connect(engine.dsn, name="leases", autocommit=True) as conn:
            leave(conn, engine.holder, engine.leases)
    except psycopg.Error:
        _log.info("left without a word: the database is away")
