"""How many orders are still to come: expectations that need the hypergeometric function."""

import numpy as np
from scipy.special import hyp2f1

from dangol.know.rhythm.history import Histories
from dangol.know.rhythm.model import ModelKind, Params
from dangol.know.rhythm.score import WEEK, Array, p_alive


def expected_orders(params: Params, kind: ModelKind, rows: Histories, days: float) -> Array:
    """E[orders within the next `days` | history], per row.

    Sources: BG/NBD Fader, Hardie & Lee 2005, eq. 10; MBG/NBD Wagner & Hoppe 2008. The pole at
    a = 1 can be removed, so it is stepped around.
    """
    r, alpha, a, b = params.r, params.alpha, _off_one(params.a), params.b
    first = 1.0 if kind is ModelKind.MBG else 0.0
    x, age, ahead = rows.repeats, rows.age / WEEK, days / WEEK
    total = a + b + x + first - 1
    ratio = ((alpha + age) / (alpha + age + ahead)) ** (r + x)
    series = hyp2f1(r + x, b + x + first, total, ahead / (alpha + age + ahead))
    return p_alive(params, kind, rows) * total / (a - 1) * (1 - ratio * series)


def expected_of_newcomer(params: Params, kind: ModelKind, days: Array) -> Array:
    """E[repeat orders within the first `days` of a customer about whom nothing is known]."""
    r, alpha, a, b = params.r, params.alpha, _off_one(params.a), params.b
    first = 1.0 if kind is ModelKind.MBG else 0.0
    time = np.asarray(days, dtype=np.float64) / WEEK
    series = hyp2f1(r, b + first, a + b + first - 1, time / (alpha + time))
    factor = b if kind is ModelKind.MBG else a + b - 1
    return factor / (a - 1) * (1 - (alpha / (alpha + time)) ** r * series)


def _off_one(a: float) -> float:
    return a + 1e-6 if abs(a - 1) < 1e-6 else a
