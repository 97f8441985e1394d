"""What is likely to come of a customer in the time ahead: orders and money, with their range.

The middle is the model's expectation. The range is luck and doubt together: futures are played
through (has the customer left? at which rate do orders come? after which one does it end? what is
each worth?) with models that might as well be true, and eight in ten lie inside.
"""

import msgspec
import numpy as np

from dangol.know.rhythm.forecast import expected_orders
from dangol.know.rhythm.history import Histories, group_each
from dangol.know.rhythm.model import ModelKind, Params, RhythmModel, Spend, SpendProblem
from dangol.know.rhythm.score import WEEK, Array, p_alive
from dangol.know.rhythm.spend import Amounts, expected_amount
from dangol.know.rhythm.uncertainty import draw_models, spread

_FUTURES = 20
"""Per model that might be true."""
_MOST_TOTALS = 30
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

    Doubt about the model is drawn anew for the sum; luck is what one played future of each
    differs from its expectation, as independent between customers.
    """
    alike, of = group_each(rows)
    orders = expected_orders(model.params, model.kind, alike, open_days)[of]
    worth = None
    if isinstance(model.spend, Spend):
        worth = expected_amount(model.spend, paid)
    spend = None if worth is None else orders * worth
    models = draw_models(model, _MOST_TOTALS)
    if not models:
        return None, orders, spend
    rng = np.random.default_rng(0)
    of_group = np.stack([alike.weight, np.bincount(of, worth, len(alike))], axis=1)
    sums = np.array(
        [expected_orders(one, model.kind, alike, open_days) @ of_group for one in models]
    )
    played = _play(model.params, model.kind, rows, (open_days, 1), rng)
    luck = [float(((played - orders) ** 2).sum())]
    if isinstance(model.spend, Spend) and spend is not None:
        money = _spend(model.spend, paid.orders, paid.mean, played, rng)
        luck.append(float(((money - spend) ** 2).sum()))
    noise = rng.standard_normal((len(models) * _FUTURES, len(luck))) * np.sqrt(luck)
    low, high = spread(np.repeat(sums[:, : len(luck)], _FUTURES, axis=0) + noise)
    low = np.maximum(low, 0)
    told = Range(float(orders.sum()), float(low[0]), float(high[0]))
    money_told = None if spend is None else Range(float(spend.sum()), float(low[1]), float(high[1]))
    is_known = isinstance(model.spend, Spend)
    whole = Outlook(
        orders=told,
        spend=money_told,
        currency=model.spend.currency if is_known else "",
        problem=None if is_known else model.spend,
    )
    return whole, orders, spend


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
