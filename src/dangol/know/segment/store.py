"""Segments and what has been heard of, in PostgreSQL."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.know.segment.check import Catalogue, walk_leaves
from dangol.know.segment.condition import Condition, Reacted, requirements_of, to_json
from dangol.know.segment.message import Messages
from dangol.know.segment.parse import parse
from dangol.know.segment.terms import ValueType
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)
_TYPES = {str(kind) for kind in ValueType}


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A named condition with versions."""

    id: UUID
    name: str
    definition: Condition
    version: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    archived_at: datetime | None = None


def lock_segments(conn: psycopg.Connection) -> None:
    """Let no one else change segments until this transaction ends."""
    conn.execute(_SQL.lock_segments)


def insert_segment(conn: psycopg.Connection, segment: Segment) -> None:
    """Keep a new segment and its first version."""
    values = _values(segment, segment.created_by)
    conn.execute(_SQL.insert_segment, values)
    _add_version(conn, values)


def update_segment(conn: psycopg.Connection, segment: Segment, by: str) -> int | None:
    """The version after the one `segment` carries; None when that is not the current one."""
    values = _values(segment, by)
    row = conn.execute(_SQL.update_segment, values).fetchone()
    if row is not None:
        _add_version(conn, values | {"version": row[0]})
    return row[0] if row else None


def archive_segment(conn: psycopg.Connection, segment: Segment, by: str, now: datetime) -> bool:
    """Whether it was at this version and is archived now."""
    values = _values(segment, by) | {"now": now}
    row = conn.execute(_SQL.archive_segment, values).fetchone()
    if row is not None:
        _add_version(conn, values | {"version": row[0]})
    return row is not None


def delete_segment(conn: psycopg.Connection, segment_id: UUID, version: int) -> bool:
    """Whether it was at this version and is gone now."""
    values = {"id": segment_id, "version": version}
    conn.execute(_SQL.lock_segment, values)
    conn.execute(_SQL.delete_kept, values)
    conn.execute(_SQL.delete_versions, values)
    return conn.execute(_SQL.delete_segment, values).rowcount == 1


def find_segment(conn: psycopg.Connection, segment_id: UUID) -> Segment | None:
    """The segment, archived or not."""
    row = conn.execute(_SQL.find_segment, {"id": segment_id}).fetchone()
    return _segment(row) if row else None


def find_version(conn: psycopg.Connection, segment_id: UUID, version: int) -> Condition | None:
    """The definition that a segment had at `version`."""
    row = conn.execute(_SQL.find_version, {"id": segment_id, "version": version}).fetchone()
    return parse(row[0]) if row else None


def list_segments(conn: psycopg.Connection) -> list[Segment]:
    """Every segment that is not archived, by name."""
    return [_segment(row) for row in conn.execute(_SQL.list_segments)]


def list_definitions(conn: psycopg.Connection) -> dict[UUID, Condition]:
    """Every segment's current definition, archived ones too."""
    return {row[0]: parse(row[1]) for row in conn.execute(_SQL.list_definitions)}


def list_campaigns_of(conn: psycopg.Connection, segment_id: UUID, *, open_only: bool) -> list[str]:
    """Names of the campaigns that write to this segment."""
    values = {"id": segment_id, "open": open_only}
    return [row[0] for row in conn.execute(_SQL.list_campaigns_of, values)]


def list_messages(conn: psycopg.Connection, asked: Sequence[Reacted]) -> Messages:
    """The sends of the letters, campaigns and topics that are asked about."""
    values = {
        "letters": [leaf.letter for leaf in asked if leaf.letter],
        "campaigns": [leaf.campaign for leaf in asked if leaf.campaign],
        "topics": [leaf.topic for leaf in asked if leaf.topic],
    }
    sends: dict[str, defaultdict[Any, list[int]]] = {
        kind: defaultdict(list) for kind in ("letter", "campaign", "topic")
    }
    for kind, key, send in conn.execute(_SQL.list_sends, values):
        sends[kind][key if kind == "topic" else UUID(key)].append(send)
    return Messages(*({key: tuple(ids) for key, ids in by.items()} for by in sends.values()))


def list_names(conn: psycopg.Connection, condition: Condition) -> dict[UUID, str]:
    """What the segments, letters, campaigns and moments are called that a condition names."""
    ids = [
        key
        for leaf, _ in walk_leaves(condition)
        for each in (leaf, *requirements_of(leaf))
        for name in ("id", "letter", "campaign")
        if (key := getattr(each, name, None)) is not None
    ]
    return list_called(conn, ids)


def list_called(conn: psycopg.Connection, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The names of segments, letters, campaigns and moments, those that were put away too."""
    return dict(conn.execute(_SQL.list_names, {"ids": list(ids)}).fetchall()) if ids else {}


def load_catalogue(conn: psycopg.Connection) -> Catalogue:
    """What has been heard of so far, and the segments that conditions may name."""
    traits: defaultdict[str, set[ValueType]] = defaultdict(set)
    properties: defaultdict[tuple[str, str], set[ValueType]] = defaultdict(set)
    for owner, name, kind in conn.execute(_SQL.list_heard_properties):
        heard = properties[owner, name] if owner else traits[name]
        heard.update({ValueType(kind)} if kind in _TYPES else ())
    return Catalogue(
        events=frozenset(row[0] for row in conn.execute(_SQL.list_heard_events)),
        traits={name: frozenset(kinds) for name, kinds in traits.items()},
        properties={key: frozenset(kinds) for key, kinds in properties.items()},
        segments={row[0]: parse(row[1]) for row in conn.execute(_SQL.list_choosable)},
    )


def _add_version(conn: psycopg.Connection, values: dict[str, Any]) -> None:
    """Keep what it is from now on, and wake those who keep memberships current."""
    conn.execute(_SQL.insert_version, values)
    conn.execute(_SQL.wake_followers)


def _segment(row: tuple[Any, ...]) -> Segment:
    fields = dict(zip(Segment.__struct_fields__, row, strict=True))
    return Segment(**fields | {"definition": parse(fields["definition"])})


def _values(segment: Segment, by: str) -> dict[str, Any]:
    return {
        "id": segment.id,
        "name": segment.name,
        "definition": Jsonb(to_json(segment.definition)),
        "version": segment.version,
        "now": segment.changed_at,
        "by": by,
    }
