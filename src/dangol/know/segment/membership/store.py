"""Memberships in PostgreSQL: sets, changes, and the work that waits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
import psycopg
from pyroaring import BitMap64

from dangol.know.segment.membership.sets import by_bucket
from dangol.know.segment.membership.stored import NOBODY, Stored, flip, places_of
from dangol.store.arrays import ints, octets, uuids
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Work(NamedTuple):
    """Something changed about some people, in the same way."""

    name: str
    cause: str
    depth: int
    is_new: bool
    """Every segment is concerned."""
    traits: list[str] | None
    customers: np.ndarray
    """int64."""


Place = tuple[UUID, int]
"""Segment and bucket."""


class Kind(NamedTuple):
    """How a set was found."""

    definition: bytes
    version: int


def take_work(conn: psycopg.Connection, lo: int, hi: int, limit: int) -> list[Work]:
    """Up to `limit` rows of work of these buckets, gone with this transaction; alike ones together."""
    rows = conn.execute(SQL.take_work, {"lo": lo, "hi": hi, "limit": limit})
    return [Work(*kind, np.frombuffer(ids, ">i8").astype(np.int64)) for *kind, ids in rows]


def load_members(
    conn: psycopg.Connection, lo: int, hi: int
) -> Iterator[tuple[Place, bytes, Stored]]:
    """Every stored set in these buckets, with the definition that it was made by."""
    for segment_id, bucket, definition, base, flips in conn.execute(
        SQL.load_members, {"lo": lo, "hi": hi}
    ):
        yield (segment_id, bucket), definition, Stored(base, flips)


def save_members(
    conn: psycopg.Connection,
    flipped: Mapping[UUID, BitMap64],
    asked: Iterable[Place],
    kinds: Mapping[UUID, Kind],
    stored: Mapping[Place, Stored],
    now: datetime,
) -> dict[Place, Stored]:
    """Flip these customers in the stored sets, and return the sets that were written.

    `stored` are all sets as they stand in the table; `asked` names sets to write even without flips.
    """
    places = {(one, bucket): p for one, ids in flipped.items() for bucket, p in by_bucket(ids)}
    keys = sorted({*places, *asked})
    sets = {key: flip(stored.get(key, NOBODY), places.get(key, ())) for key in keys}
    if keys:
        values = {
            "segments": uuids([one.bytes for one, _ in keys]),
            "buckets": ints([bucket for _, bucket in keys]),
            "definitions": octets(kinds[one].definition for one, _ in keys),
            "versions": ints([kinds[one].version for one, _ in keys]),
            "bases": octets(sets[key].base for key in keys),
            "flips": octets(sets[key].flips for key in keys),
            "people": ints([len(places_of(sets[key])) for key in keys]),
        }
        conn.execute(SQL.save_places, values | {"now": now})
    return sets


def lock_segments(conn: psycopg.Connection, segments: Sequence[UUID]) -> set[UUID]:
    """Those that are not removed, and cannot be before this transaction ends."""
    return {row[0] for row in conn.execute(SQL.lock_segments, {"ids": list(segments)})}


def list_erased(conn: psycopg.Connection, customers: Sequence[int]) -> set[int]:
    """Which of them were forgotten."""
    if not customers:
        return set()
    return {row[0] for row in conn.execute(SQL.list_erased, {"customers": list(customers)})}
