"""What an order is worth: published numbers, the slope, and when nothing is said."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.know.rhythm.model import Spend, SpendProblem
from dangol.know.rhythm.spend import (
    Amounts,
    SpendLikelihood,
    amounts,
    correlation,
    expected_amount,
    fit_spend,
)


def _cdnow():
    spec = find_spec("lifetimes")
    folder = Path(spec.submodule_search_locations[0]) / "datasets"
    table = np.genfromtxt(
        folder / "cdnow_customers_summary_with_transactions.csv", delimiter=",", names=True
    )
    return Amounts(table["x"].astype(int), table["zbar"])


def test_cdnow_gives_the_known_parameters():
    rows = _cdnow()
    found = fit_spend(rows, "USD")
    assert (found.p, found.q, found.gamma) == pytest.approx((6.24880, 3.74459, 15.44775), abs=1e-5)
    assert (found.customers, found.correlation) == (946, pytest.approx(0.114, abs=5e-4))
    back = rows.orders > 0
    likelihood = SpendLikelihood(Amounts(rows.orders[back], rows.mean[back]))
    value, slope = likelihood.value_and_gradient(np.array([found.p, found.q, found.gamma]))
    assert value == pytest.approx(-4055.9232, abs=5e-5)
    assert np.abs(slope).max() < 1e-3
    assert found.p * found.gamma / (found.q - 1) == pytest.approx(35.1710, abs=5e-5)


def test_points_at_the_published_parameters():
    spend = Spend(p=6.25, q=3.74, gamma=15.44, currency="USD", customers=946, correlation=0.1)
    found = expected_amount(spend, amounts([2, 1, 0], [2 * 22.35, 11.77, 0]))
    assert found == pytest.approx([24.663714, 18.916852, 35.218978], abs=5e-7)


@given(st.integers(0, 2**32 - 1), st.tuples(*[st.floats(0.1, 30)] * 3))
@settings(max_examples=60, deadline=None)
def test_gradient_is_the_slope_of_the_likelihood(seed, at):
    rng = np.random.default_rng(seed)
    likelihood = SpendLikelihood(Amounts(rng.integers(1, 30, 20), rng.gamma(2, 10, 20) + 0.1))
    _, gradient = likelihood.value_and_gradient(np.array(at))
    for i in range(3):
        step = np.zeros(3)
        step[i] = at[i] * 1e-5
        up = likelihood.value_and_gradient(np.array(at) + step)[0]
        down = likelihood.value_and_gradient(np.array(at) - step)[0]
        slope = (up - down) / (2 * step[i])
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-5 * (1 + abs(slope)))


def test_the_unit_of_money_changes_nothing_but_gamma():
    rows = _cdnow()
    dollars, cents = fit_spend(rows, "USD"), fit_spend(Amounts(rows.orders, rows.mean * 100), "USD")
    assert (cents.p, cents.q) == pytest.approx((dollars.p, dollars.q), rel=1e-5)
    assert cents.gamma == pytest.approx(dollars.gamma * 100, rel=1e-5)


def test_nothing_is_said_of_few_of_bound_or_of_boundless_amounts():
    rng = np.random.default_rng(1)
    orders = rng.integers(1, 20, 200)
    assert fit_spend(Amounts(orders[:29], np.full(29, 9.0)), "KRW") is SpendProblem.TOO_FEW
    tied = Amounts(orders, orders * 100.0)
    assert correlation(tied) == pytest.approx(1)
    assert fit_spend(tied, "KRW") is SpendProblem.CORRELATED
    wild = Amounts(np.ones(400, int), rng.pareto(0.3, 400) + 1)
    assert fit_spend(wild, "KRW") is SpendProblem.NO_MEAN
    assert fit_spend(amounts([3, 0], [0, 0]), "KRW") is SpendProblem.TOO_FEW
