"""Heard before? A sender's retries within 7 days, and imported rows for ever, count once.

Keys belong to weeks, one partition of `seen` each; this week and the one before are kept, so a
key is looked up in two places and old ones go by dropping a table. The week is one row that every
worker holds shared while it works, so all agree on it; two workers with the same key meet on the
same primary key, where the second waits for the first. The week before is closed: reading it is
enough.
"""

from collections.abc import Collection
from datetime import date, timedelta

import psycopg
from psycopg import sql

from dangol.store.sql import load_queries

_SQL = load_queries(__package__)
_WEEK = timedelta(days=7)


def open_week(conn: psycopg.Connection, today: date) -> tuple[date, bool]:
    """The Monday that new keys belong to, held until the transaction ends, and whether it is new.

    It never goes back, whatever the clock does. In a transaction that has remembered nothing yet:
    a new week waits for all workers.
    """
    monday = today - timedelta(days=today.weekday())
    row = conn.execute(_SQL.find_week).fetchone()
    is_new = row is None or row[0] < monday
    if is_new:
        _begin_week(conn, monday)
    return conn.execute(_SQL.share_week).fetchone()[0], is_new


def drop_old_weeks(conn: psycopg.Connection, week: date) -> list[str]:
    """Forget keys from before the week before `week`; the names of the partitions that went.

    A transaction of its own. Does nothing while somebody reads them: the next week tries again.
    """
    oldest = _name(week - _WEEK)
    try:
        with conn.transaction():
            conn.execute("set local lock_timeout = '500ms'")
            gone = [row[0] for row in conn.execute(_SQL.list_weeks) if row[0] < oldest]
            for name in gone:
                conn.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
            return gone
    except psycopg.errors.LockNotAvailable:
        return []


def remember(conn: psycopg.Connection, keys: Collection[str], week: date) -> set[str]:
    """Which of `keys` are heard for the first time; from now on they are known."""
    if not keys:
        return set()
    args = {"week": week, "before": week - _WEEK, "keys": ",".join(keys)}
    fresh = set(keys) - _hex(conn.execute(_SQL.remember_keys, args))
    args["keys"] = ",".join(fresh)
    return fresh - _hex(conn.execute(_SQL.find_earlier, args)) if fresh else fresh


def remember_imported(conn: psycopg.Connection, keys: Collection[str]) -> set[str]:
    """Which keys of imported lines are heard for the first time; they are known for ever."""
    if not keys:
        return set()
    return set(keys) - _hex(conn.execute(_SQL.remember_imported, {"keys": ",".join(keys)}))


def _hex(cursor: psycopg.Cursor) -> set[str]:
    return {row[0].hex for row in cursor.fetchall()}


def _begin_week(conn: psycopg.Connection, monday: date) -> None:
    """Wait for those who work on the old week, then make room for the new one."""
    conn.execute(_SQL.open_week, {"week": date(1970, 1, 5)})
    if conn.execute(_SQL.lock_week).fetchone()[0] < monday:
        _create_partition(conn, monday)
        conn.execute(_SQL.set_week, {"week": monday})


def _name(monday: date) -> str:
    return f"seen_{monday:%Y%m%d}"


def _create_partition(conn: psycopg.Connection, monday: date) -> None:
    statement = sql.SQL(
        "create table if not exists {} partition of seen for values from ({}) to ({})"
    )
    limits = (sql.Literal(monday.isoformat()), sql.Literal((monday + _WEEK).isoformat()))
    conn.execute(statement.format(sql.Identifier(_name(monday)), *limits))
