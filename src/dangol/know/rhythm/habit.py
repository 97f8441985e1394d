"""How regular, and on which days of the week? Explanations only: no stage rests on them.

With few orders nothing is said. Burstiness is 1 for bursts, 0 for mere chance and -1 for clockwork
(Kim & Jo 2016, corrected for few events); the shape of the gaps (Erlang's k) is drawn towards 1,
which is what the rhythm models assume.
"""

from datetime import date

import msgspec
import numpy as np
from scipy.special import digamma, polygamma

from dangol.know.rhythm.calendar import number_of

LEAST_EVENTS = 5
LEAST_FOR_WEEK = 10
_PRIOR_GAPS = 10
_ENOUGH_HABIT = 0.25


class Habit(msgspec.Struct, frozen=True, kw_only=True):
    """What the days of one customer look like; None where there are too few to say."""

    burstiness: float | None
    """Of at least five order days."""
    shape: float | None
    """k of the gaps, drawn towards 1; above 1 regular. As above."""
    weekday: int | None
    """ISO weekday on which most orders fall, where there is a habit: of ten order days at least."""
    weekday_orders: int
    order_days: int


def describe(days: list[date]) -> Habit:
    """The habit in the order days of one customer, each given once."""
    numbers = np.sort(np.array([number_of(day) for day in days], np.int64))
    gaps = np.diff(numbers).astype(np.float64)
    is_enough = len(numbers) >= LEAST_EVENTS
    weekday, count = _weekday(numbers)
    return Habit(
        burstiness=burstiness(gaps, len(numbers)) if is_enough else None,
        shape=shrunk_shape(gaps) if is_enough else None,
        weekday=weekday,
        weekday_orders=count,
        order_days=len(numbers),
    )


def burstiness(gaps: object, events: int | None = None) -> float:
    """B of Goh & Barabási, or Kim & Jo's Bn for a number of `events`.

    >>> round(burstiness([6, 8, 7, 5, 9, 7], 7), 3)
    -0.741
    """
    given = np.asarray(gaps, np.float64)
    ratio = float(given.std() / given.mean())
    if events is None:
        return (ratio - 1) / (ratio + 1)
    more, less = np.sqrt(events + 1), np.sqrt(events - 1)
    return float((more * ratio - less) / ((more - 2) * ratio + less))


def gap_shape(gaps: object) -> float:
    """k of a gamma distribution by maximum likelihood; infinite where all gaps are equal."""
    given = np.asarray(gaps, np.float64)
    spread = float(np.log(given.mean()) - np.log(given).mean())
    if spread < 1e-12:
        return float("inf")
    k = (3 - spread + np.sqrt((spread - 3) ** 2 + 24 * spread)) / (12 * spread)
    for _ in range(50):
        step = (np.log(k) - digamma(k) - spread) / (1 / k - polygamma(1, k))
        k = max(k - step, k / 10)
        if abs(step) < 1e-12 * k:
            break
    return float(k)


def shrunk_shape(gaps: object) -> float:
    """k drawn towards 1 as if ten more gaps had been seen; at most 100 before."""
    count = len(np.asarray(gaps))
    return (count * min(gap_shape(gaps), 100.0) + _PRIOR_GAPS) / (count + _PRIOR_GAPS)


def habit_strength(counts: object) -> float:
    """1 - entropy of `counts` over their logarithm, corrected for few events (Miller & Madow)."""
    given = np.asarray(counts, np.float64)
    share = given[given > 0] / given.sum()
    entropy = -(share * np.log(share)).sum() + (len(share) - 1) / (2 * given.sum())
    return float(1 - min(entropy / np.log(len(given)), 1.0))


def _weekday(numbers: np.ndarray) -> tuple[int | None, int]:
    if len(numbers) < LEAST_FOR_WEEK:
        return None, 0
    counts = np.bincount((numbers + 3) % 7, minlength=7)
    best = int(counts.argmax())
    if habit_strength(counts) < _ENOUGH_HABIT:
        return None, 0
    return best + 1, int(counts[best])
