"""What Live tells those who keep segments current; light, for every turn reads it."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
import pyarrow as pa

from dangol.know.segment.membership.noting import SQL, note_heard, note_merged, note_stages
from dangol.model.event import EventName


class Listening(NamedTuple):
    """What Live leaves work for, and what it tells the cache."""

    names: tuple[str, ...]
    counted: tuple[str, ...]
    """Names that the cache holds."""
    detailed: tuple[str, ...]
    """Those of which it holds properties."""


class Told(NamedTuple):
    """An event that a turn of Live applied."""

    customer_id: int
    event_id: UUID
    name: str
    micros: int
    props: str


def tell_heard(conn: psycopg.Connection, listening: Listening | None, now: datetime) -> list[Told]:
    """Leave work for the segments that look at what is in `heard`; the events that they count."""
    if listening is None:
        return []
    note_heard(conn, listening.names, now)
    note_merged(conn, now)
    if not listening.counted:
        return []
    asked = {"names": list(listening.counted), "detailed": list(listening.detailed)}
    return [Told(*row) for row in conn.execute(SQL.list_heard, asked)]


def tell_stages(
    conn: psycopg.Connection, listening: Listening | None, changes: pa.Table, now: datetime
) -> list[Told]:
    """The same for `Stage Changed` events that the turn itself made."""
    name = EventName.STAGE_CHANGED
    if listening is None or name not in listening.names:
        return []
    note_stages(conn, changes, now)
    return list(_told(changes)) if name in listening.counted else []


def _told(changes: pa.Table) -> Iterable[Told]:
    micros = changes["time"].cast(pa.int64())
    columns = (changes["customer_id"], changes["event_id"], changes["name"], micros)
    for customer, event_id, name, at, props in zip(
        *(column.to_pylist() for column in (*columns, changes["props"])), strict=True
    ):
        yield Told(customer, UUID(event_id), name, at, props)
