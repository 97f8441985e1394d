"""Published parameters come out again, and the mathematics holds where nothing was published."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.errors import InputError
from dangol.know.rhythm.fit import fit
from dangol.know.rhythm.history import from_days, group, histories
from dangol.know.rhythm.likelihood import Likelihood
from dangol.know.rhythm.model import ModelKind
from tests.unit.know.rhythm import cdnow

ANCHORS = [
    ("sample", "bg", (0.242595, 4.413602, 0.792922, 2.425907), -9582.4292, 5e-7),
    ("sample", "mbg", (0.524843, 6.183085, 0.891359, 1.614002), -9582.1357, 5e-7),
    ("master", "bg", (0.2516, 4.789, 0.7234, 2.1611), -95368.44, 5e-4),
    ("master", "mbg", (0.6371, 7.310, 0.8075, 1.2285), -95336.96, 5e-4),
]
ERRORS = {"bg": (0.0126, 0.3782, 0.1857, 0.7054), "mbg": (0.0833, 0.6956, 0.1548, 0.5375)}


def _rows(which):
    return cdnow.load(which).histories(cdnow.CALIBRATION_END)[1]


def _numbers(params):
    return np.array([params.r, params.alpha, params.a, params.b])


@pytest.mark.parametrize(("which", "kind", "params", "value", "near"), ANCHORS)
def test_cdnow_gives_the_known_parameters(which, kind, params, value, near):
    found = fit(_rows(which), ModelKind(kind))
    assert _numbers(found.params) == pytest.approx(np.array(params), abs=near * 1.01, rel=2e-6)
    assert found.log_likelihood == pytest.approx(value, abs=0.005)
    assert found.is_dropout_identified


@pytest.mark.parametrize("kind", ModelKind)
def test_standard_errors_are_the_published_ones(kind):
    found = fit(_rows("sample"), kind)
    assert _numbers(found.errors) == pytest.approx(np.array(ERRORS[kind]), abs=6e-5)


def test_counts_of_cdnow_are_those_of_the_literature():
    sample, master = _rows("sample"), _rows("master")
    assert (sample.customers, sample.repeaters) == (2357, 946)
    assert master.customers == 23570


_params = st.tuples(*[st.floats(0.05, 20)] * 4)


@st.composite
def _histories(draw, most=40):
    n = draw(st.integers(1, most))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 800, n)
    last = np.minimum(rng.integers(0, 800, n), age)
    repeats = np.where(last > 0, rng.integers(1, 60, n), 0)
    return histories(repeats, last, age)


@pytest.mark.parametrize("kind", ModelKind)
@given(rows=_histories(), params=_params)
@settings(max_examples=60, deadline=None)
def test_gradient_is_the_slope_of_the_likelihood(kind, rows, params):
    likelihood = Likelihood(rows, kind)
    at = np.array(params)
    _, gradient = likelihood.value_and_gradient(at)
    for i in range(4):
        step = np.zeros(4)
        step[i] = at[i] * 1e-5
        slope = (likelihood.value(at + step) - likelihood.value(at - step)) / (2 * step[i])
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-5 * (1 + abs(slope)))


@pytest.mark.parametrize("kind", ModelKind)
@pytest.mark.parametrize("which", ["best", "start"])
def test_gradient_on_cdnow_is_the_slope_to_a_millionth(kind, which):
    """Per customer, by central differences of fourth order, which are that exact themselves."""
    rows = _rows("sample")
    likelihood = Likelihood(rows, kind)
    at = _numbers(fit(rows, kind).params) if which == "best" else np.ones(4)
    _, gradient = likelihood.value_and_gradient(at)
    for i in range(4):
        step = np.zeros(4)
        step[i] = at[i] * 1e-3
        near, far = [
            likelihood.value(at + k * step) - likelihood.value(at - k * step) for k in (1, 2)
        ]
        slope = (8 * near - far) / (12 * step[i])
        assert abs(gradient[i] - slope) / rows.customers < 1e-6


@pytest.mark.parametrize("kind", ModelKind)
@given(rows=_histories(), params=_params)
@settings(max_examples=60, deadline=None)
def test_grouping_changes_no_likelihood(kind, rows, params):
    at = np.array(params)
    twice = histories(*(np.tile(c, 2) for c in (rows.repeats, rows.last, rows.age)))
    grouped = group(twice)
    assert grouped.customers == 2 * rows.customers
    assert Likelihood(grouped, kind).value(at) == pytest.approx(
        2 * Likelihood(rows, kind).value(at), rel=1e-10
    )


@pytest.mark.parametrize("kind", ModelKind)
def test_fit_does_not_depend_on_the_unit_of_time(kind):
    rows = _rows("sample")
    slow = histories(rows.repeats, rows.last * 7, rows.age * 7)
    days, weeks = fit(slow, kind), fit(rows, kind)
    expected = _numbers(weeks.params) * [1, 7, 1, 1]
    assert _numbers(days.params) == pytest.approx(expected, rel=1e-4)
    moved = weeks.log_likelihood - (rows.weight @ rows.repeats) * np.log(7)
    assert days.log_likelihood == pytest.approx(moved, abs=1e-4)


@given(
    seed=st.integers(0, 2**32 - 1),
    most=st.sampled_from([1, 5, 10_000]),
    years=st.sampled_from([1, 20]),
    kind=st.sampled_from(ModelKind),
)
@settings(max_examples=20, deadline=None)
def test_any_shop_of_twenty_years_can_be_learned(seed, most, years, kind):
    """Or is refused because nobody came back; nothing overflows."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 60))
    age = rng.integers(0, 365 * years + 1, count)
    last = np.minimum(rng.integers(0, 365 * years + 1, count), age)
    rows = histories(np.where(last > 0, rng.integers(1, most + 1, count), 0), last, age)
    if not rows.repeaters:
        return
    found = fit(rows, kind)
    assert np.isfinite([*_numbers(found.params), found.log_likelihood]).all()
    if found.covariance is not None:
        assert np.isfinite(found.covariance).all()


def test_nobody_returning_is_said_and_not_fitted():
    with pytest.raises(InputError, match="came back"):
        fit(histories([0, 0], [0, 0], [10, 20]))


def test_nobody_leaving_is_noticed():
    rng = np.random.default_rng(3)
    repeats = rng.poisson(50, 500) + 1
    rows = histories(repeats, np.full(500, 363), np.full(500, 364))
    assert not fit(rows).is_dropout_identified


@pytest.mark.parametrize(
    "columns",
    [([1], [0], [5]), ([0], [3], [5]), ([1], [6], [5]), ([-1], [0], [5]), ([0, 1], [0], [5])],
)
def test_impossible_histories_are_refused(columns):
    with pytest.raises(ValueError):
        histories(*columns)


@given(
    orders=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)), max_size=60),
    until=st.integers(0, 60),
)
@settings(deadline=None)
def test_days_are_counted_as_by_hand(orders, until):
    who, rows = from_days([c for c, _ in orders], [d for _, d in orders], until)
    by_hand = {}
    for customer, day in orders:
        if day <= until:
            by_hand.setdefault(customer, set()).add(day)
    assert list(who) == sorted(by_hand)
    for i, customer in enumerate(who):
        days = by_hand[customer]
        assert rows.repeats[i] == len(days) - 1
        assert rows.last[i] == max(days) - min(days)
        assert rows.age[i] == until - min(days)
