"""When time alone may change an answer, and for whom: an hour ahead, so that a sweep is a look.

Instants that one person's events make are exact. What depends on local days is due for everyone at
each local midnight of the zones that occur.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from dangol.engine.leases import Lease
from dangol.engine.standing.cache import Cache
from dangol.engine.standing.due import (
    NONE,
    Dues,
    Turn,
    dues_of,
    fading_dues,
    gathered,
    since_dues,
    split,
)
from dangol.engine.standing.kept import Kept, next_midnight
from dangol.engine.standing.reasons import EPOCH, MICRO, Reasons, micros_of, reasons
from dangol.engine.standing.runs import Rows
from dangol.know.segment.interest import least_weight
from dangol.know.segment.membership.store import SQL
from dangol.know.segment.window import known_zones
from dangol.model.event import Cause

AHEAD = timedelta(hours=1)
_AHEAD = AHEAD // MICRO
_SOON = timedelta(minutes=10) // MICRO
"""So long before the end of what is known the next hour is looked at, a partition in each turn."""


class Calendar:
    """The instants to come of the partitions held."""

    def __init__(self) -> None:
        self._turns: list[Turn] = []
        self._stage_ages: list[int] = []
        self._fades: list[tuple[str, float]] = []
        self._who: defaultdict[int, list[UUID]] = defaultdict(list)
        self._until: dict[int, int] = {}
        self._dues: Dues = NONE
        self._heard: list[Rows] = []
        self._swept = 0
        self._daily: list[UUID] = []
        self._zones: list[str] = []
        self._midnight: datetime | None = None

    def plan(
        self, conn: psycopg.Connection, kept: Iterable[Kept], zone: str, now: datetime
    ) -> None:
        """These are the segments; what was foreseen for others is forgotten."""
        kept = list(kept)
        by_turn: defaultdict[Turn, list[UUID]] = defaultdict(list)
        by_age: defaultdict[int, list[UUID]] = defaultdict(list)
        by_fade: defaultdict[tuple[str, float], list[UUID]] = defaultdict(list)
        for one in kept:
            for turn in {*one.watch.turns, *((name, 0) for name in one.watch.events)}:
                by_turn[turn].append(one.id)
            for age in one.watch.stage_turns:
                by_age[age].append(one.id)
            for fade in one.watch.fades:
                by_fade[fade].append(one.id)
        self._turns, self._stage_ages, self._fades = list(by_turn), list(by_age), list(by_fade)
        whose = [*by_turn.values(), *by_age.values(), *by_fade.values()]
        self._who = defaultdict(list, enumerate(whose))
        self._until.clear()
        self._heard, self._dues = [], NONE
        self._daily = [one.id for one in kept if one.watch.is_daily]
        last = _instant(self._swept) if self._swept else now
        self._midnight = None
        if self._daily:
            occurring = {row[0] for row in conn.execute(SQL.list_zones)}
            self._zones = sorted((occurring & known_zones()) | {zone})
            self._midnight = next_midnight(last, self._zones)

    def forget(self, partition: int) -> None:
        """What was foreseen for it is out of date."""
        self._until.pop(partition, None)

    def add(self, rows: Rows) -> None:
        """Events that were just heard: they may make something due within the hour."""
        if self._turns and self._until:
            self._heard.append(rows)

    def weigh(self, interests: pa.Table) -> None:
        """These interests (rows of the view) have just moved: they fall some day."""
        if not self._until or not self._fades:
            return
        span = (self._swept, max(self._until.values()))
        parts = [self._dues]
        for place, (tag, score) in enumerate(self._fades, self._first_fade):
            rows = interests.filter(pc.equal(interests["tag"], tag))
            columns = (rows[name].to_numpy() for name in ("customer_id", "weight"))
            parts.append(fading_dues(*columns, score, place, span))
        self._dues = gathered(parts)

    def foresee(
        self, conn: psycopg.Connection, leases: Sequence[Lease], cache: Cache, now: datetime
    ) -> None:
        """Find what comes due within an hour, for the partitions for which it is not known."""
        micros = micros_of(now)
        if self._heard:
            # whom they concern is evaluated by now anyway: only what is due later is news
            span = (micros, max([*self._until.values(), micros]))
            found = [dues_of(rows, self._turns, cache.names, *span) for rows in self._heard]
            self._dues, self._heard = gathered([self._dues, *found]), []
        if not self._who:
            return
        may_wait = False
        for lease in leases:
            until = self._until.get(lease.partition, 0)
            if until > micros + (0 if may_wait else _SOON):
                continue
            may_wait = may_wait or until > micros
            self._look_ahead(conn, lease, cache, micros)

    def _look_ahead(self, conn: psycopg.Connection, lease: Lease, cache: Cache, now: int) -> None:
        until = self._until.get(lease.partition, 0)
        after = until if until > now else min(until or now, self._swept or now)
        span = (after, now + _AHEAD)
        found = [
            dues_of(rows, self._turns, cache.names, *span)
            for rows in cache.rows_of(lease.partition)
        ]
        found += self._stage_dues(conn, lease, span)
        found += self._fading_dues(conn, lease, span)
        self._dues = gathered([self._dues, *found])
        self._until[lease.partition] = span[1]

    def is_due(self, now: datetime) -> bool:
        """Whether `take` would give something, or `foresee` has to look further ahead."""
        micros, dues = micros_of(now), self._dues
        return (
            bool(len(dues.at) and dues.at.min() <= micros)
            or any(until <= micros + _SOON for until in list(self._until.values()))
            or (self._midnight is not None and now >= self._midnight)
        )

    def take(self, now: datetime) -> tuple[dict[UUID, Reasons], list[UUID]]:
        """Who is due for each segment, and which segments are due for everyone."""
        self._swept = micros_of(now)
        due, self._dues = split(self._dues, self._swept)
        parts: defaultdict[UUID, list[int]] = defaultdict(list)
        for turn in np.unique(due.turn).tolist():
            for one in self._who[turn]:
                parts[one].append(turn)
        found = {}
        for one, turns in parts.items():
            mine = np.isin(due.turn, turns)
            found[one] = reasons(due.customer[mine], str(Cause.TIME), due.at[mine])
        return found, self._alarmed(now)

    def _alarmed(self, now: datetime) -> list[UUID]:
        alarmed: list[UUID] = []
        if self._midnight is not None and now >= self._midnight:
            self._midnight = next_midnight(now, self._zones)
            alarmed += self._daily
        return alarmed

    @property
    def _first_fade(self) -> int:
        return len(self._turns) + len(self._stage_ages)

    def _fading_dues(
        self, conn: psycopg.Connection, lease: Lease, span: tuple[int, int]
    ) -> Iterable[Dues]:
        if not self._fades:
            return
        soonest, latest = (_instant(edge) for edge in span)
        values = {
            "lo": lease.bucket_lo,
            "hi": lease.bucket_hi,
            "tags": [tag for tag, _ in self._fades],
            "lows": [least_weight(score, soonest - MICRO) for _, score in self._fades],
            "highs": [least_weight(score, latest + MICRO) for _, score in self._fades],
        }
        with conn.transaction():
            rows = conn.execute(SQL.list_fading, values).fetchall()
        found = np.array(rows, np.float64).reshape(-1, 3)
        for place, (_, score) in enumerate(self._fades):
            mine = found[found[:, 1] == place + 1]
            index = self._first_fade + place
            yield fading_dues(mine[:, 0].astype(np.int64), mine[:, 2], score, index, span)

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


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)
