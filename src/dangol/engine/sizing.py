"""The task `sizes`: a line a day for each segment that is kept."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import psycopg

from dangol.know.segment.membership.service import count_sizes
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.pool import connect
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


def has_segments(conn: psycopg.Connection, now: datetime) -> bool:
    """Whether there is a segment to count."""
    return bool(conn.execute(SQL.has_segments).fetchone()[0])


def count_segments(settings: Settings, now: datetime) -> None:
    """Today's size of every segment, and who came and went since the day began."""
    with connect(settings.database_url or "", name="sizes") as conn:
        zone = ZoneInfo(read_brand(conn).zone)
        today = now.astimezone(zone).date()
        count_sizes(conn, today, datetime.combine(today, time(), zone).astimezone(UTC), now)
