"""What an evaluation found becomes sets, changes and events, all in the caller's transaction."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
import psycopg
import pyarrow as pa
from pyroaring import BitMap64

from dangol.engine.standing.kept import Kept
from dangol.know.segment.membership.sets import Difference
from dangol.know.segment.membership.store import (
    Change,
    Kind,
    list_erased,
    save_changes,
    save_members,
)
from dangol.model.event import Cause, Effect, EventName, event_key
from dangol.store.bulk import copy_arrow

_INSTANT = pa.timestamp("us", "UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reason(NamedTuple):
    """Why somebody is evaluated."""

    cause: str
    at: datetime
    """When it was so."""
    depth: int = 0
    """Of the fact that caused it."""


class Found(NamedTuple):
    """What one segment's evaluation changes."""

    kept: Kept
    difference: Difference
    why: Callable[[int], Reason]
    """The reason for a customer."""
    buckets: Sequence[int] = ()
    """Sets that are written even when nobody came or went: they are of this definition now."""


def write(
    conn: psycopg.Connection, found: Sequence[Found], present: BitMap64, now: datetime
) -> int:
    """Store what changes and tell of it; how many entries and exits there were.

    `present` are the people that exist: who leaves because the person is gone, merged or forgotten,
    leaves without an event, and the forgotten without a trace.
    """
    gone = BitMap64()
    for each in found:
        gone |= each.difference.left - present
    erased = list_erased(conn, [int(one) for one in gone])
    changes: list[Change] = []
    events: list[tuple[Change, Kept, int]] = []
    for each in found:
        for change, depth in _changes(each, gone):
            if change.customer_id in erased:
                continue
            changes.append(change)
            if change.customer_id not in gone and change.cause != Cause.DEFINITION:
                events.append((change, each.kept, depth))
    kinds = {each.kept.id: Kind(each.kept.definition, each.kept.version) for each in found}
    flipped = {each.kept.id: each.difference.entered | each.difference.left for each in found}
    written = {
        (each.kept.id, bucket): kinds[each.kept.id] for each in found for bucket in each.buckets
    }
    save_members(conn, flipped, written, kinds, now)
    save_changes(conn, changes, now)
    copy_arrow(conn, "inbox", _events(events, now))
    return len(changes)


def _changes(found: Found, gone: BitMap64) -> Iterator[tuple[Change, int]]:
    kept = found.kept
    for ids, entered in ((found.difference.left, False), (found.difference.entered, True)):
        for customer in ids:
            reason = found.why(customer)
            is_gone = customer in gone and reason.cause != Cause.DEFINITION
            cause = Cause.MERGE if is_gone else reason.cause
            yield (
                Change(kept.id, customer, reason.at, entered, str(cause), kept.version),
                reason.depth,
            )


def segment_event(segment_id: UUID, customer_id: int, at: datetime, *, entered: bool) -> UUID:
    """The id of the event that tells of one entry or exit."""
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    way = "in" if entered else "out"
    return event_key("dangol", f"segment:{segment_id}:{customer_id}:{micros}:{way}")


def _events(told: Sequence[tuple[Change, Kept, int]], now: datetime) -> pa.Table:
    """Rows of `inbox`."""
    changes = [change for change, _, _ in told]
    names = {True: EventName.SEGMENT_ENTERED, False: EventName.SEGMENT_EXITED}
    columns = {
        "bucket": pa.array([one.customer_id % 1024 for one in changes], pa.int32()),
        "customer_id": pa.array([one.customer_id for one in changes], pa.int64()),
        "event_id": pa.array([_id_of(one) for one in changes], pa.string()),
        "name": pa.array([str(names[one.entered]) for one in changes], pa.string()),
        "time": pa.array([one.at for one in changes], _INSTANT),
        "received_at": pa.array([now] * len(changes), _INSTANT),
        "props": pa.array([_props(kept) for _, kept, _ in told], pa.string()),
        "source": pa.array(["dangol"] * len(changes), pa.string()),
        "effect": pa.array([_effect(one) for one in changes], pa.string()),
        "cause": pa.array([one.cause for one in changes], pa.string()),
        "origin": pa.array([f"segment:{one.segment_id}" for one in changes], pa.string()),
        "depth": pa.array([depth + 1 for _, _, depth in told], pa.int16()),
    }
    return pa.table(columns)


def _id_of(change: Change) -> str:
    key = segment_event(change.segment_id, change.customer_id, change.at, entered=change.entered)
    return str(key)


def _effect(change: Change) -> str:
    return str(Effect.HISTORY if change.cause == Cause.HISTORY else Effect.LIVE)


def _props(kept: Kept) -> str:
    said = {"segment_id": str(kept.id), "segment": kept.name, "version": kept.version}
    return msgspec.json.encode(said).decode()
