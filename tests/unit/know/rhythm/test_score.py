"""Point values at published parameters, and one test that the score is as good as it was."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from dangol.know.rhythm.calendar import number_of
from dangol.know.rhythm.fit import fit
from dangol.know.rhythm.forecast import expected_of_newcomer, expected_orders
from dangol.know.rhythm.history import Histories, histories
from dangol.know.rhythm.likelihood import Likelihood
from dangol.know.rhythm.model import ModelKind, Params
from dangol.know.rhythm.score import first_horizon, p_active, p_alive, score
from tests.unit.know.rhythm import cdnow

BG = Params(r=0.243, alpha=4.414, a=0.793, b=2.426)
MBG = Params(r=0.525, alpha=6.183, a=0.891, b=1.614)


def _weeks(x, last, age):
    """One history in (possibly broken) weeks; the functions only divide the days by seven."""
    one = np.array([x]), np.array([last * 7.0]), np.array([age * 7.0]), np.array([1])
    return Histories(*one)


@pytest.mark.parametrize(
    ("x", "last", "age", "alive", "cet"),
    [
        (0, 0, 38.86, 1.0, 0.25207302),
        (1, 1.71, 38.86, 0.21210099, 0.25982346),
        (2, 30.43, 38.86, 0.72657857, 1.55872081),
        (10, 20, 39, 0.03811431, 0.34739976),
        (15, 20, 39, 0.00319344, 0.04282718),
        (20, 20, 39, 0.00023496, 0.00415843),
        (25, 20, 39, 0.00001630, 0.00035833),
    ],
)
def test_bg_points(x, last, age, alive, cet):
    row = _weeks(x, last, age)
    assert p_alive(BG, ModelKind.BG, row)[0] == pytest.approx(alive, abs=5e-9)
    assert expected_orders(BG, ModelKind.BG, row, 52 * 7)[0] == pytest.approx(cet, abs=5e-9)


@pytest.mark.parametrize(
    ("x", "last", "age", "value"),
    [(0, 0, 38.86, -0.55471328), (1, 1.71, 38.86, -4.46909328), (2, 30.43, 38.86, -9.45860631)],
)
def test_bg_likelihood_of_one(x, last, age, value):
    found = Likelihood(_weeks(x, last, age), ModelKind.BG).value(
        np.array([0.243, 4.414, 0.793, 2.426])
    )
    assert found == pytest.approx(value, abs=5e-9)


def test_bg_activity_and_published_expectation():
    assert p_active(BG, ModelKind.BG, _weeks(0, 0, 38.86), 28)[0] == pytest.approx(
        0.02125414, abs=5e-9
    )
    cet = expected_orders(BG, ModelKind.BG, _weeks(2, 30.43, 38.86), 39 * 7)[0]
    assert cet == pytest.approx(1.226028, abs=5e-7)


def test_bg_newcomers():
    days = np.array([0.1429, 1, 3, 31.8571, 32, 78]) * 7
    found = expected_of_newcomer(BG, ModelKind.BG, days)
    assert found == pytest.approx([0.0078, 0.0533, 0.1509, 1.0420, 1.0452, 1.8605], abs=5e-5)
    best = fit(cdnow.load("sample").histories(cdnow.CALIBRATION_END)[1], ModelKind.BG).params
    found = expected_of_newcomer(best, ModelKind.BG, days)
    known = [0.007816, 0.053185, 0.150632, 1.040494, 1.043737, 1.857972]
    assert found == pytest.approx(known, abs=2e-5)  # of weeks rounded to two decimals


@pytest.mark.parametrize(
    ("x", "last", "age", "gap", "horizon", "alive", "silence", "p"),
    [
        (0, 0, 0, 11.777143, 23.554286, 0.644311, 1.0, 0.361828),
        (0, 0, 10, 11.777143, 23.554286, 0.522234, 0.603425, 0.196366),
        (0, 0, 38.86, 11.777143, 23.554286, 0.389735, 0.352554, 0.077226),
        (2, 30.43, 38.86, 14.500198, 29.000396, 0.706202, 0.592612, 0.504883),
        (10, 36, 38.86, 4.007886, 8.015772, 0.867287, 0.501354, 0.712576),
        (10, 20, 38.86, 2.487696, 4.975392, 0.041397, 0.003313, 0.027655),
        (26, 38, 38.86, 1.665712, 3.331423, 0.948943, 0.599694, 0.805964),
    ],
)
def test_mbg_points(x, last, age, gap, horizon, alive, silence, p):
    found = score(MBG, ModelKind.MBG, _weeks(x, last, age))
    assert found.gap_days[0] / 7 == pytest.approx(gap, abs=6e-7)
    assert found.horizon_days[0] / 7 == pytest.approx(horizon, abs=6e-7)
    assert found.p_alive[0] == pytest.approx(alive, abs=6e-7)
    assert found.silence[0] == pytest.approx(silence, abs=6e-7)
    assert found.p[0] == pytest.approx(p, abs=6e-7)


def test_mbg_expectations_agree_with_each_other():
    """Tower property: what a newcomer will do is the mean of what each history will do."""
    rng = np.random.default_rng(5)
    n = 30_000
    rate = rng.gamma(MBG.r, 1 / MBG.alpha, n)
    leave = rng.beta(MBG.a, MBG.b, n)
    survived = rng.geometric(np.maximum(leave, 1e-12)) - 1
    capped = np.minimum(survived, 400)
    times = np.cumsum(rng.exponential(1, (400, n)), axis=0) / np.maximum(rate, 1e-12)
    counts = [(times[:, :] <= t) & (np.arange(400)[:, None] < capped) for t in (20.0, 40.0)]
    mean = counts[0].sum() / n
    assert expected_of_newcomer(MBG, ModelKind.MBG, np.array([140.0]))[0] == pytest.approx(
        mean, rel=0.04
    )
    x = counts[0].sum(axis=0)
    last = np.where(counts[0], times, 0).max(axis=0)
    rows = Histories(x, last * 7, np.full(n, 140.0), np.ones(n, int))
    later = (counts[1].sum() - counts[0].sum()) / n
    assert expected_orders(MBG, ModelKind.MBG, rows, 140).mean() == pytest.approx(later, rel=0.06)


@pytest.mark.parametrize(
    ("kind", "total", "error", "correlation"),
    [(ModelKind.BG, 1653.4, 0.7855, 0.6256), (ModelKind.MBG, 1576.7, 0.7648, 0.6273)],
)
def test_cdnow_comes_as_it_was_forecast(kind, total, error, correlation):
    """Fitted to 39 weeks, asked for the 39 that follow: 1,882 order days came."""
    log = cdnow.load("sample")
    customers, rows = log.histories(cdnow.CALIBRATION_END)
    days = np.unique(np.stack([log.customer, log.day], axis=1), axis=0)
    later = days[days[:, 1] > number_of(cdnow.CALIBRATION_END), 0]
    names = {name: place for place, name in enumerate(log.customers)}
    place = [names[name] for name in customers]
    came = np.bincount(later, minlength=len(log.customers))[place]
    found = expected_orders(fit(rows, kind).params, kind, rows, 39 * 7)
    assert came.sum() == 1882
    assert found.sum() == pytest.approx(total, abs=0.05)
    assert np.abs(found - came).mean() == pytest.approx(error, abs=5e-5)
    assert np.corrcoef(found, came)[0, 1] == pytest.approx(correlation, abs=1e-4)
    if kind is ModelKind.BG:
        by_repeats = [found[np.minimum(rows.repeats, 7) == x].mean() for x in range(8)]
        published = [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157]
        assert by_repeats == pytest.approx(published, abs=6e-4)


@given(
    x=st.integers(0, 2_000_000),
    last=st.integers(1, 2_000_000),
    more=st.integers(0, 100_000),
    kind=st.sampled_from(ModelKind),
    params=st.tuples(*[st.floats(math.exp(-10), math.exp(12))] * 4),
)
@settings(deadline=None)
def test_scores_are_finite_for_any_history_and_any_model(x, last, more, kind, params):
    last = last if x else 0
    r, alpha, a, b = params
    found = score(Params(r=r, alpha=alpha, a=a, b=b), kind, histories([x], [last], [last + more]))
    for value in (found.p, found.p_alive, found.silence):
        assert 0 <= value[0] <= 1
    assert 7 <= found.horizon_days[0] <= 364
    assert np.isfinite(found.gap_days[0])


@given(
    x=st.integers(0, 10_000),
    last=st.integers(1, 7300),
    more=st.integers(0, 7300),
    kind=st.sampled_from(ModelKind),
    params=st.tuples(*[st.floats(math.exp(-10), math.exp(12))] * 4),
    days=st.sampled_from([1, 30, 365, 3650]),
)
@settings(deadline=None)
def test_expectations_are_finite_for_twenty_years_of_orders(x, last, more, kind, params, days):
    last = min(last, 7300) if x else 0
    r, alpha, a, b = params
    rows = histories([x], [last], [last + more])
    found = expected_orders(Params(r=r, alpha=alpha, a=a, b=b), kind, rows, days)[0]
    assert 0 <= found <= (r + x) * days / 7 / (alpha + rows.age[0] / 7) * (1 + 1e-9)


@pytest.mark.parametrize("kind", ModelKind)
def test_expectations_are_those_of_the_formula_as_published(kind):
    """Euler's transformation only writes it anew."""
    rng = np.random.default_rng(6)
    age = rng.integers(0, 730, 500)
    last = np.minimum(rng.integers(0, 730, 500), age)
    rows = histories(np.where(last > 0, rng.integers(1, 60, 500), 0), last, age)
    first = 1 if kind is ModelKind.MBG else 0
    r, alpha, a, b, t = 1.8, 9.0, 0.9, 4.5, 52.0
    since, total = alpha + rows.age / 7, a + b + rows.repeats + first - 1
    series = hyp2f1(r + rows.repeats, b + rows.repeats + first, total, t / (since + t))
    shrunk = 1 - (since / (since + t)) ** (r + rows.repeats) * series
    params = Params(r=r, alpha=alpha, a=a, b=b)
    expected = p_alive(params, kind, rows) * total / (a - 1) * shrunk
    assert expected_orders(params, kind, rows, 364) == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 60), st.integers(1, 700), st.integers(0, 700), st.integers(1, 100))
@settings(deadline=None)
def test_silence_never_raises_p(x, last, quiet, longer):
    last = last if x else 0
    rows = histories([x, x], [last, last], [last + quiet, last + quiet + longer])
    p = score(MBG, ModelKind.MBG, rows).p
    assert p[1] <= p[0]


def test_first_horizon_is_two_gaps_of_a_newcomer():
    assert first_horizon(MBG) / 7 == pytest.approx(23.554286, abs=1e-6)
