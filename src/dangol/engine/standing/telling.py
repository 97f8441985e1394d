"""What Live tells those who keep segments current; light, for every turn reads it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
import psycopg
import pyarrow as pa

from dangol.know.interest.fold import fold_heard
from dangol.know.segment.membership.noting import (
    SQL,
    note_heard,
    note_merged,
    note_newcomers,
    note_stages,
)
from dangol.model.event import EventName


class Listening(NamedTuple):
    """What Live leaves work for, and what it tells the cache."""

    names: tuple[str, ...]
    counted: tuple[str, ...]
    """Names that the cache holds."""
    detailed: tuple[str, ...]
    """Those of which it holds properties."""
    telling: tuple[str, ...] = ()
    """Those that tell what people like; none while nobody asks."""
    buying: tuple[str, ...] = ()
    """Those by which people buy."""


class Told(NamedTuple):
    """Events of one name that a turn of Live applied, one entry each in every column."""

    name: str
    customer: np.ndarray
    """int64."""
    ident: np.ndarray
    """int64: half of the event's id."""
    time: np.ndarray
    """int64, microseconds."""
    props: Sequence[str] | None
    """JSON text; None where nobody looks at properties."""


def tell_heard(
    conn: psycopg.Connection,
    listening: Listening | None,
    newcomers: Sequence[tuple[int, int]],
    now: datetime,
) -> list[Told]:
    """Leave work for the segments that look at what is in `heard`; the events that they count."""
    if listening is None:
        return []
    note_heard(conn, listening.names, now)
    note_newcomers(conn, newcomers, now)
    note_merged(conn, now)
    if listening.telling:
        fold_heard(conn, listening.telling, listening.buying, now)
    if not listening.counted:
        return []
    asked = {"names": list(listening.counted), "detailed": list(listening.detailed)}
    return [
        Told(name, *(np.frombuffer(column, ">i8").astype(np.int64) for column in numbers), props)
        for name, *numbers, props in conn.execute(SQL.list_heard, asked)
    ]


def tell_stages(
    conn: psycopg.Connection, listening: Listening | None, changes: pa.Table, now: datetime
) -> list[Told]:
    """The same for `Stage Changed` events that the turn itself made."""
    name = EventName.STAGE_CHANGED
    if listening is None or name not in listening.names:
        return []
    note_stages(conn, changes, now)
    return [_told(changes)] if name in listening.counted else []


def _told(changes: pa.Table) -> Told:
    idents = [UUID(one).bytes[:8] for one in changes["event_id"].to_pylist()]
    return Told(
        str(EventName.STAGE_CHANGED),
        changes["customer_id"].to_numpy(),
        np.frombuffer(b"".join(idents), ">i8").astype(np.int64),
        changes["time"].cast(pa.int64()).to_numpy(),
        changes["props"].to_pylist(),
    )
