"""Closed days are no silence: counted as by hand, for any rules."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.errors import InputError
from dangol.know.rhythm.calendar import ALWAYS, OpenDays, number_of
from dangol.know.rhythm.history import from_dates, from_days
from dangol.know.rhythm.opening import (
    Closure,
    Opening,
    check_opening,
    list_holidays,
    resolve,
)

SEOUL = Opening(
    weekly=(7,),
    closures=(Closure(since=date(2026, 8, 1), until=date(2026, 8, 5), why="summer"),),
    country="KR",
    holidays=("Korean New Year", "Chuseok"),
)
START = date(2026, 1, 1)

_weekly = st.sets(st.integers(1, 7), max_size=6).map(lambda found: tuple(sorted(found)))
_offsets = st.integers(0, 500)
_calendars = st.builds(
    lambda weekly, off: OpenDays(
        weekly=weekly, closed=tuple(sorted(START + timedelta(one) for one in off))
    ),
    _weekly,
    st.sets(_offsets, max_size=40),
)


def _is_open(calendar, day):
    return day.isoweekday() not in calendar.weekly and day not in calendar.closed


@given(_calendars, _offsets, st.integers(0, 120))
@settings(deadline=None)
def test_open_days_are_counted_as_by_hand(calendar, start, length):
    since = START + timedelta(start)
    passed = [since + timedelta(n + 1) for n in range(length)]
    by_hand = sum(_is_open(calendar, day) for day in passed)
    until = since + timedelta(length)
    assert calendar.between(since, until) == by_hand
    days = calendar.days_until(since, by_hand)
    assert days <= length
    assert calendar.between(since, since + timedelta(days)) == by_hand
    assert days == 0 or _is_open(calendar, since + timedelta(days))


def test_both_great_holidays_and_their_substitutes_are_closed():
    found = resolve(SEOUL, date(2025, 1, 1), date(2026, 12, 31))
    assert found.weekly == (7,)
    seollal = {date(2026, 2, 16), date(2026, 2, 17), date(2026, 2, 18)}
    chuseok = {date(2025, 10, day) for day in (5, 6, 7, 8)}  # the 8th in place of a Sunday
    assert seollal | chuseok <= set(found.closed)
    assert date(2026, 8, 3) in found.closed
    assert date(2026, 5, 5) not in found.closed
    assert found.between(date(2026, 2, 14), date(2026, 2, 19)) == 1


def test_holidays_of_a_year_are_there_to_choose():
    names = {one.name: one.days for one in list_holidays("KR", 2026)}
    assert len(names["Chuseok"]) == 3
    assert "Election Day" in names
    assert {one.words for one in list_holidays("KR", 2026, "ko")} >= {"설날", "추석"}
    assert "Temporary Public Holiday" in {one.name for one in list_holidays("KR", 2026)}
    assert list_holidays("XX", 2026) == []


@pytest.mark.parametrize(
    "opening",
    [
        Opening(weekly=tuple(range(1, 8))),
        Opening(weekly=(0,)),
        Opening(closures=(Closure(since=date(2026, 2, 2), until=date(2026, 2, 1)),)),
        Opening(closures=(Closure(since=date(2026, 2, 2), until=date(2036, 2, 1)),)),
    ],
)
def test_rules_that_cannot_be_are_refused(opening):
    with pytest.raises(InputError):
        check_opening(opening)


@given(
    st.lists(st.tuples(st.integers(0, 4), _offsets), max_size=40),
    st.integers(0, 500),
    _calendars,
)
@settings(deadline=None)
def test_histories_count_what_lies_between_orders(orders, until, calendar):
    base = number_of(START)
    who, rows = from_days(
        [c for c, _ in orders], [base + d for _, d in orders], base + until, calendar
    )
    for i, customer in enumerate(who):
        days = sorted({START + timedelta(d) for c, d in orders if c == customer and d <= until})
        assert rows.repeats[i] == len(days) - 1
        last = calendar.between(days[0], days[-1])
        assert rows.last[i] == max(last, len(days) > 1)
        age = calendar.between(days[0], START + timedelta(until))
        assert rows.age[i] == max(age, rows.last[i])


def test_without_closed_days_nothing_changes():
    rows = from_dates([2, 0], (np.array([10, 20]), np.array([40, 20])), 50, ALWAYS)
    assert (rows.last.tolist(), rows.age.tolist()) == ([30, 0], [40, 30])
