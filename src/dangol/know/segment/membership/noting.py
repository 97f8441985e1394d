"""Leaving work for those who keep segments current; light, for every turn of Live does it."""

from collections.abc import Sequence
from datetime import datetime

import psycopg
import pyarrow as pa

from dangol.store.arrays import ints
from dangol.store.bulk import copy_arrow
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

INTERESTS = "interests"
"""Stands for an event in work about people whose interests were told anew."""


def note_heard(conn: psycopg.Connection, names: Sequence[str], now: datetime) -> None:
    """Leave work for everyone in `heard` of whom one of `names` is told."""
    conn.execute(SQL.note_heard, {"names": list(names), "now": now})


def note_newcomers(
    conn: psycopg.Connection, newcomers: Sequence[tuple[int, int]], now: datetime
) -> None:
    """Leave work for these people in `heard` (bucket and id): every segment is concerned."""
    if newcomers:
        buckets, customers = (ints(column) for column in zip(*newcomers, strict=True))
        values = {"buckets": buckets, "customers": customers, "now": now}
        conn.execute(SQL.note_newcomers, values)


def note_merged(conn: psycopg.Connection, now: datetime) -> None:
    """Leave work for both sides of the merges in `heard`."""
    conn.execute(SQL.note_merged, {"now": now})


def note_stages(conn: psycopg.Connection, changes: pa.Table, now: datetime) -> None:
    """Leave work for `Stage Changed` events that were not heard but made."""
    kept = changes.select(["bucket", "customer_id", "event_id", "name", "cause", "origin", "depth"])
    at = pa.array([now] * kept.num_rows, pa.timestamp("us", "UTC"))
    copy_arrow(conn, "segment_work", kept.append_column("recorded_at", at))


def note_people(
    conn: psycopg.Connection, people: Sequence[tuple[int, int]], name: str, now: datetime
) -> None:
    """Leave work for these people (bucket and id) of whom something was found out."""
    if people:
        buckets, customers = (ints(column) for column in zip(*people, strict=True))
        values = {"buckets": buckets, "customers": customers, "name": name, "now": now}
        conn.execute(SQL.note_people, values)
