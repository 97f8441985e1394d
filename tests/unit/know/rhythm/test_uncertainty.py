"""Of shops with 300 customers: the truth lies inside the 80 % interval eight times in ten."""

import datetime as dt

import msgspec
import numpy as np
import pytest

from dangol.know.rhythm.fit import as_model, fit
from dangol.know.rhythm.forecast import expected_orders
from dangol.know.rhythm.model import Params, RhythmModel
from dangol.know.rhythm.score import p_active, score
from dangol.know.rhythm.uncertainty import draw_models, p_interval, spread
from tests.unit.know.rhythm.crowd import SHOP, simulate

CDNOW = Params(r=0.525, alpha=6.183, a=0.891, b=1.614)


def learn(rows) -> RhythmModel:
    at = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    return as_model(fit(rows), at.date(), at)


def coverage(truth: Params, seeds: range) -> tuple[float, float]:
    """How often the interval holds the truth: of p, and of next year's orders.

    A few shops have no visible leaving at all; there no interval is given, and none is counted.
    """
    of_p, of_orders, unknown = [], [], 0
    for seed in seeds:
        rows = simulate(truth, 300, 730, seed).histories(730)
        model = learn(rows)
        models = draw_models(model)
        if not models:
            unknown += 1
            continue
        days = score(model.params, model.kind, rows).horizon_days
        low, high = p_interval(models, model.kind, rows, days)
        true = p_active(truth, model.kind, rows, days)
        of_p.append(((low <= true) & (true <= high)).mean())
        orders = [expected_orders(one, model.kind, rows, 365) for one in models]
        low, high = spread(np.array(orders))
        true = expected_orders(truth, model.kind, rows, 365)
        of_orders.append(((low <= true) & (true <= high)).mean())
    assert unknown <= 0.05 * len(seeds)
    return float(np.mean(of_p)), float(np.mean(of_orders))


def test_the_truth_lies_inside_eight_times_in_ten():
    for share in coverage(SHOP, range(24)):
        assert 0.75 <= share <= 0.85


@pytest.mark.soak
@pytest.mark.parametrize("truth", [SHOP, CDNOW, Params(r=1.8, alpha=9, a=0.9, b=4.5)])
def test_the_truth_lies_inside_in_many_shops(truth):
    for share in coverage(truth, range(1000, 1400)):
        assert 0.75 <= share <= 0.85


def test_the_same_seed_gives_the_same_interval():
    rows = simulate(SHOP, 300, 730, 5).histories(730)
    model = learn(rows)
    assert draw_models(model) == draw_models(model)
    assert draw_models(model, seed=1) != draw_models(model)


def test_an_unknown_doubt_is_not_made_up():
    rows = simulate(SHOP, 300, 730, 5).histories(730)
    assert draw_models(msgspec.structs.replace(learn(rows), covariance=None)) == []
