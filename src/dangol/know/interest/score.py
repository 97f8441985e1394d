"""How strong an interest is: acts of a kind are worth so much, and half of it after 90 days.

What is stored is Σ worth·2^(days since 2020 / 90): a sum that only acts change. The score of an
instant is that sum seen from the instant.
"""

from datetime import UTC, datetime

READ, CLICK, BUY = 1.0, 2.0, 3.0
HALF_LIFE_DAYS = 90.0
ORIGIN = datetime(2020, 1, 1, tzinfo=UTC)
REGULAR = 3.0
"""From this score on somebody is a regular reader: three reads just now, or a purchase."""


def score_at(weight: float, now: datetime) -> float:
    """The score at `now` of a stored weight, to six digits: three reads of today are 3, not 2.9999….

    >>> score_at(4.0, ORIGIN), score_at(4.0, datetime(2020, 3, 31, tzinfo=UTC))
    (4.0, 2.0)
    """
    return round(weight * fading(now), 6)


def fading(now: datetime) -> float:
    """What a unit of weight is worth at `now`."""
    return 2.0 ** (-(now - ORIGIN).total_seconds() / 86_400 / HALF_LIFE_DAYS)
