"""Everybody's week as learned last night, for those who show it: needs nothing heavy."""

from datetime import datetime

import msgspec
import psycopg

from dangol.store.sql import load_queries

_SQL = load_queries(__package__)


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """When customers come of their own accord, on their own clocks."""

    told_at: datetime
    acts: int
    """How many acts it was learned from."""
    hours: list[float]
    """Weights of Monday 0:00 to Sunday 23:00; they say only which hour is busier than another."""


def find_week(conn: psycopg.Connection) -> Week | None:
    """The newest; None before the first night with any act."""
    row = conn.execute(_SQL.find_week).fetchone()
    return None if row is None else Week(told_at=row[0], acts=row[1], hours=row[2])
