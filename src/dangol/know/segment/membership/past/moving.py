"""Stays that are over out of the database and into a file, in one snapshot."""

from datetime import datetime

import psycopg

from dangol.settings import Settings
from dangol.store.files import DISK, FileLayer
from dangol.store.lake.leaving import copy_to_shelf, leaving, settle
from dangol.store.lake.shelf import MEMBERSHIPS, Place
from dangol.store.retention import Kind, find_end
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

MOST_STAYS = 100_000
"""More than these people's stays go in several files."""

_OVER = """
select c.bucket, c.customer_id, c.segment_id::text as segment_id, c.at, c.entered, c.recorded_at,
    c.cause, c.version
from (
    select segment_id, bucket, customer_id, max(at) as at from segment_change
    where not entered and recorded_at < $1::text::timestamptz
    group by segment_id, bucket, customer_id order by bucket, customer_id, segment_id limit $2
) p
join segment_change c on c.segment_id = p.segment_id and c.bucket = p.bucket
    and c.customer_id = p.customer_id and c.at <= p.at
order by c.bucket, c.customer_id, c.segment_id, c.at
"""
"""The rows that `delete_moved` deletes."""


def has_due(conn: psycopg.Connection, now: datetime) -> bool:
    """Whether a stay ended so long ago that it moves."""
    before = find_end(conn, Kind.MEMBERSHIP, now)
    return before is not None and conn.execute(SQL.has_due, {"before": before}).fetchone()[0]


def move_stays(
    settings: Settings, now: datetime, *, layer: FileLayer = DISK, limit: int = MOST_STAYS
) -> int | None:
    """Move the stays of up to `limit` people that ended long ago; how many rows. One transaction.

    None when there is nothing to move, or another writer is at work. Call again until then.

    Raises:
        StorageError: the file could not be written; nothing has changed.
    """
    with leaving(settings.database_url or "", "stay mover") as conn:
        before = find_end(conn, Kind.MEMBERSHIP, now) if conn else None
        if conn is None or before is None:
            return None
        values = (before.isoformat(), limit)
        copied = copy_to_shelf(conn, Place(settings, layer, now), MEMBERSHIPS, _OVER, values)
        if copied is None:
            return None
        gone = conn.execute(SQL.delete_moved, {"before": before, "limit": limit}).fetchone()
        settle(conn, copied.file, gone[0] if gone else 0)
        return copied.file.rows
