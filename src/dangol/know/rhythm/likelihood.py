"""How well four numbers explain all histories, and in which direction they would do better.

MBG/NBD and BG/NBD share every term but one: whether the coin of leaving is also thrown after
the first order. With n = x + 1 throws survived (MBG) or n = x (BG), per customer

    ln L = lnΓ(r+x) - lnΓ(r) + r ln α + lnΓ(a+b) + lnΓ(b+n) - lnΓ(b) - lnΓ(a+b+n)
           - (r+x) ln(α+T) + ln(1 + e^z)
    z    = ln a - ln(b+n-1) + (r+x) (ln(α+T) - ln(α+t_x)),   z = -∞ if n = 0

(Fader, Hardie & Lee 2005, eq. 6; Batislam, Denizel & Filiztekin 2007). e^z are the odds of
having left. Gamma functions depend on x alone and logarithms of time on a day alone, so both
are computed once per distinct value and looked up.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from dangol.know.rhythm.history import Histories
from dangol.know.rhythm.model import ModelKind

Array = NDArray[np.float64]


class Likelihood:
    """The likelihood of grouped histories, ready to be asked many times.

    `unit` is how many days make one of the model's time units; α is in that unit.
    """

    def __init__(self, rows: Histories, kind: ModelKind, unit: float = 7.0) -> None:
        self.kind = kind
        self.customers = rows.customers
        self.weight = rows.weight.astype(np.float64)
        self.x = rows.repeats.astype(np.float64)
        self.counts, self._count_of = np.unique(rows.repeats, return_inverse=True)
        self._count_weight = np.bincount(self._count_of, self.weight, len(self.counts))
        self._ages, self._age_of = np.unique(rows.age, return_inverse=True)
        self._lasts, self._last_of = np.unique(rows.last, return_inverse=True)
        self._ages, self._lasts = self._ages / unit, self._lasts / unit

    def value(self, params: Array) -> float:
        """ln L of all customers at (r, α, a, b)."""
        return self.value_and_gradient(params)[0]

    def value_and_gradient(self, params: Array) -> tuple[float, Array]:
        """ln L and its derivatives by r, α, a and b."""
        r, alpha, a, b = params
        log_age = np.log(alpha + self._ages)[self._age_of]
        quiet = log_age - np.log(alpha + self._lasts)[self._last_of]
        shape = r + self.x
        left, softplus = _odds(self._coin(a, b)[self._count_of] + shape * quiet)
        gone = self.weight * left
        per_count, count_gradient = self._gamma_terms(r, alpha, a, b)
        value = per_count + self.weight @ (softplus - shape * log_age)
        gone_of_count = np.bincount(self._count_of, gone, len(self.counts))
        by_time = (
            (self.weight - gone) * (1 / (alpha + self._ages))[self._age_of]
            + gone * (1 / (alpha + self._lasts))[self._last_of]
        )  # fmt: skip
        gradient = count_gradient + [
            gone @ quiet - self.weight @ log_age,
            -(shape @ by_time),
            gone.sum() / a,
            -(gone_of_count @ self._over_coin(b)),
        ]
        return float(value), gradient

    def _throws(self) -> Array:
        return self.counts + (1.0 if self.kind is ModelKind.MBG else 0.0)

    def _coin(self, a: float, b: float) -> Array:
        """ln a - ln(b+n-1) per distinct x, -∞ where no coin was thrown."""
        n = self._throws()
        thrown = np.where(n > 0, n, 1.0)
        return np.where(n > 0, np.log(a) - np.log(b + thrown - 1), -np.inf)

    def _over_coin(self, b: float) -> Array:
        """1/(b+n-1) per distinct x, 0 where no coin was thrown."""
        n = self._throws()
        return np.where(n > 0, 1 / (b + np.where(n > 0, n, 1.0) - 1), 0.0)

    def _gamma_terms(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Array]:
        """The part that depends on x alone, summed over customers, with its derivatives."""
        x, n, w = self.counts, self._throws(), self._count_weight
        value = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        value = value + gammaln(a + b) + gammaln(b + n) - gammaln(b) - gammaln(a + b + n)
        both = digamma(a + b) - digamma(a + b + n)
        gradient = np.array(
            [
                w @ (digamma(r + x) - digamma(r) + np.log(alpha)),
                w.sum() * r / alpha,
                w @ both,
                w @ (both + digamma(b + n) - digamma(b)),
            ]
        )
        return float(w @ value), gradient


def _odds(z: Array) -> tuple[Array, Array]:
    """1/(1+e^-z) and ln(1+e^z) from one exponential that cannot overflow."""
    small = np.exp(-np.abs(z))
    left = np.where(z >= 0, 1.0, small) / (1 + small)
    return left, np.maximum(z, 0) + np.log1p(small)
