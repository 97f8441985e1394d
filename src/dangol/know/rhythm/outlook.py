"""What is likely to come of a customer in the time ahead: orders and money, with their range.

The middle is the model's expectation. The range is luck and doubt together: futures are played
through (has the customer left? at which rate do orders come? after which one does it end? what is
each worth?) with models that might as well be true, and eight in ten lie inside. Of everyone
together, doubt is taken to first order: playing everyone many times would take minutes.
"""

from collections.abc import Callable

import msgspec
import numpy as np
from msgspec.structs import replace

from dangol.know.rhythm.forecast import expected_orders
from dangol.know.rhythm.history import Histories, group_each
from dangol.know.rhythm.model import ModelKind, Params, RhythmModel, Spend, SpendProblem
from dangol.know.rhythm.score import WEEK, Array, p_alive
from dangol.know.rhythm.spend import Amounts, expected_amount
from dangol.know.rhythm.uncertainty import draw_models, spread

_FUTURES = 20
"""Per model that might be true."""
_ENOUGH_PLAYED = 200_000
_DRAWN = 20_000
_STEP = 0.01
_MOST_DOUBT = 5.0
"""A factor of some hundreds either way: where everyone is gone, nothing is known any better."""
_RNG = np.random.Generator


class Range(msgspec.Struct, frozen=True):
    """What is expected, and between which values it comes out eight times in ten."""

    mean: float
    low: float
    high: float


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """Of one customer, or of everyone together."""

    orders: Range
    spend: Range | None
    """In minor units of `currency`; None where nothing can be said, and `problem` says why."""
    currency: str
    problem: SpendProblem | None


def outlook(
    model: RhythmModel, row: Histories, paid: Amounts, open_days: int, seed: int
) -> Outlook | None:
    """Of one customer in the coming `open_days`; the same for the same seed.

    None where the model does not know how sure it is.
    """
    models = draw_models(model, seed=seed)
    if not models:
        return None
    rng = np.random.default_rng(seed)
    orders = _play(_stacked(models), model.kind, row, (open_days, _FUTURES), rng)
    mean = float(expected_orders(model.params, model.kind, row, open_days)[0])
    told = Range(mean, *map(float, spread(orders)))
    if isinstance(model.spend, SpendProblem):
        return Outlook(orders=told, spend=None, currency="", problem=model.spend)
    worth = float(expected_amount(model.spend, paid)[0])
    money = _spend(
        model.spend,
        np.repeat(paid.orders, len(orders)),
        np.repeat(paid.mean, len(orders)),
        orders,
        rng,
    )
    return Outlook(
        orders=told,
        spend=Range(mean * worth, *map(float, spread(money))),
        currency=model.spend.currency,
        problem=None,
    )


def outlook_of_all(
    model: RhythmModel, rows: Histories, paid: Amounts, open_days: int
) -> tuple[Outlook | None, Array, Array | None]:
    """Of everyone together, and the expected orders and spend of each row.

    No outlook of everyone where the model does not know how sure it is.
    """
    alike, of = group_each(rows)
    orders = expected_orders(model.params, model.kind, alike, open_days)[of]
    money = model.spend if isinstance(model.spend, Spend) else None
    worth = expected_amount(money, paid) if money else np.ones(len(rows))
    spend = orders * worth if money else None
    if model.covariance is None:
        return None, orders, spend
    of_group = np.stack([alike.weight, np.bincount(of, worth, len(alike))])
    doubts = _rhythm_doubts(model, alike, of_group, open_days)
    lucks = _lucks(model, rows, paid, (open_days, orders, worth))
    told = Outlook(
        orders=_sum_range(float(orders.sum()), doubts[0], lucks[0]),
        spend=None,
        currency="" if money is None else money.currency,
        problem=model.spend if money is None else None,
    )
    if money is None or spend is None:
        return told, orders, None
    doubt = float(np.hypot(doubts[1], _spend_doubt(money, paid, orders)))
    return replace(told, spend=_sum_range(float(spend.sum()), doubt, lucks[1])), orders, spend


def _rhythm_doubts(
    model: RhythmModel, alike: Histories, weights: Array, open_days: int
) -> list[float]:
    """How sure the model is of the expected orders, added up with each row of `weights`."""

    def sums(at: Array) -> Array:
        params = Params(r=at[0], alpha=at[1], a=at[2], b=at[3])
        return weights @ expected_orders(params, model.kind, alike, open_days)

    return _doubts(sums, msgspec.structs.astuple(model.params), model.covariance)


