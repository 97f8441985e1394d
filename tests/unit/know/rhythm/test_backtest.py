"""The comparison with fixed rules gives the known numbers, and admits when a rule is as good."""

import datetime as dt

import numpy as np
import pytest

from dangol.cli.rhythm_words import backtest_words
from dangol.errors import InputError
from dangol.know.rhythm.backtest import auc, choose_cuts, compare, information
from dangol.know.rhythm.calendar import number_of
from dangol.know.rhythm.orderlog import OrderLog
from tests.unit.know.rhythm import cdnow
from tests.unit.know.rhythm.crowd import SHOP, simulate

CUTS = [dt.date(1997, 9, 30), dt.date(1997, 12, 31), dt.date(1998, 3, 31)]
KNOWN = {
    30: {
        "30 days": (0.633, 0.0594, 0.2295),
        "60 days": (0.684, 0.0585, 0.2228),
        "90 days": (0.712, 0.0582, 0.2189),
        "ladder 30/60/90": (0.719, 0.0578, 0.2178),
        "BG/NBD": (0.803, 0.0536, 0.1997),
        "MBG/NBD": (0.805, 0.0536, 0.1994),
    },
    90: {
        "30 days": (0.616, 0.1217, 0.4049),
        "60 days": (0.669, 0.1169, 0.3891),
        "90 days": (0.700, 0.1145, 0.3798),
        "ladder 30/60/90": (0.704, 0.1137, 0.3783),
        "BG/NBD": (0.796, 0.1041, 0.3479),
        "MBG/NBD": (0.799, 0.1041, 0.3476),
    },
}
"""AUC, Brier score and log-loss on the whole CDNOW log, means over three cuts."""
START = dt.date(2024, 1, 1)


@pytest.mark.parametrize("days", KNOWN)
def test_cdnow_gives_the_known_comparison(days):
    found = compare(cdnow.load("master"), days, CUTS)
    for name, known in KNOWN[days].items():
        one = found.methods[name]
        assert (one.auc, one.brier, one.log_loss) == pytest.approx(known, abs=6e-4)
        assert one.log_loss == pytest.approx(known[2], abs=6e-5)
    assert not found.is_rule_as_good
    assert found.methods["MBG/NBD"].information > found.methods[found.best_rule].information
    if days == 30:
        assert found.methods["MBG/NBD"].log_loss <= 0.201
        assert "forecasts better than the best fixed rule" in backtest_words(found)


def _log(customer, day):
    start = number_of(START)
    count = int(customer.max()) + 1
    names = [str(one) for one in range(count)]
    return OrderLog(names, customer, day + start, None)


def test_where_everyone_is_alike_a_fixed_rule_is_as_good():
    """One rate for all and nobody leaves: whoever was here last tells nothing, and so it is said."""
    rng = np.random.default_rng(3)
    day = np.cumsum(rng.exponential(25, (400, 60)), axis=1).astype(int)
    customer = np.repeat(np.arange(400), 60)
    kept = day.ravel() < 500
    found = compare(_log(customer[kept], day.ravel()[kept]), 30)
    assert found.is_rule_as_good
    assert "A fixed rule is as good here" in backtest_words(found)


def test_a_rule_that_is_better_is_said_to_be():
    """Nobody stays away longer than two months and comes again: sixty days say all there is to say."""
    rng = np.random.default_rng(1)
    gaps = rng.integers(3, 60, (300, 8))
    day = np.c_[rng.integers(0, 200, 300), gaps].cumsum(axis=1)
    stays = np.arange(9) < rng.integers(1, 10, 300)[:, None]
    found = compare(_log(np.repeat(np.arange(300), 9)[stays.ravel()], day[stays]), 30)
    assert found.is_rule_as_good
    assert found.is_rule_better
    assert "A fixed rule is better here: the rule of 60 days" in backtest_words(found)


def test_cuts_are_chosen_where_there_is_a_past_and_a_future():
    crowd = simulate(SHOP, 600, 400, 2)
    log = _log(crowd.customer, crowd.day)
    cuts = choose_cuts(log, 30)
    assert len(cuts) == 3
    assert min(cuts) - log.first >= dt.timedelta(120)
    assert log.last - max(cuts) >= dt.timedelta(30)
    found = compare(log, 30)
    assert found.cuts == cuts
    assert found.methods["MBG/NBD"].log_loss < 0.7


def test_too_little_is_refused_with_what_is_missing():
    crowd = simulate(SHOP, 600, 130, 2)
    with pytest.raises(InputError, match="150 are needed"):
        compare(_log(crowd.customer, crowd.day), 30)
    crowd = simulate(SHOP, 30, 400, 2)
    with pytest.raises(InputError, match="had come back"):
        compare(_log(crowd.customer, crowd.day), 30)
    with pytest.raises(InputError, match="after the last cut"):
        compare(_log(crowd.customer, crowd.day), 30, [START + dt.timedelta(399)])


def test_measures_are_those_of_the_book():
    came = np.array([True, False, True, False])
    assert auc(np.array([0.9, 0.1, 0.8, 0.2]), came) == 1
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), came) == 0.5
    assert auc(np.array([0.5, 0.4]), np.array([False, False])) == 0.5
    assert information(np.array([1, 0, 1, 0]), came) == pytest.approx(1)
    assert information(np.array([1, 1, 0, 0]), came) == pytest.approx(0)
    assert information(np.array([1, 0]), np.array([True, True])) == 0
