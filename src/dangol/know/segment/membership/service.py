"""Reading memberships: how many, since when, who came and went; and telling what an edit did silently.

Light: the web process reads this. Every function takes a connection, in the caller's transaction.
"""

from collections.abc import Mapping
from datetime import date, datetime
from hashlib import blake2b
from uuid import UUID

import msgspec
import psycopg

from dangol.know.segment.check import segments_in
from dangol.know.segment.condition import Condition, to_json
from dangol.know.segment.membership.stored import Stored, places_of
from dangol.know.segment.store import Segment, list_definitions
from dangol.model.customer import BUCKETS
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Size(msgspec.Struct, frozen=True):
    """How many a segment has, as of when; `is_settled` once its definition was asked of everyone."""

    people: int
    as_of: datetime
    is_settled: bool


class DaySize(msgspec.Struct, frozen=True):
    """How many there were at the end of a day, and how many came and went on it."""

    day: date
    people: int
    entered: int
    exited: int


class Moved(msgspec.Struct, frozen=True):
    """Somebody came or went."""

    customer_id: int
    at: datetime
    entered: bool
    recorded_at: datetime
    cause: str
    version: int
    name: str | None


class Stay(msgspec.Struct, frozen=True):
    """An entry or exit of one person."""

    segment_id: UUID
    segment: str
    at: datetime
    entered: bool
    cause: str
    version: int


class Member(msgspec.Struct, frozen=True):
    """One person of a segment."""

    customer_id: int
    name: str | None
    email: str | None


class Edited(msgspec.Struct, frozen=True):
    """What a version of the definition did when it came into force; nobody was told of it."""

    version: int
    entered: int
    exited: int
    silent: int
    """Of those who came in, who are still there: a back-fill would tell of so many."""


def digest_of(condition: Condition, definitions: Mapping[UUID, Condition]) -> bytes:
    """What tells one question from another: the definition and those of the segments it names."""
    named = named_in(condition, definitions)
    said = [to_json(condition), [(str(one), to_json(named[one])) for one in sorted(named)]]
    return blake2b(msgspec.json.encode(said, order="deterministic"), digest_size=16).digest()


def named_in(condition: Condition, definitions: Mapping[UUID, Condition]) -> dict[UUID, Condition]:
    """The definitions of all segments that a condition names, itself or through others."""
    found: dict[UUID, Condition] = {}
    waiting = [condition]
    while waiting:
        for one in segments_in(waiting.pop()) - found.keys():
            if one in definitions:
                found[one] = definitions[one]
                waiting.append(definitions[one])
    return found


def find_size(conn: psycopg.Connection, segment: Segment, now: datetime) -> Size:
    """The size as it stands; as of the oldest thing that is still to be looked at."""
    definition = digest_of(segment.definition, list_definitions(conn))
    values = {"id": segment.id, "definition": definition}
    people, settled = conn.execute(SQL.read_size, values).fetchone()
    oldest = conn.execute(SQL.oldest_work).fetchone()[0]
    return Size(int(people), min(oldest or now, now), settled == BUCKETS)


def list_sizes(conn: psycopg.Connection, segment_id: UUID, since: date) -> list[DaySize]:
    """The size of each day from `since` on, oldest first."""
    rows = conn.execute(SQL.list_sizes, {"id": segment_id, "since": since})
    return [DaySize(*row) for row in rows]


def count_sizes(conn: psycopg.Connection, day: date, since: datetime, now: datetime) -> None:
    """Write today's line of every segment; `since` is when the day began."""
    conn.execute(SQL.count_sizes, {"day": day, "since": since, "now": now})


def list_changes(conn: psycopg.Connection, segment_id: UUID, limit: int = 50) -> list[Moved]:
    """Who came and went, the latest first."""
    rows = conn.execute(SQL.list_changes, {"id": segment_id, "limit": limit})
    return [Moved(*row) for row in rows]


def list_stays(
    conn: psycopg.Connection, customer_id: int, segment_id: UUID | None = None
) -> list[Stay]:
    """One person's entries and exits, the latest first; of one segment, or of all."""
    values = {"bucket": customer_id % BUCKETS, "customer_id": customer_id, "id": segment_id}
    return [Stay(*row) for row in conn.execute(SQL.list_stays, values)]


def is_member(conn: psycopg.Connection, segment_id: UUID, customer_id: int) -> bool:
    """Whether the person is in it as stored."""
    values = {"id": segment_id, "bucket": customer_id % BUCKETS}
    row = conn.execute(SQL.read_bucket, values).fetchone()
    is_there = row is not None and row[0] == customer_id % BUCKETS
    return is_there and customer_id // BUCKETS in places_of(Stored(row[1], row[2]))


def list_members(
    conn: psycopg.Connection, segment_id: UUID, after: int = -1, limit: int = 50
) -> list[Member]:
    """A page of the members, after this customer; in order of bucket and number."""
    bucket, place = (after % BUCKETS, after // BUCKETS) if after >= 0 else (0, -1)
    found: list[int] = []
    with conn.cursor() as cursor:
        for at, base, flips in cursor.stream(SQL.read_bucket, {"id": segment_id, "bucket": bucket}):
            first = place if at == bucket else -1
            places = places_of(Stored(base, flips))
            found += [one * BUCKETS + at for one in places if one > first]
            if len(found) >= limit:
                break
    rows = conn.execute(SQL.name_people, {"ids": found[:limit]})
    return [Member(*row) for row in rows]


def find_edit(conn: psycopg.Connection, segment_id: UUID, version: int) -> Edited:
    """What the version's coming into force changed."""
    values = {"id": segment_id, "version": version}
    entered, exited = conn.execute(SQL.count_by_definition, values).fetchone()
    silent = conn.execute(SQL.count_silent, values).fetchone()[0]
    return Edited(version, entered, exited, silent)
