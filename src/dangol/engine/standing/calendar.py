"""When time alone may change an answer, and for whom: an hour ahead, so that a sweep is a look.

Instants that one person's events make are exact. What depends on local days is due for everyone at
each local midnight of the zones that occur.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import psycopg

from dangol.engine.leases import Lease
from dangol.engine.standing.cache import Cache
from dangol.engine.standing.due import (
    NONE,
    Dues,
    Turn,
    dues_of,
    gathered,
    since_dues,
    split,
)
from dangol.engine.standing.kept import Kept, next_midnight
from dangol.engine.standing.runs import Rows
from dangol.know.segment.membership.store import SQL
from dangol.know.segment.window import known_zones

AHEAD = timedelta(hours=1)
_AHEAD = AHEAD // timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Calendar:
    """The instants to come of the partitions held."""

    def __init__(self) -> None:
        self._turns: list[Turn] = []
        self._stage_ages: list[int] = []
        self._who: defaultdict[int, list[UUID]] = defaultdict(list)
        self._until: dict[int, int] = {}
        self._dues: Dues = NONE
        self._swept = 0
        self._daily: list[UUID] = []
        self._zones: list[str] = []
        self._midnight: datetime | None = None
        self._hourly: list[UUID] = []
        self._hour: datetime | None = None

    def plan(
        self, conn: psycopg.Connection, kept: Iterable[Kept], zone: str, now: datetime
    ) -> None:
        """These are the segments; what was foreseen for others is forgotten."""
        kept = list(kept)
        by_turn: defaultdict[Turn, list[UUID]] = defaultdict(list)
        by_age: defaultdict[int, list[UUID]] = defaultdict(list)
        for one in kept:
            for turn in {*one.watch.turns, *((name, 0) for name in one.watch.events)}:
                by_turn[turn].append(one.id)
            for age in one.watch.stage_turns:
                by_age[age].append(one.id)
        self._turns, self._stage_ages = list(by_turn), list(by_age)
        self._who = defaultdict(list, enumerate([*by_turn.values(), *by_age.values()]))
        self._until.clear()
        self._dues = NONE
        self._daily = [one.id for one in kept if one.watch.is_daily]
        self._hourly = [one.id for one in kept if one.watch.is_hourly]
        last = _instant(self._swept) if self._swept else now
        self._hour = last + AHEAD if self._hourly else None
        self._midnight = None
        if self._daily:
            occurring = {row[0] for row in conn.execute(SQL.list_zones)}
            self._zones = sorted((occurring & known_zones()) | {zone})
            self._midnight = next_midnight(last, self._zones)

    def forget(self, partition: int) -> None:
        """What was foreseen for it is out of date."""
        self._until.pop(partition, None)

    def add(self, rows: Rows, names: Mapping[str, int]) -> None:
        """Events that were just heard: what they make due within the hour."""
        if self._turns and self._swept:
            last = max([*self._until.values(), self._swept + _AHEAD])
            self._dues = gathered(
                [self._dues, dues_of(rows, self._turns, names, self._swept, last)]
            )

    def foresee(
        self, conn: psycopg.Connection, leases: Sequence[Lease], cache: Cache, now: datetime
    ) -> None:
        """Find what comes due within an hour, for the partitions for which it is not known."""
        micros = _micros(now)
        for lease in leases:
            until = self._until.get(lease.partition, 0)
            if until > micros or not self._who:
                continue
            after = min(until or micros, self._swept or micros)
            span = (after, micros + _AHEAD)
            found = [
                dues_of(rows, self._turns, cache.names, *span)
                for rows in cache.rows_of(lease.partition)
            ]
            found += self._stage_dues(conn, lease, span)
            self._dues = gathered([self._dues, *found])
            self._until[lease.partition] = span[1]

    def is_due(self, now: datetime) -> bool:
        """Whether `take` would give something, or `foresee` has to look further ahead."""
        micros = _micros(now)
        return (
            bool(len(self._dues.at) and self._dues.at.min() <= micros)
            or any(until <= micros for until in list(self._until.values()))
            or any(one is not None and now >= one for one in (self._midnight, self._hour))
        )

    def take(self, now: datetime) -> tuple[list[tuple[UUID, int, int]], list[UUID]]:
        """Who is due (segment, customer, instant), and which segments are due for everyone."""
        self._swept = _micros(now)
        due, self._dues = split(self._dues, self._swept)
        found = [
            (one, int(customer), int(at))
            for at, customer, turn in zip(*due, strict=True)
            for one in self._who[int(turn)]
        ]
        alarmed: list[UUID] = []
        if self._midnight is not None and now >= self._midnight:
            self._midnight = next_midnight(now, self._zones)
            alarmed += self._daily
        if self._hour is not None and now >= self._hour:
            self._hour = now + AHEAD
            alarmed += self._hourly
        return found, alarmed

    def _stage_dues(
        self, conn: psycopg.Connection, lease: Lease, span: tuple[int, int]
    ) -> Iterable[Dues]:
        for place, age in enumerate(self._stage_ages, start=len(self._turns)):
            values = {
                "lo": lease.bucket_lo,
                "hi": lease.bucket_hi,
                "after": _instant(span[0] - age),
                "until": _instant(span[1] - age),
            }
            with conn.transaction():
                rows = conn.execute(SQL.list_since, values).fetchall()
            if rows:
                customer, since = (np.array(column, np.int64) for column in zip(*rows, strict=True))
                yield since_dues(customer, since, age, place, span)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
