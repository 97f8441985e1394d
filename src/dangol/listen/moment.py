"""When it happened: dates as clients write them, and the correction of a clock that is wrong."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

LIVE_WINDOW = timedelta(hours=24)
"""An event older than this on arrival is history: it is known, but causes nothing."""

_TRUSTED_SKEW = timedelta(hours=24)
_MOST_AHEAD = timedelta(hours=24)
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LOOSE = re.compile(
    r"\s*(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:[T ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(?:Z|UTC|GMT|([+-])(\d{1,2}):?(\d{2})?)?\s*",
    re.ASCII | re.IGNORECASE,
)
_GMT = re.compile(r"(?:GMT|UTC)([+-])(\d{1,2}):?(\d{2})?", re.ASCII)
_ZONES = frozenset(available_timezones())


def parse_moment(value: object) -> datetime | None:
    """The instant that `value` names, keeping its offset, or None when it names none.

    ISO 8601 and its common misspellings (`2015-2-02T3:04Z`), and epoch numbers in seconds or,
    from 10^11 on, milliseconds. Without a zone it is UTC. Before 1900 counts as none: it is
    some language's zero.

    >>> parse_moment("2026-01-02T03:04:05.678+09:00").isoformat()
    '2026-01-02T03:04:05.678000+09:00'
    >>> parse_moment("2015-2-02T3:04Z").isoformat()
    '2015-02-02T03:04:00+00:00'
    >>> parse_moment("yesterday") is None
    True
    """
    try:
        if isinstance(value, str):
            found = _parse_text(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value / 1000 if abs(value) >= 1e11 else value, UTC)
        else:
            return None
        return found if found is not None and found.astimezone(UTC) >= _EARLIEST else None
    except (ValueError, OverflowError, OSError):
        return None


def _parse_text(text: str) -> datetime | None:
    if len(text) > 64:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        match = _LOOSE.fullmatch(text)
        return _from_parts(match) if match else None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _from_parts(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second, fraction, sign, off_hours, off_minutes = match.groups()
    offset = timedelta(hours=int(off_hours or 0), minutes=int(off_minutes or 0))
    return datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "0")[:6].ljust(6, "0")),
        timezone(-offset if sign == "-" else offset),
    )


def correct_moment(client: datetime, sent: datetime | None, received: datetime) -> datetime:
    """When it happened by our clock: `received - (sent - client)`, never after `received`.

    A sender whose clock is more than 24 hours off is not corrected: its `sent` may be the
    moment of a recording that is played back. Without `sent` the client's time stands.
    (The rule of the tracking protocol: the difference of two readings of one wrong clock is right.)
    """
    if sent is None or abs(received - sent) > _TRUSTED_SKEW:
        return min(client.astimezone(UTC), received)
    return min(received - (sent - client), received)


def is_ahead(stated: datetime, received: datetime) -> bool:
    """Whether no clock that is merely wrong says so: more than 24 hours after the arrival."""
    return stated - received > _MOST_AHEAD


def is_history(time: datetime, received: datetime) -> bool:
    """Whether an event of `time` is too old on arrival to cause anything."""
    return received - time > LIVE_WINDOW


def is_zone(name: object) -> bool:
    """Whether `name` is an IANA zone, such as `Asia/Seoul`; `GMT+0900` is none."""
    return isinstance(name, str) and name in _ZONES


def find_offset(zone: object, stated: datetime | None, at: datetime) -> int | None:
    """The sender's offset in minutes east of UTC, or None when nothing tells it.

    From the zone in the event's context (IANA, or `GMT+0900` as one SDK writes), else from the
    timestamp's own offset; an offset of zero there tells nothing, most SDKs write UTC.
    """
    if isinstance(zone, str):
        if zone in _ZONES:
            return _zone_offset(
                zone, at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
            )
        match = _GMT.fullmatch(zone)
        if match:
            return _in_range(_signed(match[1], match[2], match[3]))
    offset = stated.utcoffset() if stated is not None else None
    return _in_range(int(offset.total_seconds() // 60)) if offset else None


@lru_cache(maxsize=4096)
def _zone_offset(zone: str, at: datetime) -> int | None:
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds() // 60) if offset is not None else None


def _signed(sign: str, hours: str, minutes: str | None) -> int:
    total = int(hours) * 60 + int(minutes or 0)
    return -total if sign == "-" else total


def _in_range(minutes: int) -> int | None:
    return minutes if abs(minutes) <= 18 * 60 else None
