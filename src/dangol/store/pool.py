"""Connections: one way to open them, so that every session looks at time and text the same way."""

from select import select

import psycopg
from psycopg_pool import ConnectionPool

_OPTIONS = "-c TimeZone=UTC -c idle_in_transaction_session_timeout=120s -c lock_timeout=60s"


def connect(dsn: str, *, name: str, autocommit: bool = False) -> psycopg.Connection:
    """A new connection; `name` shows in `pg_stat_activity`. Times are read and written as UTC."""
    return psycopg.connect(
        dsn, autocommit=autocommit, application_name=f"dangol {name}", options=_OPTIONS
    )


def await_notices(conn: psycopg.Connection, seconds: float) -> set[str]:
    """The channels that rang, after waiting for up to `seconds` for the first; empty if none did.

    `conn` listens and is in autocommit mode. Unlike `conn.notifies` it sleeps through: the driver
    wakes up ten times a second to see whether it was interrupted, which an idle machine pays for.
    """
    rang = {notice.channel for notice in conn.notifies(timeout=0)}
    if not rang and select([conn], [], [], seconds)[0]:
        rang = {notice.channel for notice in conn.notifies(timeout=0)}
    return rang


def open_pool(dsn: str, *, name: str, size: int = 8) -> ConnectionPool:
    """A pool of up to `size` connections that heals itself when the server restarts.

    `with pool.connection() as conn:` is one transaction: committed at the end, rolled back on
    an error.
    """
    return ConnectionPool(
        dsn,
        min_size=1,
        max_size=size,
        timeout=30,
        kwargs={"application_name": f"dangol {name}", "options": _OPTIONS},
        check=ConnectionPool.check_connection,
        open=True,
    )
