"""Memberships in PostgreSQL: sets, changes, and the work that waits."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
import psycopg
import pyarrow as pa
from pyroaring import BitMap64

from dangol.know.segment.membership.sets import as_set, by_bucket, ids_of
from dangol.know.segment.membership.stored import NOBODY, Stored, flip, places_of
from dangol.store.bulk import copy_arrow
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

_NONE = np.empty(0, np.int64)
_INSTANT = pa.timestamp("us", "UTC")


class Work(NamedTuple):
    """Something changed about a person."""

    bucket: int
    customer_id: int
    name: str
    cause: str
    origin: str | None
    depth: int
    is_new: bool
    """Every segment is concerned."""
    traits: list[str] | None


class Change(NamedTuple):
    """One entry or exit."""

    segment_id: UUID
    customer_id: int
    at: datetime
    entered: bool
    cause: str
    version: int


class Kind(NamedTuple):
    """How a set was found."""

    definition: bytes
    version: int


def take_work(conn: psycopg.Connection, lo: int, hi: int, limit: int) -> list[Work]:
    """Up to `limit` rows of work of these buckets, gone with this transaction."""
    rows = conn.execute(SQL.take_work, {"lo": lo, "hi": hi, "limit": limit})
    return [Work(*row) for row in rows]


def load_members(
    conn: psycopg.Connection, lo: int, hi: int
) -> Iterable[tuple[UUID, int, bytes, np.ndarray]]:
    """Segment, bucket, definition and members' ids of every stored set in these buckets."""
    for segment_id, bucket, definition, base, flips in conn.execute(
        SQL.load_members, {"lo": lo, "hi": hi}
    ):
        stored = Stored(base, flips)
        yield (
            segment_id,
            bucket,
            definition,
            _NONE if stored == NOBODY else ids_of(bucket, places_of(stored)),
        )


def save_members(
    conn: psycopg.Connection,
    flipped: dict[UUID, BitMap64],
    found: dict[tuple[UUID, int], Kind],
    kinds: dict[UUID, Kind],
    now: datetime,
) -> None:
    """Flip these customers in the stored sets; `found` names sets to write even without flips."""
    places = {(one, bucket): p for one, ids in flipped.items() for bucket, p in by_bucket(ids)}
    keys = sorted({*places, *found})
    if not keys:
        return
    asked = {"segments": [key[0] for key in keys], "buckets": [key[1] for key in keys]}
    known = {
        (row[0], row[1]): Stored(row[2], row[3]) for row in conn.execute(SQL.load_places, asked)
    }
    sets = [flip(known.get(key, NOBODY), places.get(key, ())) for key in keys]
    conn.execute(
        SQL.save_places,
        asked
        | {
            "definitions": [kinds[key[0]].definition for key in keys],
            "versions": [kinds[key[0]].version for key in keys],
            "bases": [each.base for each in sets],
            "flips": [each.flips for each in sets],
            "people": [len(places_of(each)) for each in sets],
            "now": now,
        },
    )


def save_changes(conn: psycopg.Connection, changes: Sequence[Change], now: datetime) -> None:
    """Keep every entry and exit."""
    if not changes:
        return
    columns = {
        "segment_id": pa.array([str(one.segment_id) for one in changes], pa.string()),
        "bucket": pa.array([one.customer_id % 1024 for one in changes], pa.int32()),
        "customer_id": pa.array([one.customer_id for one in changes], pa.int64()),
        "at": pa.array([one.at for one in changes], _INSTANT),
        "entered": pa.array([one.entered for one in changes], pa.bool_()),
        "recorded_at": pa.array([now] * len(changes), _INSTANT),
        "cause": pa.array([one.cause for one in changes], pa.string()),
        "version": pa.array([one.version for one in changes], pa.int32()),
    }
    copy_arrow(conn, "segment_change", pa.table(columns))


def list_erased(conn: psycopg.Connection, customers: Sequence[int]) -> set[int]:
    """Which of them were forgotten."""
    if not customers:
        return set()
    return {row[0] for row in conn.execute(SQL.list_erased, {"customers": list(customers)})}


def as_members(parts: Iterable[np.ndarray]) -> BitMap64:
    """Ids of several buckets as one set."""
    kept = list(parts)
    return as_set(np.concatenate(kept)) if kept else BitMap64()
