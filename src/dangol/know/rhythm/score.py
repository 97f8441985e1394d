"""One history seen through the model: own gap, own horizon, and what is to be expected."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dangol.know.rhythm.history import Histories
from dangol.know.rhythm.model import ModelKind, Params

Array = NDArray[np.float64]

WEEK = 7.0
SHORTEST_HORIZON = 7.0
LONGEST_HORIZON = 364.0
GAPS_AHEAD = 2.0
"""The own horizon is about two expected gaps."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Arrays of one length, one row per history."""

    gap_days: Array
    """G = (α+t_x)/(r+x): the own mean gap as known at the last order, shrunk to everybody's."""
    horizon_days: Array
    """H = 2G, at least 7 and at most 364."""
    p: Array
    """P(at least one order within the next H days)."""
    p_alive: Array
    """P(has not left)."""
    silence: Array
    """S = ((α+t_x)/(α+T))^(r+x): how often somebody with this rhythm is silent this long."""


def score(params: Params, kind: ModelKind, rows: Histories) -> Scores:
    """Everything a stage needs, for all rows at once; numbers are finite for any history."""
    x = rows.repeats.astype(np.float64)
    last, age = rows.last / WEEK, rows.age / WEEK
    shape = params.r + x
    gap = (params.alpha + last) / shape * WEEK
    horizon = np.clip(GAPS_AHEAD * gap, SHORTEST_HORIZON, LONGEST_HORIZON)
    alive = p_alive(params, kind, rows)
    return Scores(
        gap_days=gap,
        horizon_days=horizon,
        p=alive * _any_order(params, shape, age, horizon / WEEK),
        p_alive=alive,
        silence=np.exp(shape * (np.log(params.alpha + last) - np.log(params.alpha + age))),
    )


def p_alive(params: Params, kind: ModelKind, rows: Histories) -> Array:
    """P(has not left yet | history).

    Sources: BG/NBD Fader, Hardie & Lee 2008 note on P(alive); MBG/NBD Batislam et al. 2007.
    """
    throws = rows.repeats + (1.0 if kind is ModelKind.MBG else 0.0)
    shape = params.r + rows.repeats
    quiet = np.log(params.alpha + rows.age / WEEK) - np.log(params.alpha + rows.last / WEEK)
    coin = np.log(params.a) - np.log(params.b + np.maximum(throws, 1.0) - 1.0)
    z = np.where(throws > 0, coin + shape * quiet, -np.inf)
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, small, 1.0) / (1 + small)


def p_active(params: Params, kind: ModelKind, rows: Histories, days: float | Array) -> Array:
    """P(at least one order within the next `days` | history); exact, for leaving needs an order."""
    shape = params.r + rows.repeats
    return p_alive(params, kind, rows) * _any_order(params, shape, rows.age / WEEK, days / WEEK)


def first_horizon(params: Params) -> float:
    """H(0) in days: how long somebody who came once is simply new."""
    return float(np.clip(GAPS_AHEAD * params.alpha / params.r * WEEK, 7.0, LONGEST_HORIZON))


def _any_order(params: Params, shape: Array, age: Array, ahead: Array | float) -> Array:
    """1 - ((α+T)/(α+T+h))^(r+x), without losing the small ones."""
    return -np.expm1(shape * (np.log(params.alpha + age) - np.log(params.alpha + age + ahead)))
