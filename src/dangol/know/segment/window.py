"""When something happened: exact hours and days, local calendar days, between dates, or ever.

Exact windows end now and are the same instants for everyone. Calendar windows are whole local
days of the customer's zone, so each zone has its own instants; they are worked out here, with
Python's zones, and never in SQL.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import msgspec

DAY = timedelta(days=1)
_EPOCH_DAY = date(1970, 1, 1)
_DAY_MICROS = 86_400_000_000
_WIDEST = timedelta(hours=16)
"""No clock on earth was ever further from UTC."""


class Duration(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """So many hours, or so many days of 24 hours; exactly one of them."""

    days: int | None = None
    hours: int | None = None

    @property
    def delta(self) -> timedelta:
        """The same as a time span."""
        return timedelta(days=self.days or 0, hours=self.hours or 0)


class Window(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One of its kinds: exact, calendar, or from and until.

    Exact: later than now − n, not later than now. Calendar: today (this week from Monday, this
    month) and the n − 1 before. Dates: both days included, either may be left out.
    """

    hours: int | None = None
    days: int | None = None
    calendar_days: int | None = None
    calendar_weeks: int | None = None
    calendar_months: int | None = None
    first: date | None = msgspec.field(default=None, name="from")
    last: date | None = msgspec.field(default=None, name="until")

    @property
    def exact(self) -> timedelta | None:
        """How long an exact window is; None for one of local days."""
        if self.hours is None and self.days is None:
            return None
        return timedelta(hours=self.hours or 0, days=self.days or 0)


class Days(NamedTuple):
    """Local days from the first to the last, both included; None is open."""

    first: date | None
    last: date | None


class Span(NamedTuple):
    """Instants from `since` on and before `until`; None is open."""

    since: datetime | None
    until: datetime | None


def days_of(window: Window, today: date) -> Days:
    """The local days of a window that is not exact, seen on the local day `today`."""
    if window.calendar_days is not None:
        return Days(today - (window.calendar_days - 1) * DAY, None)
    if window.calendar_weeks is not None:
        monday = today - today.weekday() * DAY
        return Days(monday - (window.calendar_weeks - 1) * 7 * DAY, None)
    if window.calendar_months is not None:
        return Days(month_before(today, window.calendar_months - 1), None)
    return Days(window.first, window.last)


def month_before(day: date, months: int) -> date:
    """The first day of the month so many months before that of `day`.

    >>> month_before(date(2026, 1, 31), 1)
    datetime.date(2025, 12, 1)
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)


def span_of(days: Days, zone: str) -> Span:
    """The instants of local days in a zone."""
    first, last = days
    return Span(
        start_of_day(first, zone) if first else None,
        start_of_day(last + DAY, zone) if last else None,
    )


@lru_cache(maxsize=65_536)
def start_of_day(day: date, zone: str) -> datetime:
    """When a local day begins: when its midnight first comes, or the clock first jumps past it.

    >>> start_of_day(date(2026, 3, 1), "Asia/Seoul").isoformat()
    '2026-02-28T15:00:00+00:00'
    >>> start_of_day(date(2018, 11, 4), "America/Sao_Paulo").isoformat()  # 00:00 became 01:00
    '2018-11-04T03:00:00+00:00'
    """
    tz = clock_in(zone)
    midnight = datetime.combine(day, time(), tz)
    begins = midnight.astimezone(UTC)
    if begins.astimezone(tz).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return begins
    before, after = midnight.utcoffset(), midnight.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None  # a gap: the offset grows where it begins
    return _jump_between(begins - (after - before), begins, tz)


def _jump_between(low: datetime, high: datetime, tz: ZoneInfo) -> datetime:
    """The instant in (low, high] at which the offset of `tz` changes, to the second."""
    at_first = low.astimezone(tz).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(tz).utcoffset() == at_first:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=1_024)
def clock_in(zone: str) -> ZoneInfo:
    """The zone; `ZoneInfo` itself remembers eight of them only."""
    return ZoneInfo(zone)


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """Every zone name that a customer may have; another counts as the brand's."""
    return frozenset(available_timezones())


def local_day(now: datetime, zone: str) -> date:
    """The date that a clock of the zone shows."""
    return now.astimezone(clock_in(zone)).date()


def earliest(window: Window, now: datetime) -> datetime | None:
    """An instant before which no event can lie in the window, in whatever zone; None if none."""
    if window.exact is not None:
        return now - window.exact
    first = days_of(window, (now - _WIDEST).date()).first
    return datetime.combine(first, time(), UTC) - _WIDEST if first else None


def micros_of_day(day: date | None) -> int | None:
    """Midnight of a wall clock as microseconds since 1970, as `value.as_time` reads it."""
    return None if day is None else (day - _EPOCH_DAY).days * _DAY_MICROS
