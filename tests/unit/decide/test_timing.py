"""Each person's moment within a day: allowed, as habits say, one in ten by lot, the same every time."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.decide.campaign.model import Schedule, parse_schedule
from dangol.decide.campaign.timing import Day, Moment, at_once, choose_moments
from dangol.decide.guard.hours import quiet_until
from dangol.decide.guard.rules import Rules
from dangol.errors import InputError
from dangol.know.timing.habits import Habits

NOON = datetime(2026, 5, 4, 3, 20, tzinfo=UTC)  # 12:20 in Seoul
ZONES = ["Asia/Seoul", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
NOBODY = Habits(np.zeros(0, np.int64), np.zeros((0, 24)), np.zeros(0, np.bool_))


def hours_of(*peaks: int) -> list[float]:
    """Where everybody comes at these hours only."""
    return [1 / len(peaks) if hour in peaks else 0.0 for hour in range(24)]


def moments(
    day: Day, people: int, habits: Habits = NOBODY, zone: str | None = None, peak: int = 19
) -> list[Moment]:
    ids = np.arange(1, people + 1, dtype=np.int64)
    return choose_moments(day, ids, [zone] * people, habits, lambda _: hours_of(peak))


@settings(deadline=None, max_examples=25)
@given(STARTS, st.sampled_from(ZONES), st.times(), st.times())
def test_an_allowed_hour_is_a_full_one_of_the_day_and_never_quiet(
    start: datetime, zone: str, quiet_from: time, until: time
) -> None:
    rules = Rules(quiet_from=quiet_from, quiet_until=until)
    allowed = Day(send_id=1, start=start, rules=rules).allowed(zone)
    for hour, at in allowed.items():
        shown = at.astimezone(ZoneInfo(zone))
        assert (shown.hour, shown.minute) == (hour, 0)
        assert start <= at < start + timedelta(days=1)
        assert quiet_until(at, quiet_from, until, zone) is None
    # minute by minute, as a clock on the wall would be watched
    first = start.replace(second=0, microsecond=0)
    watched = set()
    for minute in range(24 * 60 + 1):
        at = first + timedelta(minutes=minute)
        shown = at.astimezone(ZoneInfo(zone))
        is_quiet = quiet_until(at, quiet_from, until, zone) is not None
        if shown.minute == 0 and start <= at < start + timedelta(days=1) and not is_quiet:
            watched.add(shown.hour)
    assert set(allowed) <= watched
    assert len(watched) - len(allowed) <= 1, "only of an hour shown twice the second may be missing"


def test_most_get_everybodys_hour_and_one_in_ten_any_allowed_one() -> None:
    day = Day(send_id=7, start=NOON, rules=Rules())
    found = moments(day, 5000)
    sources = Counter(moment.source for moment in found)
    assert sources["lot"] == pytest.approx(500, abs=80)
    assert sources["everyone"] == 5000 - sources["lot"]
    best = [moment for moment in found if moment.source == "everyone"]
    assert {moment.hour for moment in best} == {19}
    assert {moment.propensity for moment in best} == {round(0.1 / 13 + 0.9, 6)}
    lots = Counter(moment.hour for moment in found if moment.source == "lot")
    assert set(lots) == set(range(8, 21)), "all that are not quiet"
    other = [one for one in found if one.source == "lot" and one.hour != 19]
    assert {moment.propensity for moment in other} == {round(0.1 / 13, 6)}
    assert {one.due_at for one in best} == {datetime(2026, 5, 4, 10, tzinfo=UTC)}


def test_the_lot_is_the_persons_for_this_send_for_ever() -> None:
    day = Day(send_id=7, start=NOON, rules=Rules())
    assert moments(day, 300) == moments(day, 300)
    other = moments(Day(send_id=8, start=NOON, rules=Rules()), 300)
    assert [one.source for one in other] != [one.source for one in moments(day, 300)]


def test_who_has_a_habit_is_met_there_or_as_near_as_is_allowed() -> None:
    p = np.array([hours_of(10), hours_of(3)])
    habits = Habits(np.array([2, 4]), p, np.array([True, True]))
    day = Day(send_id=21, start=NOON, rules=Rules())
    found = {n: one for n, one in enumerate(moments(day, 6, habits), 1) if one.source != "lot"}
    assert [(found[n].source, found[n].hour) for n in (1, 2, 4)] == [
        ("everyone", 19),
        ("own", 10),
        ("own", 20),
    ]
    assert found[2].due_at == datetime(2026, 5, 5, 1, tzinfo=UTC), "ten has passed today"


def test_hours_are_of_the_persons_own_clock_even_when_it_jumps() -> None:
    start = datetime(2027, 3, 14, 4, tzinfo=UTC)  # 23:00 in New York; 2:00 does not come
    awake = Rules(quiet_from=time(0), quiet_until=time(0))
    day = Day(send_id=1, start=start, rules=awake)
    assert sorted(day.allowed("America/New_York")) == [hour for hour in range(24) if hour != 2]
    found = moments(day, 50, zone="America/New_York", peak=9)
    at_nine = {one.due_at for one in found if one.source == "everyone"}
    assert at_nine == {datetime(2027, 3, 14, 13, tzinfo=UTC)}


def test_without_any_allowed_or_known_hour_it_is_at_once() -> None:
    nearly_all = Rules(quiet_from=time(0, 30), quiet_until=time(0, 10))
    (found,) = moments(Day(send_id=1, start=NOON, rules=nearly_all), 1)
    assert (found.source, found.due_at, found.hour) == ("unknown", NOON, None)
    assert at_once(NOON, ["Nowhere"], "Asia/Seoul") == [Moment(NOON, "unknown", "Asia/Seoul")]


def test_the_day_is_part_of_the_schedule() -> None:
    best = parse_schedule({"best_hour": True})
    assert (best.starts_at(NOON), best.ends_at(NOON)) == (NOON, NOON + timedelta(days=1))
    assert parse_schedule({}) == Schedule()
    with pytest.raises(InputError):
        parse_schedule({"best_hour": True, "day": date(2026, 5, 5), "local_time": time(9)})
