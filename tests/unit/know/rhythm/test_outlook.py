"""What is said of the year ahead is what comes, as often as it says."""

import numpy as np
import pytest
from msgspec.structs import replace

from dangol.know.rhythm.history import Histories, from_days, histories
from dangol.know.rhythm.model import Params, Spend, SpendProblem
from dangol.know.rhythm.outlook import _play, _stacked, outlook, outlook_of_all
from dangol.know.rhythm.spend import Amounts, amounts, fit_spend
from dangol.know.rhythm.uncertainty import draw_models, spread
from tests.unit.know.rhythm.crowd import SHOP, simulate
from tests.unit.know.rhythm.test_uncertainty import CDNOW, learn

SPEND = Spend(p=6.2, q=3.7, gamma=15_400.0, currency="KRW", customers=400, correlation=0.0)
NOTHING_PAID = amounts([0], [0])


def _shop(seed, customers=600):
    """A shop after two years, its model, and how many orders each had in the year after."""
    crowd = simulate(SHOP, customers, 1095, seed)
    who, rows = from_days(crowd.customer, crowd.day, 730)
    days = np.unique(np.stack([crowd.customer, crowd.day], axis=1), axis=0)
    came = np.bincount(days[days[:, 1] > 730, 0], minlength=customers)[who]
    return replace(learn(rows), spend=SPEND), rows, came


def _one(rows: Histories, i: int) -> Histories:
    return Histories(
        *(column[i : i + 1] for column in (rows.repeats, rows.last, rows.age, rows.weight))
    )


def test_eight_in_ten_come_as_often_as_said():
    model, rows, came = _shop(5)
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(rows), 150, replace=False)
    inside, expected = [], 0.0
    for i in chosen:
        told = outlook(model, _one(rows, i), NOTHING_PAID, 365, seed=int(i))
        assert 0 <= told.orders.low <= told.orders.high
        inside.append(told.orders.low <= came[i] <= told.orders.high)
        expected += told.orders.mean
    assert 0.75 <= np.mean(inside) <= 0.98  # counts are whole, so ranges hold a little more
    assert expected == pytest.approx(came[chosen].sum(), rel=0.25)


def test_the_range_of_everyone_is_that_of_playing_everyone_with_many_models():
    model, rows, _ = _shop(5, 300)
    none = Amounts(np.zeros(len(rows), int), np.zeros(len(rows)))
    total, orders, spend = outlook_of_all(model, rows, none, 365)
    assert orders.sum() == pytest.approx(total.orders.mean)
    assert spend.sum() == pytest.approx(total.spend.mean)
    models, rng = draw_models(model, 1000), np.random.default_rng(1)
    played = _play(_stacked(models), model.kind, rows, (365, 1), rng).reshape(len(models), -1)
    low, high = spread(played.sum(axis=1))
    assert total.orders.high - total.orders.low == pytest.approx(high - low, rel=0.15)
    assert total.orders.low < total.orders.mean < total.orders.high


@pytest.mark.soak
@pytest.mark.parametrize("truth", [SHOP, CDNOW, Params(r=1.8, alpha=9, a=0.9, b=4.5)])
def test_next_years_orders_and_spend_lie_inside_eight_times_in_ten(truth):
    """Of 300 shops with 300 customers each, learned anew each time, amounts as well."""
    held = np.array([told for seed in range(3000, 3300) if (told := _held(truth, seed))])
    assert len(held) >= 280
    for share in held.mean(axis=0):
        assert 0.75 <= share <= 0.85


def _held(truth, seed):
    """Whether orders, and spend, came out within the range; None where no range is given."""
    crowd = simulate(truth, 300, 1095, seed)
    who, rows = from_days(crowd.customer, crowd.day, 730)
    days = np.unique(np.stack([crowd.customer, crowd.day], axis=1), axis=0)
    rng = np.random.default_rng(seed + 10**6)
    level = rng.gamma(SPEND.q, 1 / SPEND.gamma, 300)
    paid = rng.gamma(SPEND.p, 1, len(days)) / level[days[:, 0]]
    later = np.r_[False, days[1:, 0] == days[:-1, 0]] & np.isin(days[:, 0], who)
    past, ahead = later & (days[:, 1] <= 730), later & (days[:, 1] > 730)
    known = amounts(
        np.bincount(days[past, 0], minlength=300)[who],
        np.bincount(days[past, 0], paid[past], 300)[who],
    )
    model = replace(learn(rows), spend=fit_spend(known, "KRW"))
    told, _, _ = outlook_of_all(model, rows, known, 365)
    if told is None or told.spend is None:
        return None
    came = ahead.sum(), paid[ahead].sum()
    return [
        one.low <= true <= one.high
        for one, true in zip((told.orders, told.spend), came, strict=True)
    ]


def test_money_follows_the_own_amounts():
    model, *_ = _shop(6)
    row = histories([8], [500], [510])
    small, large = (outlook(model, row, amounts([8], [8 * one]), 365, 1) for one in (5e3, 5e4))
    assert small.orders == large.orders
    assert small.spend.mean < large.spend.mean
    assert small.spend.low <= small.spend.mean <= small.spend.high
    assert large.currency == "KRW"


def test_what_is_not_known_is_not_said():
    model, _, _ = _shop(6)
    row = histories([8], [500], [510])
    told = outlook(replace(model, spend=SpendProblem.CORRELATED), row, NOTHING_PAID, 365, 1)
    assert (told.spend, told.problem) == (None, SpendProblem.CORRELATED)
    assert outlook(replace(model, covariance=None), row, NOTHING_PAID, 365, 1) is None
    rows = histories([8, 0], [500, 0], [510, 30])
    none = Amounts(np.zeros(2, int), np.zeros(2))
    total, orders, spend = outlook_of_all(replace(model, covariance=None), rows, none, 365)
    assert total is None
    assert (len(orders), len(spend)) == (2, 2)


def test_the_same_seed_gives_the_same_outlook():
    model, rows, _ = _shop(6)
    row = _one(rows, 3)
    assert outlook(model, row, NOTHING_PAID, 365, 7) == outlook(model, row, NOTHING_PAID, 365, 7)


@pytest.mark.parametrize(("x", "last", "age"), [(0, 0, 0), (10_000, 7300, 7300), (1, 1, 7300)])
def test_any_history_has_a_finite_outlook(x, last, age):
    model, _, _ = _shop(6)
    told = outlook(model, histories([x], [last], [age]), amounts([x], [x * 100.0]), 365, 1)
    for one in (told.orders, told.spend):
        assert np.isfinite([one.mean, one.low, one.high]).all()
