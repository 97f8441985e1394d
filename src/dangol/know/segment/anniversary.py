"""Days that come round each year: which months and days fall into so many days from today.

The months and days are worked out here for each date that is "today" somewhere, so that neither
leap years nor the moon have to be known in SQL. A 29 February is kept on 28 February in common
years. By the Korean lunar calendar, a 30th is kept on the 29th where the month has no 30th, and
who was born in a leap month (윤달) keeps it in the month itself in years without that leap month.
"""

import re
from calendar import isleap
from datetime import date
from functools import lru_cache

from korean_lunar_calendar import KoreanLunarCalendar

from dangol.know.segment.condition import Anniversary
from dangol.know.segment.terms import Calendar, Direction
from dangol.know.segment.window import DAY

LEAP = "윤"
"""Stands before the month of a lunar date in a leap month: `1987-윤06-15`."""
_KEY = f"(?:[0-9]{{4}}-|--)?({LEAP}?[0-9]{{2}}-[0-9]{{2}})(?:[T ][0-9:.Z+-]*)?"
_PATTERN = re.compile(_KEY)
_LAST_LUNAR = date(2050, 12, 30)
"""The tables of the Korea Astronomy and Space Science Institute end here."""


def key_of(value: object) -> str | None:
    """Month and day of a trait, as it is written; the year and the time of day do not matter.

    >>> key_of("1987-05-03"), key_of("05-03"), key_of("1987-윤06-15"), key_of("3 May")
    ('05-03', '05-03', '윤06-15', None)
    """
    found = _PATTERN.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else None


def key_sql(json: str, path: str) -> str:
    """SQL of `key_of`; empty or null for anything else."""
    raw = f"json_extract_string({json}, {path})"
    return (
        f"case when json_type({json}, {path}) = 'VARCHAR'"
        f" then regexp_extract({raw}, '^{_KEY}$', 1) end"
    )


def keys_within(leaf: Anniversary, today: date) -> frozenset[str]:
    """Every key whose anniversary falls into the span."""
    steps = range(leaf.within.days)
    sign = 1 if leaf.direction is Direction.NEXT else -1
    kept = solar_keys if leaf.calendar is Calendar.SOLAR else lunar_keys
    return frozenset(key for step in steps for key in kept(today + sign * step * DAY))


def solar_keys(day: date) -> tuple[str, ...]:
    """What is kept on this day.

    >>> solar_keys(date(2026, 2, 28)), solar_keys(date(2028, 2, 28)), solar_keys(date(2028, 2, 29))
    (('02-28', '02-29'), ('02-28',), ('02-29',))
    """
    key = f"{day:%m-%d}"
    return (key, "02-29") if key == "02-28" and not isleap(day.year) else (key,)


@lru_cache(maxsize=4_096)
def lunar_keys(day: date) -> tuple[str, ...]:
    """What is kept on this day by the Korean lunar calendar; nothing beyond its tables (2050).

    >>> lunar_keys(date(2026, 2, 17)), lunar_keys(date(2025, 7, 25))  # Seollal; a leap month begins
    (('01-01', '윤01-01'), ('윤06-01',))
    """
    if day > _LAST_LUNAR:
        return ()
    year, month, number, is_leap = _lunar(day)
    numbers = [number]
    if number == 29 and _lunar(day + DAY)[2] == 1:
        numbers.append(30)
    keys = [f"{month:02}-{each:02}" for each in numbers]
    if is_leap:
        return tuple(LEAP + key for key in keys)
    return tuple(keys if _has_leap(year, month) else keys + [LEAP + key for key in keys])


def _lunar(day: date) -> tuple[int, int, int, bool]:
    calendar = KoreanLunarCalendar()
    calendar.setSolarDate(day.year, day.month, day.day)
    return (
        calendar.lunarYear,
        calendar.lunarMonth,
        calendar.lunarDay,
        bool(calendar.isIntercalation),
    )


@lru_cache(maxsize=1_024)
def _has_leap(year: int, month: int) -> bool:
    """Whether the lunar year repeats this month."""
    calendar = KoreanLunarCalendar()
    return bool(calendar.setLunarDate(year, month, 1, True)) and bool(calendar.isIntercalation)
