"""After a restore nothing is sent until the owner confirms."""

from datetime import datetime
from uuid import uuid4

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Hold(msgspec.Struct, frozen=True):
    """A restored installation that waits for its owner."""

    at: datetime
    """When it was restored."""
    backup_at: datetime
    """The instant it was brought back to."""


def find_hold(conn: psycopg.Connection) -> Hold | None:
    """The restore that the owner has not yet confirmed; None in the ordinary case."""
    row = conn.execute(SQL.find_hold).fetchone()
    return msgspec.convert(row[0], Hold) if row else None


def hold_statement(hold: Hold) -> str:
    """SQL that makes an installation wait; it goes into the transaction that fills the database."""
    value = msgspec.json.encode(hold).decode().replace("'", "''")
    return (
        f"insert into public.installation (key, value) values ('restored', '{value}') "
        "on conflict (key) do update set value = excluded.value;"
    )


def release(conn: psycopg.Connection, *, by: str, now: datetime, send_waiting: bool) -> int:
    """Let a restored installation speak again; returns how many messages stay silent for it.

    What waited when the backup was made may have gone out since, so it is silenced, unless
    `send_waiting` says that it has not.
    """
    hold = find_hold(conn)
    if hold is None:
        return 0
    silenced = 0 if send_waiting else conn.execute(SQL.silence_waiting, {"now": now}).rowcount
    conn.execute(SQL.release)
    detail = {"backup_at": hold.backup_at.isoformat(), "silenced": silenced}
    note = {"id": uuid4(), "now": now, "by": by, "detail": Jsonb(detail)}
    conn.execute(SQL.note_release, note)
    return silenced
