"""Everything that runs by itself, in one table: what, how often, and what it does.

Each task is claimed by one engine at a time, so any number of engines may run; each may be killed
anywhere and is simply run again. A task that has nothing to do costs one index probe.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec
import psycopg
import structlog

from dangol.engine import upkeep
from dangol.settings import Settings
from dangol.store.brand import read_brand
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
    at: dt.time | None = None
    """At this time of day in the brand's zone instead of a period after the last time."""


_SECOND, _MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)
_HOUR, _DAY = dt.timedelta(hours=1), dt.timedelta(days=1)

SCHEDULE: tuple[Task, ...] = (
    Task("move", "Recent events into the lake", 5 * _SECOND, upkeep.move_events),
    Task("merge", "Histories of merged customers to their owners", 5 * _SECOND,
         upkeep.follow_merges),
    Task("erase", "Forget people who asked for it", 10 * _SECOND, upkeep.erase_people),
    Task("compact", "Small lake files into few large ones", _MINUTE, upkeep.compact_lake),
    Task("sweep", "Delete lake files that nobody reads any more", _HOUR, upkeep.sweep_lake),
    Task("refit", "Learn the rhythm anew when it is due", _HOUR, upkeep.refit_when_due),
    Task("rescore", "Where each stands today", _DAY, upkeep.rescore_daily, at=dt.time(0, 10)),
    Task("forget", "Sessions, links and rejects past their time", _DAY, upkeep.forget_old,
         at=dt.time(4, 30)),
)  # fmt: skip


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A task with when it ran last and will run next, for the desk."""

    name: str
    description: str
    next_at: dt.datetime
    last_started_at: dt.datetime | None
    last_finished_at: dt.datetime | None
    last_error: str | None


def list_planned(conn: psycopg.Connection) -> list[Planned]:
    """The whole table, in the order above; what never ran yet is missing."""
    rows = {row[0]: row[1:] for row in conn.execute(SQL.list_schedule)}
    return [
        Planned(
            name=task.name,
            description=task.description,
            **dict(zip(_RAN, rows[task.name], strict=True)),
        )
        for task in SCHEDULE
        if task.name in rows
    ]


_RAN = ("next_at", "last_started_at", "last_finished_at", "last_error")


def prepare_schedule(conn: psycopg.Connection) -> None:
    """Make the rows of tasks that are new; due at once. Opens its own transaction."""
    with conn.transaction():
        for task in SCHEDULE:
            conn.execute(SQL.add_task, {"name": task.name})


def run_due(settings: Settings, conn: psycopg.Connection) -> bool:
    """Run the most overdue task, if one is due; whether one was. `conn` is in autocommit mode."""
    tasks = {task.name: task for task in SCHEDULE}
    row = conn.execute(SQL.claim_task, {"names": list(tasks)}).fetchone()
    if row is None:
        return False
    task = tasks[row[0]]
    error = _run(task, settings)
    now = dt.datetime.now(dt.UTC)
    after = {"name": task.name, "error": error, "next_at": next_time(conn, task, now, error)}
    conn.execute(SQL.end_task, after)
    return True


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
