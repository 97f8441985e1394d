"""What runs by itself and when it did last, as rows; light, for the desk.

The table itself, with what each task does, is `dangol.engine.schedule`.
"""

import datetime as dt

import msgspec
import psycopg

from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A task with when it ran last and may run next."""

    name: str
    description: str
    next_at: dt.datetime
    last_started_at: dt.datetime | None
    last_finished_at: dt.datetime | None
    last_error: str | None


def list_planned(conn: psycopg.Connection) -> list[Planned]:
    """Every task that an engine has prepared, the latest to run first."""
    names = [field.name for field in msgspec.structs.fields(Planned)]
    return [
        Planned(**dict(zip(names, row, strict=True))) for row in conn.execute(SQL.list_schedule)
    ]
