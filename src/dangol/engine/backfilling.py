"""Asking for a back-fill: the count that the owner saw is checked, and it is done once."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg

from dangol.engine.jobs import enqueue
from dangol.errors import Refused
from dangol.know.segment.membership.service import find_edit
from dangol.know.segment.service import get_segment
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Planned(NamedTuple):
    """What the owner confirmed."""

    segment_id: UUID
    version: int
    confirmed: int


def plan_backfill(conn: psycopg.Connection, planned: Planned, by: str, now: datetime) -> UUID:
    """Enqueue the job; returns its id.

    Raises:
        Refused: there are other people than confirmed, or it was done already.
        NotFound: there is no such segment.
    """
    segment = get_segment(conn, planned.segment_id)
    count = find_edit(conn, segment.id, planned.version).silent
    if segment.version != planned.version or count != planned.confirmed:
        raise Refused(
            "“{name}” has changed since: it would be {count} people now. Look at it again.",
            name=segment.name,
            count=count,
        )
    args = {"segment_id": str(segment.id), "version": planned.version}
    if is_told(conn, segment.id, planned.version):
        raise Refused("The people whom this definition brought in were told of already.")
    return enqueue(
        conn, "segment_backfill", args | {"confirmed": planned.confirmed}, by=by, now=now
    )


def is_told(conn: psycopg.Connection, segment_id: UUID, version: int) -> bool:
    """Whether a back-fill of that version was asked for."""
    values = {"id": str(segment_id), "version": str(version)}
    return conn.execute(SQL.has_backfill, values).fetchone()[0]
