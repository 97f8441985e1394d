"""Values that a trait or a property was seen with, to be offered while somebody writes one."""

import psycopg

from dangol.know.segment.value import path_of
from dangol.store.sql import load_queries
from dangol.web.desk.builder.fields import read_name

_SQL = load_queries(__package__)
_LOOK = {"buckets": 64, "events": 3000, "limit": 30}
"""At how many customers (by their bucket) and events to look, and how many values to offer."""


def list_seen(conn: psycopg.Connection, name: str, event: str = "") -> list[str]:
    """The most frequent values of a trait, or of a property of an event, in a small sample."""
    path = read_name(name)
    if not path:
        return []
    statement = _SQL.list_seen_properties if event else _SQL.list_seen_traits
    values = {"event": event, "path": list(path_of(path)), **_LOOK}
    return [row[0] for row in conn.execute(statement, values)]