def _spend_doubt(money: Spend, paid: Amounts, orders: Array) -> float:
    """The same of what those orders are worth."""
    if money.covariance is None:
        return 0.0

    def total(at: Array) -> Array:
        one = replace(money, p=at[0], q=max(at[1], 1 + 1e-6), gamma=at[2])
        return np.array([orders @ expected_amount(one, paid)])

    return _doubts(total, (money.p, money.q, money.gamma), money.covariance)[0]


def _doubts(
    sums: Callable[[Array], Array], best: tuple[float, ...], covariance: object
) -> list[float]:
    """Standard deviations of the logarithms of `sums`, to first order (the delta method)."""
    slopes = []
    for shift in np.eye(len(best)) * _STEP:
        up, down = (np.maximum(sums(np.array(best) * np.exp(by)), 1e-300) for by in (shift, -shift))
        slopes.append((np.log(up) - np.log(down)) / (2 * _STEP))
    slope = np.array(slopes)
    return np.sqrt(np.einsum("is,ij,js->s", slope, np.array(covariance), slope)).tolist()


def _lucks(
    model: RhythmModel, rows: Histories, paid: Amounts, told: tuple[int, Array, Array]
) -> list[float]:
    """By how much everyone's orders (and spend) together differ from what is expected.

    One played future of each customer is enough where there are many: their luck is their own.
    """
    open_days, orders, worth = told
    rng = np.random.default_rng(0)
    futures = int(np.clip(_ENOUGH_PLAYED // max(len(rows), 1), 1, 100))
    played = _play(model.params, model.kind, rows, (open_days, futures), rng)
    values = [(played, orders)]
    if isinstance(model.spend, Spend):
        many = (np.tile(column, futures) for column in (paid.orders, paid.mean))
        values.append((_spend(model.spend, *many, played, rng), orders * worth))
    return [
        float(np.sqrt(((one.reshape(futures, -1) - mean) ** 2).sum() / futures))
        for one, mean in values
    ]


def _sum_range(mean: float, doubt: float, luck: float) -> Range:
    """A sum that doubt multiplies and luck adds to, both normal (doubt of the logarithm)."""
    draws = np.random.default_rng(0).standard_normal((2, _DRAWN))
    low, high = spread(mean * np.exp(min(doubt, _MOST_DOUBT) * draws[0]) + luck * draws[1])
    return Range(mean, max(float(low), 0.0), float(high))


def _stacked(models: list[Params]) -> Params:
    """Many models as one whose numbers are columns; one row of customers goes with each."""
    columns = np.array([[one.r, one.alpha, one.a, one.b] for one in models]).T[:, :, None]
    r, alpha, a, b = columns
    return Params(r=r, alpha=alpha, a=a, b=b)


def _play(
    params: Params, kind: ModelKind, rows: Histories, ahead: tuple[int, int], rng: _RNG
) -> Array:
    """Orders in `ahead[0]` days, `ahead[1]` futures of each row: with a rate and a coin each.

    Given that somebody is still there, the rate is Gamma(r+x, α+T) and the coin Beta(a, b+n).
    """
    days, futures = ahead
    throws = rows.repeats + (1 if kind is ModelKind.MBG else 0)
    alive = p_alive(params, kind, rows)
    size = (futures, *alive.shape)
    is_here = rng.random(size) < alive
    rate = rng.gamma(params.r + rows.repeats, 1 / (params.alpha + rows.age / WEEK), size)
    coin = rng.beta(params.a, params.b + throws, size)
    come = rng.poisson(np.minimum(rate * days / WEEK, 1e9))
    until = rng.geometric(np.clip(coin, 1e-9, 1))
    return (is_here * np.minimum(come, until)).astype(np.float64).ravel()


def _spend(spend: Spend, orders: Array, mean: Array, ahead: Array, rng: _RNG) -> Array:
    """What `ahead` orders bring: each row has its own level, Gamma(px+q, γ+mx) as known so far."""
    known = spend.gamma + np.where(orders > 0, np.maximum(mean, 0) * orders, 0)
    level = rng.gamma(spend.p * orders + spend.q) / known
    return rng.gamma(spend.p * np.maximum(ahead, 1e-9)) / np.maximum(level, 1e-300) * (ahead > 0)
