"""Interests as they are stored, and the score that is asked: see `know.interest.score`."""

from datetime import datetime

from dangol.know.interest.score import fading

ROUNDING = 5e-7
"""Scores are told to six digits: three reads of just now are 3, not 2.9999…."""


def least_weight(score: float, now: datetime) -> float:
    """The stored weight from which on the score of `now` is at least `score`."""
    return (score - ROUNDING) / fading(now)
