"""What came from whom, what was refused and why, and what was heard of at all. For the desk."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from dangol.store.sql import load_queries

_SQL = load_queries(__package__)


class Reject(msgspec.Struct, frozen=True):
    """One refused item."""

    id: UUID
    at: datetime
    source: str
    reason: str
    """A `RejectReason`."""
    detail: str
    line: int | None
    item: str
    """What was refused, cut to 4 kB."""


class Source(msgspec.Struct, frozen=True):
    """A key of the tracking API and what came with it."""

    id: str
    name: str
    revoked_at: datetime | None
    last_at: datetime | None
    """When it was last heard of; None when never."""
    events: int
    rejects: int
    """Refused since the moment that was asked for."""


class RejectCount(msgspec.Struct, frozen=True):
    """How many items of one source were refused for one reason."""

    source: str
    reason: str
    count: int


class KnownEvent(msgspec.Struct, frozen=True):
    """An event that was heard of."""

    name: str
    first_at: datetime
    last_at: datetime
    count: int


class KnownProperty(msgspec.Struct, frozen=True):
    """A property of an event, or a trait, with one of the types it was seen with."""

    name: str
    type: str
    count: int
    example: str | None
    last_at: datetime
    in_use: bool


class RejectFilter(NamedTuple):
    """Which rejects to list; `before` continues a list after its last item."""

    source: str | None = None
    reason: str | None = None
    before: tuple[datetime, UUID] | None = None


def list_rejects(
    conn: psycopg.Connection, wanted: RejectFilter = RejectFilter(), *, limit: int = 100
) -> list[Reject]:
    """Refused items, the latest first."""
    before_at, before_id = wanted.before or (None, None)
    args = {
        "source": wanted.source,
        "reason": wanted.reason,
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit,
    }
    with conn.cursor(row_factory=class_row(Reject)) as cursor:
        return cursor.execute(_SQL.list_rejects, args).fetchall()


def count_rejects(conn: psycopg.Connection, since: datetime) -> list[RejectCount]:
    """Refusals since a moment by source and reason, the most frequent first."""
    with conn.cursor(row_factory=class_row(RejectCount)) as cursor:
        return cursor.execute(_SQL.count_rejects, {"since": since}).fetchall()


def forget_rejects(conn: psycopg.Connection, before: datetime) -> int:
    """Delete refused items older than `before`; how many."""
    return conn.execute(_SQL.forget_rejects, {"before": before}).rowcount


def list_sources(conn: psycopg.Connection, since: datetime) -> list[Source]:
    """All keys that send events, living ones first, with refusals since a moment."""
    with conn.cursor(row_factory=class_row(Source)) as cursor:
        return cursor.execute(_SQL.list_sources, {"since": since}).fetchall()


def list_events(conn: psycopg.Connection) -> list[KnownEvent]:
    """The catalogue's events, the most frequent first."""
    with conn.cursor(row_factory=class_row(KnownEvent)) as cursor:
        return cursor.execute(_SQL.list_events).fetchall()


def list_properties(conn: psycopg.Connection, owner: str) -> list[KnownProperty]:
    """The properties of the event `owner`, or with an empty `owner` the traits of customers."""
    with conn.cursor(row_factory=class_row(KnownProperty)) as cursor:
        return cursor.execute(_SQL.list_properties, {"owner": owner}).fetchall()
