"""Where somebody stood on every day that is past, by one model and the rules of every other day.

An own order is judged on its day; silence is looked at on Mondays, and on the last day. So what is
told of the past keeps what `stage` promises: no rise without an order, no fall by one.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dangol.know.rhythm.history import Histories
from dangol.know.rhythm.model import RhythmModel
from dangol.know.rhythm.stage import INACTIVE, UNKNOWN, Codes, Staged, is_held, restage

Ints = NDArray[np.int64]

_MONDAY = 4  # 1970-01-05
_WEEK = 7


@dataclass(frozen=True, slots=True, eq=False)
class OrderDays:
    """Days on which customers ordered: one row each, by customer and then by day, none twice."""

    customer: Ints
    """Numbers from 0 to `customers` - 1; each of them occurs."""
    day: Ints
    """Days since 1970-01-01."""
    customers: int


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """One row per change of a stage, by customer and then in order."""

    customer: Ints
    day: Ints
    by_order: NDArray[np.bool_]
    """Whether an order of that day changed it, or silence until that morning."""
    was: Codes
    """UNKNOWN before the first."""
    stage: Codes
    p: NDArray[np.float64]


def look_back(model: RhythmModel, days: OrderDays, today: int) -> tuple[Moves, Staged]:
    """How everyone came to stand where they stand `today`, and what is known of them there.

    Orders that lie ahead count, as they do in `history.from_dates`; silence that lies ahead is not
    waited for.
    """
    walk = _Walk(model, days)
    rounds = _Rounds(days)
    week = rounds.next_week(None)
    while week is not None:
        monday = week * _WEEK + _MONDAY
        if monday <= today:
            walk.look(np.flatnonzero(walk.codes > INACTIVE), monday)
        for rows in rounds.of_week(week):
            walk.order(rows)
        is_watched = monday + _WEEK <= today and bool((walk.codes > INACTIVE).any())
        week = week + 1 if is_watched else rounds.next_week(week)
    staged = walk.look(np.arange(days.customers), today)
    return walk.moves(), staged


class _Rounds:
    """Order days by week; in a round of a week everybody has one order at most."""

    def __init__(self, days: OrderDays) -> None:
        week = (days.day - _MONDAY) // _WEEK
        starts = np.r_[True, (np.diff(days.customer) != 0) | (np.diff(week) != 0)]
        place = np.arange(len(week))
        rank = place - np.maximum.accumulate(np.where(starts, place, 0))
        self._order = np.lexsort((rank, week))
        ends = np.flatnonzero(
            np.r_[np.diff(week[self._order]) != 0, True]
            | np.r_[np.diff(rank[self._order]) != 0, True]
        )
        self._rounds = np.split(self._order, ends[:-1] + 1) if len(week) else []
        self._weeks = week[self._order][ends] if len(week) else week

    def next_week(self, after: int | None) -> int | None:
        """The next week with an order; the first of all without `after`."""
        at = 0 if after is None else int(np.searchsorted(self._weeks, after, side="right"))
        return int(self._weeks[at]) if at < len(self._weeks) else None

    def of_week(self, week: int) -> list[Ints]:
        """Row numbers of each round, the earlier order of a customer in the earlier round."""
        lo, hi = np.searchsorted(self._weeks, [week, week + 1])
        return self._rounds[lo:hi]


@dataclass(slots=True)
class _Found:
    """Moves in the order in which they were found."""

    parts: list[tuple[np.ndarray, ...]] = field(default_factory=list)

    def sorted(self) -> Moves:
        """By customer; found in order of time, so a stable sort keeps that."""
        if not self.parts:
            none, codes = np.zeros(0, np.int64), np.zeros(0, np.int8)
            return Moves(none, none, none.astype(bool), codes, codes, none.astype(np.float64))
        columns = [np.concatenate(part) for part in zip(*self.parts, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        return Moves(*(column[order] for column in columns))


class _Walk:
    """Everybody's history as far as it has been read, and the stage it gave."""

    def __init__(self, model: RhythmModel, days: OrderDays) -> None:
        n = days.customers
        self._model, self._days = model, days
        self._position = model.calendar.positions(days.day)
        first = np.flatnonzero(np.r_[True, np.diff(days.customer) != 0]) if n else []
        self._first = self._position[first]
        self._last, self._last_day = self._first.copy(), days.day[first]
        self._repeats = np.full(n, -1, np.int64)
        self._previous, self._since = np.zeros(n, np.int8), np.zeros(n, np.int64)
        self._found = _Found()
        self.codes: Codes = np.full(n, UNKNOWN, np.int8)

    def order(self, rows: Ints) -> None:
        """Judge customers on the day of an order; `rows` of the days, none of a customer twice."""
        who = self._days.customer[rows]
        self._repeats[who] += 1
        self._last[who], self._last_day[who] = self._position[rows], self._days.day[rows]
        self._judge(who, self._last[who], self._days.day[rows], by_order=True)

    def look(self, who: Ints, today: int) -> Staged:
        """Judge the silence of customers on the morning of a day, or of their last order's."""
        day = np.maximum(today, self._last_day[who])
        until = np.maximum(self._model.calendar.positions([today])[0], self._last[who])
        return self._judge(who, until, day, by_order=False)

    def moves(self) -> Moves:
        """All changes until now."""
        return self._found.sorted()

    def _judge(self, who: Ints, until: Ints, day: Ints, *, by_order: bool) -> Staged:
        x = self._repeats[who]
        last = np.maximum(self._last[who] - self._first[who], x > 0)
        age = np.maximum(until - self._first[who], last)
        rows = Histories(x, last, age, np.ones_like(x))
        old = self.codes[who]
        held = is_held(old, self._previous[who], day - self._since[who])
        staged = restage(self._model, rows, old, by_order, held)
        changed = np.flatnonzero(staged.codes != old)
        moved, new = who[changed], staged.codes[changed]
        by = np.full(len(changed), by_order)
        p = staged.scores.p[changed] if staged.scores else by.astype(np.float64)
        self._found.parts.append((moved, day[changed], by, old[changed], new, p))
        self._previous[moved], self.codes[moved] = old[changed], new
        self._since[moved] = day[changed]
        return staged
