"""The ledger where it is kept: in the row that the hand-off locks, counts in and debits.

It begins with the first message: until then everybody rests, and what they do costs no write. One
row holds what all channels together have spent.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray

from dangol.know.attention.ledger import LOOK_BACK_DAYS, Entries, Kind, State, advance
from dangol.know.attention.tariff import GAIN, PURCHASE, VISIT, VISIT_GAP, VISITS
from dangol.store.arrays import floats, ints, texts, times
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

_DAY = 86_400.0
"""Seconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = (Kind.SENT, Kind.GIVEN, Kind.LEFT_CHANNEL, Kind.COMPLAINED)
"""By the number that the query gives; the first with nothing to spend, for rows that are only locked."""


_NO_GAIN = ("Message Complained", "Consent Changed")


class CameBack(NamedTuple):
    """What the customer's reaction to a message gives back of its cost."""

    bucket: int
    customer_id: int
    time: datetime
    amount: float


class _Row(NamedTuple):
    """One entry, with the ledger that it belongs to; times in seconds since 1970."""

    place: str
    bucket: int
    customer_id: int
    time: float
    kind: int
    amount: float
    is_visit: bool
    level: float
    at: float | None
    locked_until: float | None
    visited_at: float | None


def apply_acts(
    conn: psycopg.Connection,
    relationship_event: str,
    came_back: Sequence[CameBack],
    now: datetime,
) -> int:
    """Enter what the batch in `heard` says into the ledgers; how many people it concerned.

    Each event is in one batch only, so nothing counts twice.
    """
    gains = dict.fromkeys(VISITS, VISIT) | GAIN | dict.fromkeys(_NO_GAIN, 0.0)
    gains[relationship_event] = PURCHASE
    buckets, customers, instants, amounts = list(zip(*came_back, strict=True)) or [()] * 4
    args = {
        "names": list(gains),
        "gains": floats(list(gains.values())),
        "visits": [name for name in VISITS if name != relationship_event],
        "gap": VISIT_GAP,
        "since": now - timedelta(days=LOOK_BACK_DAYS),
        "now": now,
        "buckets": ints(buckets),
        "customers": ints(customers),
        "times": times(instants),
        "amounts": floats(amounts),
    }
    rows = [_Row(*row) for row in conn.execute(SQL.lock_ledgers, args, binary=True).fetchall()]
    return _save(conn, list(_first_views(rows))) if rows else 0


def _first_views(rows: Sequence[_Row]) -> Iterator[_Row]:
    """Without what belongs to a visit that was counted; `rows` are in order of person and time."""
    gap = VISIT_GAP.total_seconds()
    person, visited = "", None
    for row in rows:
        if row.place != person:
            person, visited = row.place, row.visited_at
        if row.is_visit:
            if visited is not None and row.time <= visited + gap:
                continue
            visited = row.time
        yield row._replace(visited_at=visited)


def _save(conn: psycopg.Connection, rows: Sequence[_Row]) -> int:
    last = {row.place: row for row in rows}
    place_of = {place: n for n, place in enumerate(last)}
    state = State(
        np.array([row.level for row in last.values()]),
        _days([row.at for row in last.values()]),
        _days([row.locked_until for row in last.values()]),
    )
    entries = Entries(
        np.array([place_of[row.place] for row in rows], np.int64),
        _days([row.time for row in rows]),
        np.array([_KINDS[row.kind] for row in rows], np.int8),
        np.array([row.amount for row in rows]),
    )
    after = advance(state, entries)
    args = {
        "rows": texts(last),
        "levels": floats(after.level),
        "ats": times(_instants(after.at)),
        "locks": times(_instants(after.locked_until)),
        "visits": times([_instant(row.visited_at) for row in last.values()]),
    }
    return conn.execute(SQL.save_ledgers, args).rowcount


def _days(seconds: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([-np.inf if one is None else one / _DAY for one in seconds])


def _instants(days: NDArray[np.float64]) -> list[datetime | None]:
    known: Sequence[Any] = days.tolist()
    return [None if one == -np.inf else _instant(one * _DAY) for one in known]


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else _EPOCH + timedelta(seconds=seconds)
