"""What an installation remembers about its practice shop: enough to finish it and to remove it."""

from datetime import date, datetime
from uuid import UUID

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.store.sql import load_queries

SQL = load_queries(__package__)

SOURCE = "practice"
"""Where its facts come from, as intake and the desk call it."""
ACTOR = "practice"
"""Who made its segments, letters and settings."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One practice shop."""

    run: UUID
    """Which one: keys of another run never meet these."""
    customers: int
    seed: int
    until: date
    """The last day on which something happened there."""
    made_at: datetime | None = None
    """None while it is being made."""
    is_leaving: bool = False
    """It is being taken away: nothing more of it may come in."""


def find_mark(conn: psycopg.Connection) -> Mark | None:
    """The practice shop of this installation; None when there is none."""
    row = conn.execute(SQL.find_mark).fetchone()
    return msgspec.convert(row[0], Mark) if row else None


def is_coming_in(conn: psycopg.Connection, run: UUID) -> bool:
    """Whether facts of this run may still come in; that stays so until the transaction ends."""
    row = conn.execute(SQL.hold_mark).fetchone()
    mark = msgspec.convert(row[0], Mark) if row else None
    return mark is not None and mark.run == run and not mark.is_leaving


def set_mark(conn: psycopg.Connection, mark: Mark) -> None:
    """Remember `mark`."""
    conn.execute(SQL.set_mark, {"value": Jsonb(msgspec.to_builtins(mark))})


def delete_mark(conn: psycopg.Connection) -> None:
    """Forget it."""
    conn.execute(SQL.delete_mark)
