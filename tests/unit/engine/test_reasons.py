"""Why somebody is evaluated, and when an interest has faded."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.engine.standing.due import fading_dues
from dangol.engine.standing.reasons import CAUSES, EPOCH, reasons, strongest
from dangol.know.segment.interest import least_weight
from dangol.model.event import Cause

_FOREVER = (0, 2**62)


def test_of_several_reasons_the_strongest_counts_and_of_equal_ones_the_first() -> None:
    parts = [
        reasons(np.array([1, 2, 3]), Cause.HISTORY, 10),
        reasons(np.array([3, 1]), Cause.TIME, np.array([30, 31]), depth=1),
        reasons(np.array([1]), Cause.TIME, 99, depth=2),
    ]
    found = strongest(parts, np.array([1, 3]))
    assert found.customer.tolist() == [1, 3]
    assert [CAUSES[cause] for cause in found.cause] == [Cause.TIME, Cause.TIME]
    assert (found.at.tolist(), found.depth.tolist()) == ([31, 30], [1, 1])


@given(
    days=st.floats(0, 4_000),
    score=st.sampled_from([0.5, 1.5, 3.0, 20.0]),
    above=st.floats(1.0001, 50),
)
def test_an_interest_counts_until_it_is_due_and_not_from_then_on(
    days: float, score: float, above: float
) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=days)
    weight = least_weight(score, now) * above
    due = fading_dues(np.array([7]), np.array([weight]), score, 0, _FOREVER)
    at = EPOCH + timedelta(microseconds=int(due.at[0]))
    assert at > now
    assert weight < least_weight(score, at)
    assert weight >= least_weight(score, at - timedelta(microseconds=20))


@pytest.mark.parametrize("score", [0.0, 1e-9])
def test_a_score_of_nothing_never_fades(score: float) -> None:
    assert len(fading_dues(np.array([7]), np.array([1.0]), score, 0, _FOREVER).at) == 0
