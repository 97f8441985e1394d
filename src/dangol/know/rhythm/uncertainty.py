"""How sure is it? The same question asked of many models that fit the data about as well.

The logarithms of the four parameters are drawn from a normal distribution around the best ones,
with the inverse of the observed information as covariance. What comes out is the doubt about the
model, not the luck of one customer; `outlook` adds that.
"""

import numpy as np

from dangol.know.rhythm.history import Histories
from dangol.know.rhythm.model import ModelKind, Params, RhythmModel
from dangol.know.rhythm.score import Array, p_active

DRAWS = 200
WITHIN = 0.8
"""What share of the draws an interval holds."""
_LOW, _HIGH = np.log(1e-4), 12.0


def draw_models(model: RhythmModel, draws: int = DRAWS, seed: int = 0) -> list[Params]:
    """Models that might as well be true; the same ones for the same seed, none where not known."""
    if model.covariance is None:
        return []
    best = model.params
    centre = np.log([best.r, best.alpha, best.a, best.b])
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.array(model.covariance))
    logs = centre + rng.standard_normal((draws, 4)) @ root.T
    return [
        Params(r=float(r), alpha=float(alpha), a=float(a), b=float(b))
        for r, alpha, a, b in np.exp(np.clip(logs, _LOW, _HIGH))
    ]


def spread(values: Array) -> tuple[Array, Array]:
    """The lower and upper end that hold the middle eight in ten of the draws (rows)."""
    rest = (1 - WITHIN) / 2
    low, high = np.quantile(values, [rest, 1 - rest], axis=0)
    return low, high


def p_interval(
    models: list[Params], kind: ModelKind, rows: Histories, days: object
) -> tuple[Array, Array]:
    """Between which two values P(at least one order within `days`) lies, per row."""
    return spread(np.array([p_active(one, kind, rows, days) for one in models]))
