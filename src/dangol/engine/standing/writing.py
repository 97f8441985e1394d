"""What an evaluation found becomes sets, changes and events, all in the caller's transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from pyroaring import BitMap64

from dangol.engine.standing.kept import Kept
from dangol.engine.standing.reasons import CAUSES, DEFINITION, MERGE, Reasons, micros_of
from dangol.know.segment.membership.sets import Difference, as_array
from dangol.know.segment.membership.store import (
    Kind,
    Place,
    list_erased,
    lock_segments,
    save_members,
)
from dangol.know.segment.membership.stored import Stored
from dangol.model.customer import BUCKETS
from dangol.model.event import Cause, Effect, EventName, event_key
from dangol.store.bulk import copy_arrow

_LIVE = str(Effect.LIVE)
_EFFECTS = {str(Cause.HISTORY): str(Effect.HISTORY)}


class Found(NamedTuple):
    """What one segment's evaluation changes."""

    kept: Kept
    difference: Difference
    why: Callable[[np.ndarray], Reasons]
    """One reason for each of these customers (ascending)."""
    buckets: Sequence[int] = ()
    """Sets that are written even when nobody came or went: they are of this definition now."""


class Changes(NamedTuple):
    """Entries and exits of one segment, one entry each in every column."""

    kept: Kept
    entered: np.ndarray
    why: Reasons


def write(
    conn: psycopg.Connection,
    found: Sequence[Found],
    present: BitMap64,
    stored: Mapping[Place, Stored],
    now: datetime,
) -> dict[Place, Stored]:
    """Keep what changes and tell of it; the sets that were written.

    `present` are the people that exist: who leaves because the person is gone, merged or forgotten,
    leaves without an event, and the forgotten without a trace. `stored` are the sets as they stand.
    """
    there = lock_segments(conn, [each.kept.id for each in found])
    found = [each for each in found if each.kept.id in there]
    if not found:
        return {}
    gone = BitMap64()
    for each in found:
        gone |= each.difference.left - present
    left_ids = as_array(gone)
    erased = np.array(sorted(list_erased(conn, left_ids.tolist())), np.int64)
    changes = _table([_changes(each, left_ids, erased) for each in found], now)
    is_told = ~np.isin(changes["customer_id"].to_numpy(), left_ids)
    is_told &= pc.not_equal(changes["cause"], str(Cause.DEFINITION)).to_numpy()
    kinds = {each.kept.id: Kind(each.kept.definition, each.kept.version) for each in found}
    flipped = {each.kept.id: each.difference.entered | each.difference.left for each in found}
    asked = [(each.kept.id, bucket) for each in found for bucket in each.buckets]
    written = save_members(conn, flipped, asked, kinds, stored, now)
    copy_arrow(conn, "segment_change", changes.drop_columns("depth"))
    told = changes.filter(pa.array(is_told))
    copy_arrow(conn, "inbox", _events(told, [each.kept for each in found]))
    return written


def _changes(found: Found, gone: np.ndarray, erased: np.ndarray) -> Changes:
    entered, left = as_array(found.difference.entered), as_array(found.difference.left)
    customers = np.sort(np.concatenate([entered, left]))
    why = found.why(customers)
    is_gone = np.isin(customers, gone) & (why.cause != DEFINITION)
    why = why._replace(cause=np.where(is_gone, MERGE, why.cause))
    kept = ~np.isin(customers, erased)
    is_in = np.isin(customers, entered, assume_unique=True)
    return Changes(found.kept, is_in[kept], Reasons(*(column[kept] for column in why)))


def _table(changes: Sequence[Changes], now: datetime) -> pa.Table:
    """Rows of `segment_change` in the order of its key, with the depth of what caused each."""
    sizes = [len(each.entered) for each in changes]
    of = np.repeat(np.arange(len(changes)), sizes)
    why = Reasons(
        *(np.concatenate(column) for column in zip(*(c.why for c in changes), strict=True))
    )
    order = np.lexsort((why.customer, why.customer % BUCKETS, of))
    of, why = of[order], Reasons(*(column[order] for column in why))
    versions = np.array([each.kept.version for each in changes], np.int32)
    return pa.table(
        {
            "segment_id": _each([str(each.kept.id) for each in changes], of),
            "bucket": (why.customer % BUCKETS).astype(np.int32),
            "customer_id": why.customer,
            "at": _instants(why.at),
            "entered": np.concatenate([each.entered for each in changes])[order],
            "recorded_at": _instants(np.full(len(of), micros_of(now))),
            "cause": _each([str(cause) for cause in CAUSES], why.cause),
            "version": versions[of],
            "depth": why.depth,
        }
    )


def _events(changes: pa.Table, kept: Iterable[Kept]) -> pa.Table:
    """Rows of `inbox` that tell of these rows of `segment_change`."""
    said = {str(one.id): _props(one) for one in kept}
    segments = changes["segment_id"].to_pylist()
    entered = changes["entered"].to_pylist()
    columns = (changes["customer_id"], changes["at"].cast(pa.int64()))
    facts = zip(segments, *(column.to_pylist() for column in columns), entered, strict=True)
    size = changes.num_rows
    return pa.table(
        {
            "bucket": changes["bucket"],
            "customer_id": changes["customer_id"],
            "event_id": [segment_event(*fact) for fact in facts],
            "name": _each([EventName.SEGMENT_EXITED, EventName.SEGMENT_ENTERED], entered),
            "time": changes["at"],
            "received_at": changes["recorded_at"],
            "props": [said[one] for one in segments],
            "source": ["dangol"] * size,
            "effect": [_EFFECTS.get(cause, _LIVE) for cause in changes["cause"].to_pylist()],
            "cause": changes["cause"],
            "origin": [f"segment:{one}" for one in segments],
            "depth": pc.add(changes["depth"], 1),
        }
    )


def segment_event(segment_id: str, customer_id: int, micros: int, entered: bool) -> str:
    """The id of the event that tells of one entry or exit at an instant (in microseconds)."""
    way = "in" if entered else "out"
    return str(event_key("dangol", f"segment:{segment_id}:{customer_id}:{micros}:{way}"))


def _props(kept: Kept) -> str:
    said = {"segment_id": str(kept.id), "segment": kept.name, "version": kept.version}
    return msgspec.json.encode(said).decode()


def _each(different: Sequence[str], codes: Sequence[int] | np.ndarray) -> pa.Array:
    """The text that each code means."""
    return pa.array([str(one) for one in different]).take(pa.array(np.asarray(codes, np.int64)))


def _instants(micros: np.ndarray) -> pa.Array:
    return pa.array(micros).cast(pa.timestamp("us", "UTC"))
