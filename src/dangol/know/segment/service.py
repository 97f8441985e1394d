"""Segments as the team uses them: made, edited, put away; counted, sampled, written to.

What changes a segment takes a connection, in the caller's transaction; what asks who is in it
takes a snapshot of the lake (`dangol.store.lake.snapshot`) and writes nothing.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import msgspec
import psycopg

from dangol.errors import Conflict, InputError, NotFound, Refused
from dangol.know.moment.service import list_open
from dangol.know.segment import store
from dangol.know.segment.check import (
    Moment,
    NeverHeard,
    check,
    inline,
    names_moments,
    segments_in,
    walk_leaves,
)
from dangol.know.segment.compile import compile
from dangol.know.segment.condition import Condition, Reacted
from dangol.know.segment.message import NO_MESSAGES
from dangol.know.segment.parse import parse
from dangol.know.segment.store import Segment
from dangol.know.segment.value import is_storable

if TYPE_CHECKING:
    import pyarrow as pa

    from dangol.store.lake import Snapshot

MAX_NAME = 120


class Saved(msgspec.Struct, frozen=True):
    """A segment as it was kept, and names in it that were never heard of."""

    segment: Segment
    never_heard: list[NeverHeard]


class Sampled(msgspec.Struct, frozen=True):
    """One person of a segment."""

    customer_id: int
    name: str | None
    email: str | None


class User(msgspec.Struct, frozen=True):
    """What uses a segment: a `campaign` or another `segment`, by its name."""

    kind: str
    name: str


class Counted(msgspec.Struct, frozen=True):
    """Exactly how many people a condition means, and some of them spread over all."""

    people: int
    sample: list[Sampled]


# -- changing ------------------------------------------------------------------------------


def create_segment(
    conn: psycopg.Connection,
    name: str,
    definition: Any,
    by: str,
    now: datetime,
    segment_id: UUID | None = None,
) -> Saved:
    """Keep a new segment; `definition` is JSON data.

    One whose `segment_id` is known already stays as it is.

    Raises:
        InputError: the name or the definition cannot be used (`ConditionProblem` has a path).
    """
    store.lock_segments(conn)
    if segment_id and (known := store.find_segment(conn, segment_id)):
        return Saved(known, [])
    condition = parse(definition)
    notes = check(condition, store.load_catalogue(conn))
    segment = Segment(
        id=segment_id or uuid4(),
        name=_checked_name(name),
        definition=condition,
        version=1,
        created_at=now,
        created_by=by,
        changed_at=now,
    )
    store.insert_segment(conn, segment)
    return Saved(segment, notes)


def edit_segment(
    conn: psycopg.Connection, seen: Segment, name: str, definition: Any, by: str, now: datetime
) -> Saved:
    """The next version of the segment that the editor saw as `seen`.

    Raises:
        Conflict: somebody changed or archived it in the meantime.
        InputError: the name or the definition cannot be used; a circle of segments is refused.
    """
    store.lock_segments(conn)
    condition = parse(definition)
    catalogue = store.load_catalogue(conn)
    definitions = {**catalogue.segments, seen.id: condition}
    notes = check(condition, msgspec.structs.replace(catalogue, segments=definitions))
    for other in definitions.values():
        inline(other, definitions)  # those that contain this one must stay within the limits
    changed = msgspec.structs.replace(
        seen, name=_checked_name(name), definition=condition, changed_at=now
    )
    version = store.update_segment(conn, changed, by)
    if version is None:
        raise Conflict
    return Saved(msgspec.structs.replace(changed, version=version), notes)


def archive_segment(
    conn: psycopg.Connection, segment_id: UUID, version: int, by: str, now: datetime
) -> None:
    """Take the segment out of the lists; its versions stay, for "why".

    Raises:
        Refused: an open campaign or another segment uses it; the message lists them.
        Conflict, NotFound: it changed in the meantime, or never was.
    """
    segment = _require_unused(conn, segment_id, open_only=True)
    if not store.archive_segment(conn, msgspec.structs.replace(segment, version=version), by, now):
        raise Conflict


def delete_segment(conn: psycopg.Connection, segment_id: UUID, version: int) -> None:
    """Remove a segment that nothing ever used, with all its versions.

    Raises:
        Refused: a campaign or another segment uses it; the message lists them.
        Conflict, NotFound: it changed in the meantime, or never was.
    """
    _require_unused(conn, segment_id, open_only=False)
    if not store.delete_segment(conn, segment_id, version):
        raise Conflict


def get_segment(conn: psycopg.Connection, segment_id: UUID) -> Segment:
    """The segment, archived or not.

    Raises:
        NotFound: there is none.
    """
    found = store.find_segment(conn, segment_id)
    if found is None:
        raise NotFound(
            "There is no segment {segment_id}; it may have been removed.", segment_id=segment_id
        )
    return found


def list_segments(conn: psycopg.Connection) -> list[Segment]:
    """Every segment that is not archived, by name."""
    return store.list_segments(conn)


def list_users(conn: psycopg.Connection, segment_id: UUID, *, open_only: bool) -> list[User]:
    """What uses a segment: campaigns (only unfinished ones, or all) and segments."""
    campaigns = store.list_campaigns_of(conn, segment_id, open_only=open_only)
    others = store.list_segments(conn)
    naming = [other.name for other in others if segment_id in segments_in(other.definition)]
    return [User("campaign", name) for name in campaigns] + [
        User("segment", name) for name in naming
    ]


# -- asking --------------------------------------------------------------------------------


def resolve(conn: psycopg.Connection, condition: Condition, now: datetime) -> Condition:
    """`condition` with what it names spelled out as of `now`, ready to compile or to evaluate.

    Segments become their definitions, messages of a letter, campaign or topic the sends that
    carried it, moments the places of those that are on at `now`.

    Raises:
        ConditionProblem: a segment is unknown, or segments contain each other.
    """
    definitions = store.list_definitions(conn)
    conditions = (condition, *definitions.values())
    leaves = [leaf for each in conditions for leaf, _ in walk_leaves(each)]
    reacted = [leaf for leaf in leaves if isinstance(leaf, Reacted)]
    messages = store.list_messages(conn, reacted) if reacted else NO_MESSAGES
    open_now = list_open(conn, now) if any(map(names_moments, conditions)) else []
    moments = [Moment(one.id, one.kind, one.area) for one in open_now]
    return inline(condition, definitions, messages, moments)


def audience(
    snapshot: "Snapshot",
    condition: Condition,
    buckets: tuple[int, int],
    now: datetime,
    zone: str = "UTC",
) -> "pa.Table":
    """Everyone in `buckets` (both ends included) for whom a resolved condition is true.

    Columns: `bucket` int32 and `customer_id` int64, in that order of sorting.
    """
    sql, values = compile(condition, now, zone, snapshot.typed_columns)
    lo, hi = f"${len(values) + 1}", f"${len(values) + 2}"
    bounded = f"select * from ({sql}) where bucket between {lo} and {hi} order by all"
    return snapshot.query(bounded, [*values, *buckets])


def count(
    snapshot: "Snapshot", condition: Condition, now: datetime, zone: str = "UTC", sample: int = 10
) -> Counted:
    """How many people a resolved condition means, and up to `sample` of them."""
    return count_compiled(snapshot, compile(condition, now, zone, snapshot.typed_columns), sample)


def count_compiled(
    snapshot: "Snapshot", compiled: tuple[str, list[object]], sample: int = 10
) -> Counted:
    """The same for a condition that is SQL and parameters already."""
    sql, values = compiled
    found = snapshot.query(f"select customer_id from ({sql}) order by all", values)
    ids = found.column("customer_id")
    size = min(sample, len(ids))
    chosen = [ids[index * len(ids) // size].as_py() for index in range(size)]
    return Counted(len(ids), _people(snapshot, chosen))


def _people(snapshot: "Snapshot", ids: list[int]) -> list[Sampled]:
    if not ids:
        return []
    rows = snapshot.query(
        "select customer_id, json_extract_string(traits, '/name') as name, "
        "json_extract_string(traits, '/email') as email from customers "
        "where list_contains($1::bigint[], customer_id) order by customer_id",
        [ids],
    )
    return [Sampled(**row) for row in rows.to_pylist()]


def _require_unused(conn: psycopg.Connection, segment_id: UUID, *, open_only: bool) -> Segment:
    store.lock_segments(conn)
    segment = get_segment(conn, segment_id)
    users = list_users(conn, segment_id, open_only=open_only)
    if users:
        raise Refused(
            "“{name}” is used by {users}; change these first.",
            name=segment.name,
            users=", ".join(f"{user.kind} “{user.name}”" for user in users),
        )
    return segment


def _checked_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not 0 < len(cleaned) <= MAX_NAME or not is_storable(cleaned):
        raise InputError("A segment needs a name of 1 to {most} characters.", most=MAX_NAME)
    return cleaned
