"""The catalogue: which events and properties were heard of, how often, of what type.

Counting is pure and works on shapes: most events of one name have the same properties of the
same types, so each distinct shape is taken apart once per batch, not once per event.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from dangol.listen.heard import Heard
from dangol.listen.imported import Sample
from dangol.listen.moment import parse_moment
from dangol.model.event import EventName
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

MOST_EVENTS = 2_000
"""Names of events that the catalogue takes."""
MOST_PROPERTIES = 1_000
"""Properties of one event that the catalogue takes."""
LONGEST_PROPERTY = 200
"""Characters of a property's name; longer ones are data, not names."""
TRAITS = ""
"""The owner of customers' traits."""

_TYPES = {
    str: "text",
    int: "number",
    float: "number",
    bool: "boolean",
    list: "list",
    dict: "object",
}
_EXAMPLE = 80


class PropertyCount(msgspec.Struct):
    """How often a property was seen with a type; `owner` is an event's name or `TRAITS`."""

    owner: str
    name: str
    type: str
    count: int
    example: str | None


class Survey(msgspec.Struct, frozen=True):
    """What one batch adds to the catalogue."""

    events: dict[str, int]
    properties: list[PropertyCount]
    sources: dict[str, tuple[int, datetime]]


def survey(events: Iterable[Heard | Sample]) -> Survey:
    """Count names, properties with their types, and senders."""
    shapes: Counter[tuple] = Counter()
    samples: dict[tuple, dict[str, Any]] = {}
    sources: dict[str, tuple[int, datetime]] = {}
    for event in events:
        shape = (event.name, *event.props, *map(type, event.props.values()))
        shapes[shape] += 1
        samples.setdefault(shape, event.props)
        count, _ = sources.get(event.source, (0, None))
        sources[event.source] = (count + 1, event.received_at)
    names: Counter[str] = Counter()
    found: dict[tuple[str, str, str], PropertyCount] = {}
    for shape, count in shapes.items():
        names[shape[0]] += count
        _count_shape(found, shape[0], samples[shape], count)
    return Survey(dict(names), list(found.values()), sources)


def save_survey(conn: psycopg.Connection, counted: Survey, now: datetime) -> None:
    """Add a batch's counts. Rows are taken in key order, so that two workers cannot deadlock."""
    events = [{"name": name, "count": count} for name, count in counted.events.items()]
    args: dict[str, Any] = {"events": _json(events), "now": now, "most": MOST_EVENTS}
    conn.execute(_SQL.count_events, args)
    known = set(
        conn.execute(
            _SQL.count_known_properties, {"properties": _json(counted.properties), "now": now}
        ).fetchall()
    )
    new = [row for row in counted.properties if (row.owner, row.name, row.type) not in known]
    if new:
        args = {"properties": _json(new), "now": now, "most": MOST_PROPERTIES}
        conn.execute(_SQL.add_properties, args)
    senders = [
        {"source": source, "count": count, "last_at": last_at}
        for source, (count, last_at) in counted.sources.items()
    ]
    conn.execute(_SQL.count_sources, {"sources": _json(senders)})


def type_of(value: object) -> str | None:
    """The catalogue's word for a value's type; None for null.

    >>> type_of("2026-01-02T03:04:05Z"), type_of("blue"), type_of(True)
    ('time', 'text', 'boolean')
    """
    found = _TYPES.get(type(value))
    if found == "text" and _looks_like_time(value):
        return "time"
    return found


def _count_shape(
    found: dict[tuple[str, str, str], PropertyCount], event: str, props: dict, count: int
) -> None:
    owner = TRAITS if event == EventName.PROFILE_UPDATED else event
    for name, value in props.items():
        kind = type_of(value)
        if kind is None or not name or len(name) > LONGEST_PROPERTY:
            continue
        row = found.setdefault(
            (owner, name, kind), PropertyCount(owner, name, kind, 0, _example(value))
        )
        row.count += count


def _looks_like_time(value: object) -> bool:
    return isinstance(value, str) and value[:4].isdigit() and parse_moment(value) is not None


def _example(value: object) -> str | None:
    if isinstance(value, dict | list):
        return None
    return value[:_EXAMPLE] if isinstance(value, str) else str(value)


def _json(rows: object) -> str:
    return msgspec.json.encode(rows).decode()
