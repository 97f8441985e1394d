"""Histories for the tests of the lake: events as values, and `event_recent` filled with them."""

import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.model.customer import bucket_of

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


class Fact(msgspec.Struct, frozen=True, order=True):
    """One event as the tests think of it."""

    customer_id: int
    event_id: UUID
    time: dt.datetime = NOW
    name: str = "Order Completed"
    props: str = "{}"


def fact(customer_id: int, **changes: Any) -> Fact:
    """An event of this customer with an id of its own."""
    return Fact(customer_id, uuid4(), **changes)


def append(conn: psycopg.Connection, facts: Iterable[Fact]) -> None:
    """Put events where Live puts them; the caller commits."""
    rows = [
        (
            bucket_of(item.customer_id),
            item.customer_id,
            item.time,
            item.event_id,
            item.name,
            NOW,
            NOW,
            540,
            Jsonb(msgspec.json.decode(item.props)),
        )
        for item in facts
    ]
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into event_recent (bucket, customer_id, time, event_id, name, received_at, "
            "recorded_at, utc_offset_min, props, source, effect, cause) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'test', 'live', 'behaviour')",
            rows,
        )


def keys(facts: Iterable[Fact]) -> list[tuple[int, UUID]]:
    """What `read_keys` gives when exactly these events are the history."""
    return sorted((item.customer_id, item.event_id) for item in facts)
