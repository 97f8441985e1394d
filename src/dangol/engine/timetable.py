"""Everybody's own moment, asked of the lake range by range while an audience is planned or counted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import numpy as np
import psycopg
from numpy.typing import NDArray

from dangol.decide.campaign.model import Schedule
from dangol.decide.campaign.timing import Chooser, Day, Moment, at_once, choose_moments
from dangol.know.timing.habits import Habits, habits_of
from dangol.know.timing.store import Span, TimingModel, count_hours, find_model, register_offsets
from dangol.model.customer import BUCKETS
from dangol.settings import Settings
from dangol.store.lake import Snapshot, snapshot

_RANGE = BUCKETS // 16
"""Buckets whose people's habits are held at a time."""


@contextmanager
def timetable(
    conn: psycopg.Connection, settings: Settings, schedule: Schedule, day: Day, now: datetime
) -> Iterator[Chooser | None]:
    """Who chooses moments for a send; None where the schedule does not ask for best hours."""
    if not schedule.best_hour:
        yield None
        return
    model = find_model(conn)
    if model is None:
        yield lambda _, zones: at_once(day.start, zones, day.rules.zone)
        return
    dsn, views = settings.database_url or "", ("events", "customers")
    with snapshot(settings, dsn, views=views) as snap:
        register_offsets(snap, day.rules.zone, now)
        yield _Timetable(snap, model, day, now)


class _Timetable:
    """Remembers the habits of one range of buckets: people come in the order of their buckets."""

    def __init__(self, snap: Snapshot, model: TimingModel, day: Day, now: datetime) -> None:
        self._snap, self._model, self._day, self._now = snap, model, day, now
        self._ranges: dict[int, Habits] = {}

    def __call__(self, customers: NDArray[np.int64], zones: Sequence[str | None]) -> list[Moment]:
        found: list[Moment | None] = [None] * customers.size
        ranges = customers % BUCKETS // _RANGE
        for number in np.unique(ranges).tolist():
            rows = np.flatnonzero(ranges == number)
            places = [zones[row] for row in rows]
            habits = self._habits(number)
            chosen = choose_moments(self._day, customers[rows], places, habits, self._model.pi)
            for row, moment in zip(rows.tolist(), chosen, strict=True):
                found[row] = moment
        return [moment for moment in found if moment is not None]

    def _habits(self, number: int) -> Habits:
        if number not in self._ranges:
            self._ranges.clear()
            span = Span(number * _RANGE, (number + 1) * _RANGE - 1)
            zone = self._day.rules.zone
            counted = count_hours(self._snap, span, zone, self._now)
            self._ranges[number] = habits_of(self._model, counted)
        return self._ranges[number]
