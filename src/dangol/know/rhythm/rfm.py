"""Recency, frequency and money in fifths: the old table of five by five, and who moved in it.

A score is which fifth of everyone somebody belongs to, 5 being best; equals stay together, so a
shop where most came once has no fives to give away. The scores are never added up: a sum says
nothing about value (that is what `outlook` is for).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.int8]

NOBODY = 0
"""The score of who had no order in the window, or none whose amount is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Grades:
    """One row per customer: scores from 1 to 5, 0 where there is nothing to score."""

    recency: Scores
    frequency: Scores
    money: Scores


def grade(quiet_days: object, order_days: object, amount: object) -> Grades:
    """Scores of days since the last order, days with one, and what all of them brought.

    `amount` is NaN where some of it is not known: then the score of money is 0.
    """
    recency = fifths(-np.asarray(quiet_days, np.float64))
    return Grades(recency, fifths(order_days), fifths(amount))


def fifths(values: object) -> Scores:
    """ceil(5 × the percentile of the average rank) of each value; equals have one rank."""
    given = np.asarray(values, np.float64)
    scores = np.zeros(len(given), np.int8)
    known = ~np.isnan(given)
    if known.any():
        _, of, counts = np.unique(given[known], return_inverse=True, return_counts=True)
        rank = np.cumsum(counts) - (counts - 1) / 2
        scores[known] = np.ceil(5 * rank / known.sum()).astype(np.int8)[of]
    return scores


def cells(grades: Grades) -> NDArray[np.int64]:
    """How many have each pair of scores: `[recency - 1][frequency - 1]`."""
    pairs = (grades.recency.astype(int) - 1) * 5 + grades.frequency - 1
    return np.bincount(pairs[grades.recency > 0], minlength=25).reshape(5, 5)


def transitions(before: Scores, after: Scores) -> NDArray[np.int64]:
    """How many went from one score to another: `[before][after]`, 0 being out of the window.

    Both hold one row per customer, in the same order.
    """
    return np.bincount(before.astype(int) * 6 + after, minlength=36).reshape(6, 6)
