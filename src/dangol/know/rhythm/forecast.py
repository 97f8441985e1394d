"""How many orders are still to come: expectations that need the hypergeometric function.

Written as published, its parameters grow with the number of orders and overflow; by Euler's
transformation F(A, B; C; z) = (1-z)^(C-A-B) F(C-A, C-B; C; z) the same value has parameters that do
not grow. Where even that fails (extreme models), the expectation is summed over the quantiles of
the probability of leaving.
"""

import numpy as np
from scipy.special import betaincinv, hyp2f1

from dangol.know.rhythm.history import Histories
from dangol.know.rhythm.model import ModelKind, Params
from dangol.know.rhythm.score import WEEK, Array, p_alive

_QUANTILES = (np.arange(200) + 0.5) / 200


def expected_orders(params: Params, kind: ModelKind, rows: Histories, days: float) -> Array:
    """E[orders within the next `days` | history], per row; finite, and 0 at the least.

    Sources: BG/NBD Fader, Hardie & Lee 2005, eq. 10; MBG/NBD Wagner & Hoppe 2008. The pole at
    a = 1 can be removed, so it is stepped around.
    """
    r, alpha, a, b = params.r, params.alpha, _off_one(params.a), params.b
    first = 1.0 if kind is ModelKind.MBG else 0.0
    x, age, ahead = rows.repeats, rows.age / WEEK, days / WEEK
    total = a + b + x + first - 1
    most = (r + x) * ahead / (alpha + age)
    passed = ahead / (alpha + age + ahead)
    with np.errstate(all="ignore"):
        kept = (1 - passed) ** (a - 1) * hyp2f1(a + b + first - 1 - r, a - 1, total, passed)
        orders = total / (a - 1) * (1 - kept)
    fails = ~(np.isfinite(orders) & (orders >= -1e-9) & (orders <= most * (1 + 1e-6)))
    if fails.any():
        some = Histories(*(column[fails] for column in (x, rows.last, rows.age, rows.weight)))
        orders[fails] = _summed(params, first, some, ahead)
    return p_alive(params, kind, rows) * np.clip(orders, 0, most)


def expected_of_newcomer(params: Params, kind: ModelKind, days: Array) -> Array:
    """E[repeat orders within the first `days` of a customer about whom nothing is known]."""
    r, alpha, a, b = params.r, params.alpha, _off_one(params.a), params.b
    first = 1.0 if kind is ModelKind.MBG else 0.0
    time = np.asarray(days, dtype=np.float64) / WEEK
    series = hyp2f1(r, b + first, a + b + first - 1, time / (alpha + time))
    factor = b if kind is ModelKind.MBG else a + b - 1
    return factor / (a - 1) * (1 - (alpha / (alpha + time)) ** r * series)


def _summed(params: Params, first: float, rows: Histories, ahead: float) -> Array:
    """E over p ~ Beta(a, b+n) of (1 - ((α+T)/(α+T+pt))^(r+x)) / p, for who has not left."""
    stays = np.maximum(params.b + rows.repeats + first, 1e-9)[:, None]
    leaves = np.maximum(betaincinv(params.a, stays, _QUANTILES), 1e-12)
    since = params.alpha + rows.age[:, None] / WEEK
    shape = params.r + rows.repeats[:, None]
    return (-np.expm1(-shape * np.log1p(leaves * ahead / since)) / leaves).mean(axis=1)


def _off_one(a: float) -> float:
    return a + 1e-6 if abs(a - 1) < 1e-6 else a
