"""Everything that runs by itself, in one table: what, how often, and what it does.

Each task is held by one engine at a time, so any number of engines may run. What holds it is a lock
of the engine's session: killed anywhere, it lets go, and the task is begun again at the next look.
A task with an `is_due` is only claimed when that index probe
finds work, so an idle installation writes nothing.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from zlib import crc32
from zoneinfo import ZoneInfo

import psycopg
import structlog

from dangol.engine import planning, sizing, upkeep
from dangol.engine.recount import is_recount_due
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.lake.mover import is_move_due
from dangol.store.pool import connect
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

_log = structlog.get_logger("dangol.schedule")


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that runs by itself."""

    name: str
    description: str
    period: dt.timedelta
    run: Callable[[Settings, dt.datetime], None]
    """Called with the present time; opens its own connections and transactions."""
    is_due: Callable[[psycopg.Connection, dt.datetime], bool] | None = None
    """A cheap look whether there is anything to do; without it there always is."""
    is_prompt: bool = False
    """People wait for it: it does not stand behind what takes minutes."""
    at: dt.time | None = None
    """At this time of day in the brand's zone instead of a period after the last time."""


_SECOND, _MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)
_HOUR, _DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
_LOCKS = 0x7461736B << 32  # "task"; which task stands in the lower half
_LOOK_EVERY = 30 * _SECOND
"""A task that another engine has run, or that is due by the clock, is looked at again by then."""

SCHEDULE: tuple[Task, ...] = (
    Task("campaigns", "Begin campaigns whose time has come", 2 * _SECOND,
         planning.start_campaigns, upkeep.has_campaigns, is_prompt=True),
    Task("move", "Recent events into the lake", 5 * _SECOND, upkeep.move_events, is_move_due),
    Task("merge", "Histories of merged customers to their owners", 5 * _SECOND,
         upkeep.follow_merges, upkeep.has_merges, is_prompt=True),
    Task("erase", "Forget people who asked for it", 10 * _SECOND, upkeep.erase_people,
         upkeep.has_erasures, is_prompt=True),
    Task("recount", "Orders by the event, zone, currency and rates that hold now", 10 * _SECOND,
         upkeep.recount_when_changed, is_recount_due),
    Task("interests", "What customers like, from what they read, click and buy", _MINUTE,
         upkeep.tell_what_they_like, upkeep.has_tellings),
    Task("hours", "At which hours customers come", _MINUTE,
         upkeep.learn_everyones_hours, upkeep.has_hours),
    Task("reopen", "The rhythm by the opening days that hold now", 10 * _SECOND,
         upkeep.refit_when_reopened, upkeep.has_reopened),
    Task("messages", "Messages of campaigns that ended long ago into the lake", _HOUR,
         upkeep.move_past_messages, upkeep.has_past_messages),
    Task("stays", "Stays in segments that ended long ago into the lake", _DAY,
         upkeep.move_past_stays, upkeep.has_past_stays, at=dt.time(3, 40)),
    Task("compact", "Small lake files into few large ones", 2 * _MINUTE, upkeep.compact_lake),
    Task("sweep", "Delete lake files that nobody reads any more", _HOUR, upkeep.sweep_lake),
    Task("refit", "Learn the rhythm anew when it is due", _HOUR, upkeep.refit_when_due),
    Task("past", "Where people stood before they were known", 10 * _SECOND,
         upkeep.judge_the_unjudged, upkeep.has_unjudged),
    Task("rescore", "Where each stands today", _DAY, upkeep.rescore_daily, at=dt.time(0, 10)),
    Task("sizes", "How many each segment has, for its history", _HOUR,
         sizing.count_segments, sizing.has_segments),
    Task("forget", "Sessions, links, rejects and practice mail past their time", _DAY, upkeep.forget_old,
         at=dt.time(4, 30)),
)  # fmt: skip


def prepare_schedule(conn: psycopg.Connection) -> None:
    """Make the rows of tasks that are new; due at once. Opens its own transaction."""
    with conn.transaction():
        for task in SCHEDULE:
            row = {"name": task.name, "description": task.description}
            conn.execute(SQL.add_task, row)


class Clockwork:
    """One loop's view of the schedule: its half of the tasks, and which it need not look at yet."""

    def __init__(self, settings: Settings, *, prompt: bool) -> None:
        self._settings = settings
        self._tasks = [task for task in SCHEDULE if task.is_prompt is prompt]
        self._look_at = {task.name: 0.0 for task in self._tasks}

    def run_due(self, conn: psycopg.Connection) -> bool:
        """Run the first task that is due and has work; whether one was run.

        `conn` is in autocommit mode and only looks; tasks open connections of their own.
        """
        for task in self._tasks:
            if time.monotonic() < self._look_at[task.name]:
                continue
            self._look_at[task.name] = (
                time.monotonic() + min(_LOOK_EVERY, task.period).total_seconds()
            )
            now = dt.datetime.now(dt.UTC)
            if task.is_due is not None and not task.is_due(conn, now):
                continue
            with _held(conn, task) as is_ours:
                if is_ours:
                    _run_held(conn, task, self._settings)
                    return True
        return False


@contextmanager
def _held(conn: psycopg.Connection, task: Task) -> Iterator[bool]:
    """Whether `task` is due and nobody else is at it; then it is ours until the end."""
    lock = {"key": _LOCKS | crc32(task.name.encode())}
    if not conn.execute(SQL.hold_task, lock).fetchone()[0]:
        yield False
        return
    try:
        yield conn.execute(SQL.begin_task, {"name": task.name}).fetchone() is not None
    finally:
        if not conn.broken:
            conn.execute(SQL.let_go_of_task, lock)


def _run_held(conn: psycopg.Connection, task: Task, settings: Settings) -> None:
    error = _run(task, settings)
    now = conn.execute("select clock_timestamp()").fetchone()[0]  # what begin_task compares with
    after = {"name": task.name, "error": error, "next_at": next_time(conn, task, now, error)}
    conn.execute(SQL.end_task, after)


def next_time(
    conn: psycopg.Connection, task: Task, now: dt.datetime, error: str | None
) -> dt.datetime:
    """When `task` is due after having ended at `now`; a minute later at most when it failed."""
    if error is not None:
        return now + min(task.period, _MINUTE)
    if task.at is None:
        return now + task.period
    return next_local(task.at, ZoneInfo(read_brand(conn).zone), now)


def next_local(at: dt.time, zone: ZoneInfo, now: dt.datetime) -> dt.datetime:
    """The next instant after `now` at which clocks in `zone` show `at`.

    >>> next_local(dt.time(0, 10), ZoneInfo("Asia/Seoul"), dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    datetime.datetime(2026, 1, 1, 15, 10, tzinfo=datetime.timezone.utc)
    """
    day = now.astimezone(zone).date()
    for shift in (0, 1, 2):
        local = dt.datetime.combine(day + shift * _DAY, at, zone)
        if (instant := local.astimezone(dt.UTC)) > now:
            return instant
    raise AssertionError("a day has passed without the hour coming")


def _run(task: Task, settings: Settings) -> str | None:
    """Run one task; what went wrong in words, or None."""
    try:
        task.run(settings, dt.datetime.now(dt.UTC))
    except Exception as error:  # one task must not stop the others; it is shown and tried again
        _log.warning("task failed", task=task.name, error=str(error))
        return f"{type(error).__name__}: {error}"[:1000]
    return None


def schedule_connection(settings: Settings) -> psycopg.Connection:
    """A connection as `run_due` wants it."""
    return connect(settings.database_url or "", name="schedule", autocommit=True)
