"""Which hour to write at: just before the habit, or everybody's hour while the habit is unsure.

One message in ten goes out at a random allowed hour. Without that there is nothing to compare the
chosen hours with, and nothing new to learn from.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dangol.know.timing.hours import HOURS, Array

EXPLORED = 0.1
"""Share of messages whose hour is drawn."""
_FADE = float(np.exp(-1 / 4))
"""How much of a message's freshness is left after each hour in the mailbox."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One row per person."""

    hour: NDArray[np.int8]
    """0 to 23 on the person's clock."""
    is_own: NDArray[np.bool_]
    """From the person's own habit; else from everybody's hours."""
    is_drawn: NDArray[np.bool_]
    """Drawn at random, to learn from."""
    propensity: Array
    """How probable exactly this hour was, as off-policy estimates need it."""


def freshness(p: Array) -> Array:
    """E(hour) = Σ_k P(hour + k)·e^(-k/4): being on top of the mailbox when the person comes."""
    ahead = (np.arange(HOURS)[:, None] - np.arange(HOURS)[None, :]) % HOURS
    return p @ _FADE**ahead


def has_own_habit(p: Array, pi: Array, weight: Array, kappa: float) -> NDArray[np.bool_]:
    """Whether a person's peak stands out from everybody's by a posterior standard deviation.

    `weight` (people,) is how many acts, smoothed and faded, stand behind `p` (people, 24).
    """
    peak = p.max(axis=1)
    deviation = np.sqrt(peak * (1 - peak) / (weight + kappa + 1))
    return peak - pi.max() >= deviation


def choose(
    p: Array,
    pi: Array,
    is_own: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    draw: NDArray[np.float64],
) -> Choice:
    """The hour for each person among the `allowed` hours (24,).

    `draw` (people, 2) holds uniform numbers in [0, 1): whether the hour is drawn, and which.

    Raises:
        ValueError: no hour is allowed.
    """
    hours = np.flatnonzero(allowed)
    if hours.size == 0:
        raise ValueError("at least one hour must be allowed")
    best = _best(freshness(np.where(is_own[:, None], p, pi)), allowed)
    is_drawn = draw[:, 0] < EXPLORED
    drawn = hours[np.minimum((draw[:, 1] * hours.size).astype(np.int64), hours.size - 1)]
    hour = np.where(is_drawn, drawn, best).astype(np.int8)
    propensity = EXPLORED / hours.size + (1 - EXPLORED) * (hour == best)
    return Choice(hour, is_own & ~is_drawn, is_drawn, propensity)


def _best(expected: Array, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.argmax(np.where(allowed, expected, -np.inf), axis=1)
