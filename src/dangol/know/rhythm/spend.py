"""What an order is worth to one customer: Gamma-Gamma, learned from orders after the first.

With x such orders of mean m (Fader, Hardie & Lee 2005; Fader & Hardie 2013)

    ln L = lnΓ(px+q) - lnΓ(px) - lnΓ(q) + q ln γ + (px-1) ln m + px ln x - (px+q) ln(γ+mx)

and the next order of a customer is worth p(γ+mx)/(px+q-1) on average: the own mean, drawn towards
everybody's as long as there are few orders. It holds only where how often and how much have little
to do with each other, which is looked at first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from dangol.know.rhythm.fit import covariance_at
from dangol.know.rhythm.minimum import LEAST_REPEATERS
from dangol.know.rhythm.model import Spend, SpendProblem

Array = NDArray[np.float64]

MOST_CORRELATED = 0.3
_BOUNDS = [(-10.0, 12.0)] * 3
_TIGHT = {"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500}


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """One row per customer: arrays of one length."""

    orders: NDArray[np.int64]
    """Order days after the first of which every amount is known."""
    mean: Array
    """What such a day brought on average; unused where there is none."""


def amounts(orders: object, total: object) -> Amounts:
    """Amounts from the number of known order days and their sum."""
    count = np.asarray(orders, dtype=np.int64)
    return Amounts(count, np.asarray(total, dtype=np.float64) / np.maximum(count, 1))


def fit_spend(rows: Amounts, currency: str) -> Spend | SpendProblem:
    """The maximum-likelihood model of customers with at least one known amount above zero."""
    kept = (rows.orders > 0) & (rows.mean > 0)
    rows = Amounts(rows.orders[kept], rows.mean[kept])
    if len(rows.orders) < LEAST_REPEATERS:
        return SpendProblem.TOO_FEW
    related = correlation(rows)
    if abs(related) > MOST_CORRELATED:
        return SpendProblem.CORRELATED
    unit = float(rows.mean.mean())
    likelihood = SpendLikelihood(Amounts(rows.orders, rows.mean / unit))

    def downhill(logs: Array) -> tuple[float, Array]:
        at = np.exp(logs)
        value, slope = likelihood.value_and_gradient(at)
        return -value / len(rows.orders), -slope * at / len(rows.orders)

    found = minimize(
        downhill, np.zeros(3), jac=True, method="L-BFGS-B", bounds=_BOUNDS, options=_TIGHT
    )
    best = np.exp(found.x)
    p, q, gamma = (float(value) for value in best)
    if q <= 1:
        return SpendProblem.NO_MEAN
    spread = covariance_at(likelihood, best)
    return Spend(
        p=p,
        q=q,
        gamma=gamma * unit,
        currency=currency,
        customers=len(rows.orders),
        correlation=related,
        covariance=None if spread is None else tuple(map(tuple, spread.tolist())),
    )


def correlation(rows: Amounts) -> float:
    """Pearson's, between the number of orders and their mean; 0 where one of them is constant."""
    if np.ptp(rows.orders) == 0 or np.ptp(rows.mean) == 0:
        return 0.0
    return float(np.corrcoef(rows.orders, rows.mean)[0, 1])


def expected_amount(spend: Spend, rows: Amounts) -> Array:
    """What the next order is worth on average, per row, in minor units; everybody's at x = 0."""
    x = rows.orders.astype(np.float64)
    known = spend.gamma + np.where(rows.orders > 0, np.maximum(rows.mean, 0), 0) * x
    return spend.p * known / (spend.p * x + spend.q - 1)


class SpendLikelihood:
    """The likelihood of p, q and γ; gamma functions are computed once per number of orders."""

    def __init__(self, rows: Amounts) -> None:
        self._x = rows.orders.astype(np.float64)
        self._sum = rows.mean * self._x
        self._fixed = float(np.log(rows.mean).sum())
        self._counts, self._of = np.unique(self._x, return_inverse=True)
        self._weight = np.bincount(self._of).astype(np.float64)
        self._log_sum = np.bincount(self._of, np.log(self._sum))

    def value_and_gradient(self, at: Array) -> tuple[float, Array]:
        """ln L and its derivatives by p, q and γ."""
        p, q, gamma = at
        x, weight = self._counts, self._weight
        reached = gamma + self._sum
        logs = np.bincount(self._of, np.log(reached))
        shape = p * x + q
        per_count = gammaln(shape) - gammaln(p * x) - gammaln(q) + q * np.log(gamma)
        value = weight @ per_count + p * x @ self._log_sum - shape @ logs - self._fixed
        over = digamma(shape)
        slope = [
            x @ (weight * (over - digamma(p * x)) + self._log_sum - logs),
            weight @ (over - digamma(q) + np.log(gamma)) - logs.sum(),
            weight.sum() * q / gamma - shape[self._of] @ (1 / reached),
        ]
        return float(value), np.array(slope)
