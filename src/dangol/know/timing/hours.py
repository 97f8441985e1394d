"""How likely each hour of the day is for a person, between own habit and everybody's.

Hours are of the person's wall clock. Arrays of people have shape (people, 24), arrays of the
population (24,). Estimator: circular kernel over the person's acts with a Dirichlet prior at the
population's hours, whose weight κ is learned from the data (empirical Bayes).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HOURS = 24
HALF_LIFE_DAYS = 90.0
"""An act of a quarter ago counts half."""
KERNEL_HOURS = 1.5
"""Standard deviation of the smoothing: somebody who comes at nine also comes at half past eight."""
ZONE_PRIOR = 500.0
"""How many acts of all zones together stand behind the hours of one zone."""
_WEIGHTLESS = 1e-9
_SMALLEST_KAPPA, _LARGEST_KAPPA = 0.1, 10_000.0


def age_weights(age_days: Array) -> Array:
    """What acts of this age count: 1 now, one half after 90 days."""
    return np.exp2(-np.maximum(age_days, 0.0) / HALF_LIFE_DAYS)


def smooth(counts: Array, width: float = KERNEL_HOURS) -> Array:
    """Counts (people, 24) spread over the neighbouring hours around the clock; sums are kept."""
    return counts @ _kernel(width)


def _kernel(width: float) -> Array:
    steps = np.arange(HOURS)
    around = np.minimum(steps, HOURS - steps)
    weights = np.exp(-(around**2) / (2 * width**2))
    weights /= weights.sum()
    return weights[(steps[None, :] - steps[:, None]) % HOURS]


def shrink_zone(zone: Array, everyone: Array) -> Array:
    """π: the hours of one zone's people, drawn towards everybody's while they are few.

    `zone` and `everyone` are counts (24,); without any act at all every hour is as likely.
    """
    return (zone + ZONE_PRIOR * shares(everyone)) / (zone.sum() + ZONE_PRIOR)


def shares(counts: Array) -> Array:
    """Counts as probabilities; the uniform ones when nothing was counted."""
    total = counts.sum()
    return counts / total if total > 0 else np.full(HOURS, 1 / HOURS)


def posterior(smoothed: Array, pi: Array, kappa: float) -> Array:
    """P(hour | own acts) = (n + κπ)/(N + κ), of smoothed counts (people, 24)."""
    return (smoothed + kappa * pi) / (smoothed.sum(axis=1, keepdims=True) + kappa)


def log_marginal(counts: Array, pi: Array, kappa: float) -> float:
    """Log-probability of raw counts (people, 24) when everyone's hours are Dirichlet(κπ)."""
    from scipy.special import gammaln  # only where a model is learned: it weighs 40 MB

    prior = kappa * np.maximum(pi, _WEIGHTLESS)
    total = counts.sum(axis=1)
    each = gammaln(counts + prior) - gammaln(prior)
    return float(np.sum(gammaln(kappa) - gammaln(kappa + total)) + np.sum(each))


def fit_kappa(counts: Array, pi: Array) -> float:
    """The κ under which the raw counts are likeliest; large when people hardly differ."""

    from scipy.optimize import minimize_scalar

    def loss(log_kappa: float) -> float:
        return -log_marginal(counts, pi, float(np.exp(log_kappa)))

    bounds = (np.log(_SMALLEST_KAPPA), np.log(_LARGEST_KAPPA))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))
