"""The ledger as it is kept: entered in parts, read later, held against what a stage needs."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.know.attention.ledger import (
    HIGHEST,
    REST,
    Entries,
    Kind,
    State,
    advance,
    at_rest,
    faded,
    level_of,
)
from dangol.know.attention.service import level_at
from dangol.know.attention.tariff import RESTED, needed
from dangol.model.stage import Stage

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)

Entry = tuple[float, Kind, float]
entries = st.lists(
    st.tuples(st.floats(0, 90).map(lambda days: round(days, 2)), st.sampled_from(Kind),
              st.floats(0, 6)), max_size=25
)  # fmt: skip


def entered(state: State, told: list[Entry]) -> State:
    days, kinds, amounts = zip(*told, strict=True) if told else ((), (), ())
    nobody_else = np.zeros(len(told), np.int64)
    columns = (np.array(days, float), np.array(kinds, np.int8), np.array(amounts, float))
    return advance(state, Entries(nobody_else, *columns))


@given(entries, st.integers(0, 25))
def test_in_parts_it_is_the_fold_of_the_whole(told: list[Entry], cut: int) -> None:
    told.sort()
    state = entered(entered(at_rest(1), told[:cut]), told[cut:])
    left = float(faded(state.level, 100.0 - state.at)[0])
    assert left == pytest.approx(level_of(told, 100.0))


@given(entries, st.randoms(use_true_random=False))
def test_what_comes_late_counts_as_in_its_place_while_no_bound_is_touched(
    told: list[Entry], random
) -> None:
    small = [(at, kind, amount / 100) for at, kind, amount in told if kind <= Kind.GIVEN]
    late = list(small)
    random.shuffle(late)
    state = at_rest(1)
    for one in late:
        state = entered(state, [one])
    left = float(faded(state.level, 100.0 - state.at)[0])
    assert left == pytest.approx(level_of(small, 100.0))


@given(entries)
def test_whatever_the_order_it_stays_in_its_bounds(told: list[Entry]) -> None:
    state = at_rest(1)
    for one in told:
        state = entered(state, [one])
        assert 0 <= state.level[0] <= HIGHEST


def test_it_is_read_later_as_it_would_have_faded() -> None:
    assert level_at(REST, None, None, now=NOW) == REST
    assert level_at(4.0, NOW - 14 * DAY, None, now=NOW) == pytest.approx(10 - 6 / np.e)
    assert level_at(4.0, NOW + DAY, None, now=NOW) == 4.0
    assert level_at(20.0, NOW, NOW + DAY, now=NOW) == 0.0
    assert level_at(20.0, NOW, NOW, now=NOW) == 20.0


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("care", [0.5, 1.0, 1.5])
def test_who_was_left_in_peace_may_always_hear_from_us_once(stage: Stage, care: float) -> None:
    assert needed(stage, 2.0, care) <= RESTED < REST
    after_three_weeks = level_at(REST - 2.0, NOW - 21 * DAY, None, now=NOW)
    assert after_three_weeks >= needed(stage, 2.0, care)
