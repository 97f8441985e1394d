"""Regularity and weekly habit: known values, and silence where there is too little."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.know.rhythm.habit import (
    burstiness,
    describe,
    gap_shape,
    habit_strength,
    shrunk_shape,
)

SATURDAY = date(2026, 1, 3)


@pytest.mark.parametrize(
    ("gaps", "plain", "corrected", "shape"),
    [
        ([7] * 6, -1, -1, float("inf")),
        ([6, 8, 7, 5, 9, 7], -0.688579, -0.740832, 28.527206),
        ([1, 1, 1, 25, 1, 1, 30, 1], 0.204392, 0.426913, 0.523819),
    ],
)
def test_gaps_give_the_known_values(gaps, plain, corrected, shape):
    assert burstiness(gaps) == pytest.approx(plain, abs=5e-7)
    assert burstiness(gaps, len(gaps) + 1) == pytest.approx(corrected, abs=5e-7)
    assert gap_shape(gaps) == pytest.approx(shape, abs=5e-7)
    assert shrunk_shape(gaps) == pytest.approx(
        (len(gaps) * min(shape, 100) + 10) / (len(gaps) + 10)
    )


def test_below_five_days_nothing_is_said_of_gaps_and_below_ten_nothing_of_weekdays():
    weeks = [SATURDAY + timedelta(7 * n) for n in range(12)]
    assert describe(weeks[:4]).burstiness is None
    assert describe(weeks[:5]).burstiness == -1
    assert describe(weeks[:9]).weekday is None
    found = describe(weeks)
    assert (found.weekday, found.weekday_orders, found.order_days) == (6, 12, 12)
    spread = [SATURDAY + timedelta(8 * n) for n in range(14)]
    assert describe(spread).weekday is None


@given(st.sets(st.integers(0, 3000), min_size=1, max_size=60))
@settings(deadline=None)
def test_any_history_gives_finite_values(days):
    found = describe([SATURDAY + timedelta(day) for day in days])
    if len(days) >= 5:
        assert -1 - 1e-9 <= found.burstiness <= 1 + 1e-9
        assert 0 < found.shape < 100
    assert found.weekday is None or 2 <= found.weekday_orders <= len(days)


def test_strength_is_none_for_chance_and_one_for_a_single_day():
    assert habit_strength([5] * 7) <= 0.01
    assert habit_strength([0, 30, 0, 0, 0, 0, 0]) == pytest.approx(1)
    assert np.isfinite(habit_strength([1, 0, 0, 0, 0, 0, 0]))
