"""Wall clocks in every zone, with the days on which they jump."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.decide.campaign.model import Schedule, parse_schedule
from dangol.decide.guard.hours import instant_of, leave_until, quiet_until
from dangol.errors import InputError

ZONES = st.sampled_from(sorted(available_timezones()))
DAYS = st.dates(date(2020, 1, 1), date(2029, 12, 31))
CLOCKS = st.builds(time, st.integers(0, 23), st.integers(0, 59))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC))


@settings(deadline=None)
@given(DAYS, CLOCKS, ZONES)
def test_the_clock_there_shows_the_time_or_has_jumped_past_it(
    day: date, at: time, zone: str
) -> None:
    instant = instant_of(day, at, zone)
    shown = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    wanted = datetime.combine(day, at)
    assert shown >= wanted
    if shown != wanted:  # in a gap: right before it the clock showed less
        before = (instant - timedelta(days=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert before < wanted
    earlier = (instant - timedelta(hours=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert earlier != wanted, "of a time shown twice it is the first"


@settings(deadline=None)
@given(DAYS, CLOCKS, st.integers(-40_000_000, 10_000_000), ZONES)
def test_nothing_may_leave_past_the_beginning_of_quiet_hours(
    day: date, start: time, microseconds: int, zone: str
) -> None:
    now = instant_of(day, start, zone) + timedelta(microseconds=microseconds)
    end = time((start.hour + 2) % 24, start.minute)
    limit, tick = now + timedelta(seconds=30), timedelta(microseconds=1)
    if quiet_until(now, start, end, zone) is not None:
        return
    until = leave_until(now, limit, start, end, zone)
    assert now < until <= limit
    assert quiet_until(until - tick, start, end, zone) is None
    assert until == limit or quiet_until(until, start, end, zone) is not None


@settings(deadline=None)
@given(MOMENTS, CLOCKS, CLOCKS, ZONES)
def test_after_the_quiet_hours_it_is_not_quiet(
    now: datetime, start: time, end: time, zone: str
) -> None:
    until = quiet_until(now, start, end, zone)
    clock = now.astimezone(ZoneInfo(zone)).time()
    inside = start <= clock < end if start <= end else clock >= start or clock < end
    if until is None:
        assert not inside or start == end or _jumps(now, zone)
        return
    assert inside
    assert now < until <= now + timedelta(hours=27)
    assert quiet_until(until, start, end, zone) is None or _jumps(until, zone)


def _jumps(moment: datetime, zone: str) -> bool:
    day = timedelta(days=1)
    offsets = {(moment + n * day).astimezone(ZoneInfo(zone)).utcoffset() for n in (-1, 0, 1)}
    return len(offsets) > 1


@pytest.mark.parametrize(
    ("day", "at", "zone", "expected"),
    [
        (date(2027, 3, 14), time(2, 30), "America/New_York", "2027-03-14T07:30"),
        (date(2026, 11, 1), time(1, 30), "America/New_York", "2026-11-01T05:30"),
        (date(2027, 9, 5), time(0, 30), "America/Santiago", "2027-09-05T04:30"),
        (date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe", "2026-10-03T15:45"),
        (date(2026, 12, 1), time(9, 0), "Asia/Seoul", "2026-12-01T00:00"),
    ],
)
def test_days_on_which_clocks_jump(day: date, at: time, zone: str, expected: str) -> None:
    schedule = Schedule(day=day, local_time=at)
    due = schedule.due_at(zone, "UTC", datetime(2026, 1, 1, tzinfo=UTC))
    assert due == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@settings(deadline=None)
@given(DAYS, CLOCKS, ZONES)
def test_a_local_campaign_starts_before_and_ends_after_everyone(
    day: date, at: time, zone: str
) -> None:
    now = datetime(2019, 12, 1, tzinfo=UTC)
    schedule = Schedule(day=day, local_time=at)
    assert schedule.starts_at(now) <= schedule.due_at(zone, "UTC", now) <= schedule.ends_at(now)


def test_schedules_that_are_none() -> None:
    assert parse_schedule({}) == Schedule()
    for raw in (
        {"at": "2026-12-01T09:00:00"},
        {"day": "2026-12-01"},
        {"at": "2026-12-01T09:00:00Z", "day": "2026-12-01", "local_time": "09:00"},
        {"when": "soon"},
        7,
    ):
        with pytest.raises(InputError):
            parse_schedule(raw)
