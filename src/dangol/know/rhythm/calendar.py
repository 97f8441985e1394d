"""Which days can be silent: a day on which nobody could come says nothing about anybody.

All models count open days. A position is how many open days there were up to and with a day; two
days are as many open days apart as their positions differ. An order on a closed day (a web shop
sells on Seollal too) stands where the open day before it stands.
"""

from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int64]

EPOCH = date(1970, 1, 1).toordinal()
_THURSDAY = 4  # 1970-01-01 as an ISO weekday
_WEEK = 7


class OpenDays(msgspec.Struct, frozen=True, kw_only=True):
    """The days that do not count: weekdays, and single days."""

    weekly: tuple[int, ...] = ()
    """ISO weekdays, Monday being 1; never all seven."""
    closed: tuple[date, ...] = ()
    """Single days besides, in order."""

    @property
    def is_always(self) -> bool:
        """Whether every day counts."""
        return not self.weekly and not self.closed

    def positions(self, days: object) -> Days:
        """How many open days lie up to and with each of `days` (days since 1970-01-01).

        The number itself means nothing before 1970; only differences are used.
        """
        asked = np.asarray(days, dtype=np.int64)
        shut = np.searchsorted(self._single(), asked, side="right")
        for weekday in self.weekly:
            shut = shut + (asked - (weekday - _THURSDAY) % _WEEK) // _WEEK + 1
        return asked - shut

    def between(self, since: date, until: date) -> int:
        """Open days after `since` up to and with `until`; never negative."""
        ends = self.positions([number_of(since), number_of(until)])
        return max(int(ends[1] - ends[0]), 0)

    def days_until(self, since: date, open_days: float) -> int:
        """After how many days of any kind `open_days` open ones have passed, rounded up.

        >>> OpenDays(weekly=(6, 7)).days_until(date(2026, 3, 6), 5)  # a Friday
        7
        """
        return int(self.days_until_each(since, [open_days])[0])

    def days_until_each(self, since: date, open_days: object) -> Days:
        """The same for many lengths."""
        wanted = np.ceil(np.asarray(open_days, np.float64) - 1e-9).astype(np.int64)
        share = 1 - len(self.weekly) / _WEEK
        reach = int(wanted.max(initial=0) / share) + len(self.closed) + 2 * _WEEK
        start = number_of(since)
        passed = self.positions(np.arange(start, start + reach + 1))
        return np.searchsorted(passed - passed[0], wanted, side="left")

    def _single(self) -> Days:
        """Closed days that are not closed every week anyway."""
        days = np.array([number_of(day) for day in self.closed], np.int64)
        return days[~np.isin((days + _THURSDAY - 1) % _WEEK + 1, self.weekly)]


ALWAYS = OpenDays()
"""Nothing is ever closed."""


def number_of(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH
