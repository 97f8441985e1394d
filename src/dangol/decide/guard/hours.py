"""Wall clocks: quiet hours, and the instant that a local time of day means."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

_TICK = timedelta(microseconds=1)


def instant_of(day: date, at: time, zone: str, *, later: bool = False) -> datetime:
    """The UTC instant at which clocks in `zone` show `at` on `day`.

    A time that the clocks skip is moved forward by the length of the gap; of a time that they show
    twice it is the first, or with `later` the second.

    >>> instant_of(date(2027, 3, 14), time(2, 30), "America/New_York").isoformat()
    '2027-03-14T07:30:00+00:00'
    >>> instant_of(date(2026, 11, 1), time(1, 30), "America/New_York", later=True).isoformat()
    '2026-11-01T06:30:00+00:00'
    """
    local = datetime.combine(day, at.replace(tzinfo=None), ZoneInfo(zone))
    first = local.replace(fold=0).astimezone(UTC)
    exists = first.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)
    return local.replace(fold=1).astimezone(UTC) if later and exists else first


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def known_zone(zone: str | None, default: str) -> str:
    """`zone` if it is an IANA name, else `default`: what a sender calls a zone need not be one."""
    return zone if zone in _zones() else default


@lru_cache(maxsize=4096)
def quiet_until(now: datetime, start: time, end: time, zone: str) -> datetime | None:
    """When the quiet hours that hold at `now` in `zone` end; None when it is not quiet.

    The window may pass midnight (`start` after `end`); equal edges mean that there is none.

    >>> quiet_until(datetime(2026, 5, 1, 13, 0, tzinfo=UTC), time(21), time(8), "Asia/Seoul")
    datetime.datetime(2026, 5, 1, 23, 0, tzinfo=datetime.timezone.utc)
    """
    local = now.astimezone(ZoneInfo(zone))
    clock = local.time()
    passes_midnight = start > end
    is_after_start, is_before_end = clock >= start, clock < end
    if not (
        is_after_start or is_before_end if passes_midnight else is_after_start and is_before_end
    ):
        return None
    day = local.date() + timedelta(days=1) if passes_midnight and clock >= start else local.date()
    until = instant_of(day, end, zone, later=True)
    return until if until > now else None


def leave_until(now: datetime, limit: datetime, start: time, end: time, zone: str) -> datetime:
    """Until when something may leave that is not in quiet hours at `now`: `limit`, or the instant
    before it at which quiet hours begin in `zone`.

    Found by halving between the two, so it is right on days when the clocks change, too. The quiet
    hours must be longer than the time from `now` to `limit`.

    >>> now = datetime(2026, 5, 1, 11, 59, 59, tzinfo=UTC)
    >>> until = leave_until(now, now + timedelta(seconds=30), time(21), time(8), "Asia/Seoul")
    >>> until.isoformat()
    '2026-05-01T12:00:00+00:00'
    """
    if quiet_until(limit, start, end, zone) is None:
        return limit
    free, quiet = now, limit
    while quiet - free > _TICK:
        middle = free + (quiet - free) // 2
        if quiet_until(middle, start, end, zone) is None:
            free = middle
        else:
            quiet = middle
    return quiet
