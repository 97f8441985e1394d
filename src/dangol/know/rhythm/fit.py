"""Learn the four numbers of a rhythm model from all histories, by maximum likelihood."""

from datetime import date, datetime
from typing import Protocol

import msgspec
import numpy as np
from scipy.optimize import minimize

from dangol.errors import InputError
from dangol.know.rhythm.history import Histories, group
from dangol.know.rhythm.likelihood import Array, Likelihood
from dangol.know.rhythm.model import ModelKind, Params, RhythmModel

_WEEK = 7.0
_BOUNDS = [(-10.0, 12.0)] * 4
_TIGHT = {"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500}
_SCALED_AGE = 10.0
_LEAST_DROPOUT = 0.01


class Slope(Protocol):
    """A likelihood that knows in which direction it rises."""

    def value_and_gradient(self, params: Array) -> tuple[float, Array]:
        """ln L and its derivatives by the parameters."""


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers, how sure they are, and whether to believe them."""

    kind: ModelKind
    params: Params
    errors: Params | None
    """Standard errors; None where the likelihood has no peak inside the bounds."""
    covariance: tuple[tuple[float, ...], ...] | None
    """Of the logarithms of the four, from the inverse of the observed information; None as above."""
    log_likelihood: float
    """Of weeks."""
    customers: int
    repeaters: int
    calls: int
    is_dropout_identified: bool
    """False when nobody visibly leaves: then p says little about leaving."""


def fit(rows: Histories, kind: ModelKind = ModelKind.MBG) -> Fit:
    """The maximum-likelihood model of `rows` (days in, weeks out).

    Time is scaled so that the oldest customer is 10 units old, which makes the fit independent
    of the unit and quick from a start of all ones; parameters are searched as logarithms within
    [-10, 12].

    Raises:
        InputError: nobody came back, so there is no rhythm to learn.
    """
    rows = group(rows)
    if not rows.repeaters:
        raise InputError("No customer came back even once: there is no rhythm to learn yet.")
    unit = max(float(rows.age.max()), 1.0) / _SCALED_AGE
    found = climb(Likelihood(rows, kind, unit))
    best = np.exp(found.x) * [1.0, unit / _WEEK, 1.0, 1.0]
    in_weeks = Likelihood(rows, kind, _WEEK)
    params = _params(best)
    inside = all(
        low + 0.01 < x < high - 0.01 for x, (low, high) in zip(found.x, _BOUNDS, strict=True)
    )
    covariance = covariance_at(in_weeks, best) if inside else None
    return Fit(
        kind=kind,
        params=params,
        errors=None if covariance is None else _params(best * np.sqrt(np.diag(covariance))),
        covariance=None if covariance is None else tuple(map(tuple, covariance.tolist())),
        log_likelihood=in_weeks.value(best),
        customers=rows.customers,
        repeaters=rows.repeaters,
        calls=found.nfev,
        is_dropout_identified=params.a / (params.a + params.b) >= _LEAST_DROPOUT,
    )


def as_model(found: Fit, as_of: date, fitted_at: datetime) -> RhythmModel:
    """What was found as version 0 of a model, with the usual lines and nothing closed."""
    return RhythmModel(
        version=0,
        kind=found.kind,
        params=found.params,
        fitted_at=fitted_at,
        as_of=as_of,
        customers=found.customers,
        repeaters=found.repeaters,
        log_likelihood=found.log_likelihood,
        covariance=found.covariance,
    )


def climb(likelihood: Likelihood) -> object:
    """The optimiser's result in log-parameters; the objective is the mean, so steps are sane."""

    def downhill(logs: Array) -> tuple[float, Array]:
        params = np.exp(logs)
        value, gradient = likelihood.value_and_gradient(params)
        return -value / likelihood.customers, -gradient * params / likelihood.customers

    return minimize(
        downhill, np.zeros(4), jac=True, method="L-BFGS-B", bounds=_BOUNDS, options=_TIGHT
    )


def covariance_at(likelihood: Slope, best: Array) -> Array | None:
    """Of log-parameters at their best: the inverse of the observed information.

    By central differences of the gradient; None where the likelihood has no peak there.
    """
    step = 1e-5
    rows = []
    for i in range(len(best)):
        shift = np.ones(len(best))
        shift[i] += step
        up = likelihood.value_and_gradient(best * shift)[1]
        down = likelihood.value_and_gradient(best / shift)[1]
        rows.append((up - down) * best / (2 * np.log1p(step)))
    information = -np.array(rows)
    try:
        found = np.linalg.inv((information + information.T) / 2)
    except np.linalg.LinAlgError:
        return None
    is_peak = np.isfinite(found).all() and (np.linalg.eigvalsh(found) > 0).all()
    return found if is_peak else None


def _params(values: Array) -> Params:
    r, alpha, a, b = (float(value) for value in values)
    return Params(r=r, alpha=alpha, a=a, b=b)
