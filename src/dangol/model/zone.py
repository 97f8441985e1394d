"""Local days from UTC instants: Python's tzdata decides, SQL joins the offsets it is given."""

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

_STEP = dt.timedelta(days=7)
_YEARS = (1900, 2200)
"""Before and after, the offset at the border serves."""
_SECOND = dt.timedelta(seconds=1)


def list_offsets(zone: str, first: dt.datetime, last: dt.datetime) -> list[tuple[dt.datetime, int]]:
    """From when on which offset of `zone` holds, covering `first` to `last` in order.

    Each entry is the UTC instant from which an offset in seconds east of UTC holds; the first
    one lies at or before `first`.

    Raises:
        ZoneInfoNotFoundError: there is no such zone.
    """
    years = (max(_YEARS[0], first.year - 1), min(_YEARS[1], last.year + 1))
    return list(_offsets(zone, *years))


@lru_cache(maxsize=64)
def _offsets(zone: str, first_year: int, last_year: int) -> tuple[tuple[dt.datetime, int], ...]:
    tz = ZoneInfo(zone)
    begin = dt.datetime(min(first_year, last_year), 1, 1, tzinfo=dt.UTC)
    end = dt.datetime(last_year + 1, 1, 1, tzinfo=dt.UTC)
    found = [(begin, _offset(tz, begin))]
    at = begin
    while at < end:
        after = at + _STEP
        if _offset(tz, after) != found[-1][1]:
            change = _change_between(tz, at, after)
            found.append((change, _offset(tz, change)))
            at = change
        else:
            at = after
    return tuple(found)


def _change_between(tz: ZoneInfo, low: dt.datetime, high: dt.datetime) -> dt.datetime:
    old = _offset(tz, low)
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if _offset(tz, middle) == old:
            low = middle
        else:
            high = middle
    return high


def _offset(tz: ZoneInfo, at: dt.datetime) -> int:
    offset = at.astimezone(tz).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
