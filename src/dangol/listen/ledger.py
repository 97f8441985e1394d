"""Heard before? A sender's retries within 7 days, and imported rows for ever, count once.

Keys belong to days, one partition of `seen` each. The day is one row that every worker holds
shared while it works, so all agree on it; two workers with the same key meet on the same primary
key, where the second waits for the first. Older days are closed: reading them is enough.
"""

from collections.abc import Iterable
from datetime import date, timedelta

import psycopg
from psycopg import sql

from dangol.listen.heard import Heard
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

DAYS = 7
"""How many days back a retry is recognised."""


def open_day(conn: psycopg.Connection, today: date) -> tuple[date, bool]:
    """The day that new keys belong to, held until the transaction ends, and whether it began now.

    It never goes back, whatever the clock does. In a transaction that has remembered nothing yet: a new day waits for all workers.
    """
    row = conn.execute(_SQL.find_day).fetchone()
    is_new = row is None or row[0] < today
    if is_new:
        _begin_day(conn, today)
    return conn.execute(_SQL.share_day).fetchone()[0], is_new


def _begin_day(conn: psycopg.Connection, today: date) -> None:
    """Wait for those who work on the old day, then make room for the new one and the next."""
    conn.execute(_SQL.open_day, {"day": date(1970, 1, 1)})
    if conn.execute(_SQL.lock_day).fetchone()[0] >= today:
        return
    for day in (today, today + timedelta(days=1)):
        _create_partition(conn, day)
    conn.execute(_SQL.set_day, {"day": today})


def drop_old_days(conn: psycopg.Connection, today: date) -> list[str]:
    """Forget keys older than 7 days; the names of the partitions that went. Commits by itself.

    Does nothing while somebody reads them: it is tried again on the next call.
    """
    oldest = _name(today - timedelta(days=DAYS))
    try:
        with conn.transaction():
            conn.execute("set local lock_timeout = '500ms'")
            gone = [row[0] for row in conn.execute(_SQL.list_days) if row[0] < oldest]
            for name in gone:
                conn.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
            return gone
    except psycopg.errors.LockNotAvailable:
        return []


def remember(conn: psycopg.Connection, events: Iterable[Heard], day: date) -> set[str]:
    """Which keys are heard for the first time; from now on they are known."""
    tracked = {event.key for event in events if not event.is_imported}
    imported = {event.key for event in events if event.is_imported}
    fresh: set[str] = set()
    if tracked:
        args = {"day": day, "oldest": day - timedelta(days=DAYS), "keys": ",".join(tracked)}
        fresh |= _hex(conn.execute(_SQL.remember_keys, args))
        args["keys"] = ",".join(fresh)
        fresh -= _hex(conn.execute(_SQL.find_earlier, args)) if fresh else set()
    if imported:
        fresh |= _hex(conn.execute(_SQL.remember_imported, {"keys": ",".join(imported)}))
    return fresh


def _hex(cursor: psycopg.Cursor) -> set[str]:
    return {row[0].hex for row in cursor.fetchall()}


def _name(day: date) -> str:
    return f"seen_{day:%Y%m%d}"


def _create_partition(conn: psycopg.Connection, day: date) -> None:
    statement = sql.SQL(
        "create table if not exists {} partition of seen for values from ({}) to ({})"
    )
    limits = (sql.Literal(day.isoformat()), sql.Literal((day + timedelta(days=1)).isoformat()))
    conn.execute(statement.format(sql.Identifier(_name(day)), *limits))
