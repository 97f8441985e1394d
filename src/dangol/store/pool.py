"""Connections: one way to open them, so that every session looks at time and text the same way."""

from select import POLLIN, poll, select
from time import monotonic
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

_OPTIONS = "-c TimeZone=UTC -c idle_in_transaction_session_timeout=120s -c lock_timeout=60s"
_GIVE_UP: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""A server whose machine is gone says nothing; without these we would listen to it for hours."""
_ANSWER_SECONDS = 5.0
_WAIT_SECONDS = 10.0


def connect(dsn: str, *, name: str, autocommit: bool = False) -> psycopg.Connection:
    """A new connection; `name` shows in `pg_stat_activity`. Times are read and written as UTC."""
    return psycopg.connect(
        dsn,
        autocommit=autocommit,
        application_name=f"dangol {name}",
        options=_OPTIONS,
        **_GIVE_UP,
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
    an error. It raises PoolTimeout within about 15 seconds when the server does not answer, also
    when it is stopped in its tracks rather than gone.
    """
    return ConnectionPool(
        dsn,
        min_size=1,
        max_size=size,
        timeout=_WAIT_SECONDS,
        kwargs={"application_name": f"dangol {name}", "options": _OPTIONS, **_GIVE_UP},
        check=check_answers,
        open=True,
    )


def check_answers(conn: psycopg.Connection, seconds: float = _ANSWER_SECONDS) -> None:
    """Ask the server for nothing, to see that it is there.

    The driver's own check waits for an answer for ever: a frozen server then takes every thread of
    a web process, one after the other.

    Raises:
        OperationalError: no answer within `seconds`, or the connection is broken.
    """
    server, until = conn.pgconn, monotonic() + seconds
    server.send_query(b"")
    server.flush()
    ears = poll()  # select() cannot look at the high numbers that a busy process gets
    ears.register(server.socket, POLLIN)
    while True:
        while server.is_busy():
            left = until - monotonic()
            if left <= 0 or not ears.poll(left * 1000):
                conn.close()
                raise psycopg.OperationalError(f"no answer within {seconds:g} seconds")
            server.consume_input()
        if server.get_result() is None:
            return
