"""The attention ledger against its published trace, and many people against one at a time."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.know.attention.ledger import (
    COMPLAINT_LOCK_DAYS,
    HIGHEST,
    REST,
    Entries,
    Kind,
    level_of,
    levels,
    sustainable_per_week,
)
from dangol.know.attention.tariff import FLOOR, needed
from dangol.model.stage import Stage

TRACE = [
    (0, Kind.SENT, 2, 8.0),
    (1, Kind.SENT, 2, 6.13787444),
    (2, Kind.SENT, 2, 4.40411864),
    (2.5, Kind.GIVEN, 2, 6.60044485),
    (5, Kind.GIVEN, 3, 10.15639346),
    (7, Kind.SENT, 2, 8.13557403),
    (7, Kind.SENT, 2, 6.13557403),
    (8, Kind.SENT, 2, 4.40197682),
    (20, Kind.SENT, 0, 7.62435097),
    (21, Kind.GIVEN, 6, 13.78812161),
]

entry = st.tuples(
    st.integers(1, 4),
    st.floats(0, 200).map(lambda days: round(days, 3)),
    st.sampled_from(Kind),
    st.floats(0, 8),
)


@pytest.mark.parametrize("length", range(1, len(TRACE) + 1))
def test_the_trace_has_the_published_digits(length: int) -> None:
    days, _, _, expected = TRACE[length - 1]
    entries = [(at, kind, amount) for at, kind, amount, _ in TRACE[:length]]
    # two messages of one day stand in the trace one after the other
    found = level_of(entries, days)
    assert found == pytest.approx(expected, abs=5e-9)


@given(st.lists(entry, max_size=40), st.floats(0, 250))
def test_everybody_at_once_is_everybody_one_by_one(
    rows: list[tuple[int, float, Kind, float]], now: float
) -> None:
    found = levels(_entries(rows), now)
    for person, level in zip(found.person, found.level, strict=True):
        own = [row[1:] for row in sorted(rows, key=lambda row: row[2]) if row[0] == person]
        assert level == pytest.approx(level_of(own, now))
        assert 0 <= level <= HIGHEST


@given(st.lists(entry, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(
    rows: list[tuple[int, float, Kind, float]], random: Random
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = levels(_entries(rows), 300), levels(_entries(shuffled), 300)
    assert np.allclose(one.level, other.level)


def test_a_complaint_ends_everything_for_ninety_days() -> None:
    found = levels(_entries([(1, 5.0, Kind.COMPLAINED, 0.0), (2, 5.0, Kind.GIVEN, 1.0)]), 5.0)
    assert found.level.tolist() == [0.0, 11.0]
    assert found.locked_until.tolist() == [5.0 + COMPLAINT_LOCK_DAYS, -np.inf]


def test_leaving_one_channel_costs_half_a_rest() -> None:
    assert level_of([(0, Kind.LEFT_CHANNEL, 0)], 0) == REST / 2


def test_without_entries_there_is_nobody() -> None:
    assert levels(_entries([]), 10.0).level.size == 0


@pytest.mark.parametrize(
    ("acts", "engaged", "weekly"),
    [(0, 0.1, 1.667), (0.05, 0.2, 2.531), (1 / 7, 0.3, 4.286), (0.5, 0.5, 13.5)],
)
def test_what_can_be_sustained_has_the_published_digits(
    acts: float, engaged: float, weekly: float
) -> None:
    assert sustainable_per_week(3, acts, 2, engaged, 4) == pytest.approx(weekly, abs=5e-4)


def test_the_further_away_the_quieter() -> None:
    assert set(FLOOR) == set(Stage)
    order = [Stage.LOYAL, Stage.ACTIVE, Stage.LAPSING, Stage.INACTIVE]
    assert [needed(stage, 2) for stage in order] == [4.0, 6.0, 8.0, 9.5]


def _entries(rows: list[tuple[int, float, Kind, float]]) -> Entries:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    kinds = (np.int64, np.float64, np.int8, np.float64)
    return Entries(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))
