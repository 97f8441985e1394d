"""A change that is in the lake, and joining it with what the database says. Light: for the web."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg

from dangol.know.segment.membership.service import Moved, Stay
from dangol.model.customer import bucket_of
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What files keep of an entry or exit."""

    customer_id: int
    segment_id: UUID
    at: datetime
    entered: bool
    recorded_at: datetime
    cause: str
    version: int


def has_files(conn: psycopg.Connection, customer_id: int) -> bool:
    """Whether stays of this customer may be in the lake."""
    return conn.execute(SQL.has_files, {"bucket": bucket_of(customer_id)}).fetchone()[0]


def is_complete(conn: psycopg.Connection, changes: Sequence[Moved], limit: int) -> bool:
    """Whether the latest `limit` changes of a segment are these, whatever the lake holds."""
    last = conn.execute(SQL.find_last).fetchone()[0]
    return last is None or sum(one.recorded_at > last for one in changes) >= limit


def join_stays(conn: psycopg.Connection, stays: Sequence[Stay], past: Sequence[Past]) -> list[Stay]:
    """One person's changes of both, each once, the latest first. `stays` was read first."""
    args = {"ids": list({one.segment_id for one in past})}
    names = dict(conn.execute(SQL.name_segments, args).fetchall())
    found = {
        (one.segment_id, one.at): Stay(
            one.segment_id, names[one.segment_id], one.at, one.entered, one.cause, one.version
        )
        for one in past
        if one.segment_id in names
    }
    found |= {(one.segment_id, one.at): one for one in stays}
    return sorted(found.values(), key=lambda one: one.at, reverse=True)


def join_changes(
    conn: psycopg.Connection, changes: Sequence[Moved], past: Sequence[Past], limit: int
) -> list[Moved]:
    """The latest `limit` changes of one segment of both, each once. `changes` was read first."""
    named = conn.execute(SQL.name_people, {"ids": [one.customer_id for one in past]})
    names = dict(named.fetchall())
    found = {
        (one.customer_id, one.at): Moved(
            one.customer_id, one.at, one.entered, one.recorded_at, one.cause, one.version,
            names[one.customer_id],
        )
        for one in past
        if one.customer_id in names
    }  # fmt: skip
    found |= {(one.customer_id, one.at): one for one in changes}
    order = sorted(found.values(), key=lambda one: one.customer_id)
    return sorted(order, key=lambda one: one.recorded_at, reverse=True)[:limit]
