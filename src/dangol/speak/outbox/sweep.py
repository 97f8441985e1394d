"""What a dead dispatcher left, and what is finished."""

from datetime import datetime, timedelta

import psycopg
from psycopg.types.json import Jsonb

from dangol.decide.campaign.addresses import forget_addresses
from dangol.decide.campaign.service import list_cancelled_with_rest, silence_some
from dangol.store.sql import load_queries

_Q = load_queries(__package__)

ALIVE_WITHIN = timedelta(seconds=15)
"""A dispatcher that was not heard of for so long is dead; it beats every second."""
_GIVE_UP = timedelta(minutes=15)
"""After so long past `send_by` even a living dispatcher has no result to come."""


def beat(
    conn: psycopg.Connection,
    dispatcher_id: str,
    host: str,
    status: dict[str, object],
    now: datetime,
) -> None:
    """Say that this dispatcher lives, and how it is doing."""
    args = {"id": dispatcher_id, "host": host, "status": Jsonb(status), "now": now}
    conn.execute(_Q.beat, args)


def leave(conn: psycopg.Connection, dispatcher_id: str) -> None:
    """Say that it stops in good order, with nothing open."""
    conn.execute(_Q.forget_dispatcher, {"id": dispatcher_id})


def sweep(conn: psycopg.Connection, now: datetime) -> int:
    """Make what dead dispatchers had handed over `uncertain`, and close what is finished.

    Returns how many became uncertain. Safe to run in any number of processes.
    """
    args = {"now": now, "alive_since": now - ALIVE_WITHIN, "long_ago": now - _GIVE_UP}
    uncertain = conn.execute(_Q.mark_uncertain, args).rowcount
    for (send_id,) in conn.execute(_Q.list_open_ids).fetchall():
        close_if_done(conn, send_id, now)
    conn.execute(_Q.forget_old_dispatchers, {"before": now - timedelta(days=1)})
    return uncertain


def silence_cancelled(conn: psycopg.Connection, now: datetime, parts: int = 4) -> int:
    """Go on ending what waits of cancelled campaigns, at most `parts` parts, each in a transaction of
    its own. Returns how many rows that were. Safe to run in any number of processes."""
    ended = 0
    for send_id in list_cancelled_with_rest(conn, now):
        while parts > 0:
            parts -= 1
            with conn.transaction():
                some = silence_some(conn, send_id, now)
            ended += some
            if some == 0:
                break
    return ended


def forget_taken(conn: psycopg.Connection, now: datetime) -> int:
    """Forget some of the addresses that finished campaigns wrote to, in a transaction of its own."""
    with conn.transaction():
        return forget_addresses(conn, now)


def close_if_done(conn: psycopg.Connection, send_id: int, now: datetime) -> bool:
    """Close a send with nothing left to do, and its campaign with it."""
    row = conn.execute(_Q.close_send, {"send_id": send_id}).fetchone()
    if row is None:
        return False
    if row[1] == "campaign":
        conn.execute(_Q.close_campaign, {"send_id": send_id, "now": now})
    return True
