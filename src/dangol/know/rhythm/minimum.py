"""Below what size nothing is said: no percentage, no stage, no value, but what is still missing."""

import msgspec

LEAST_REPEATERS = 30
LEAST_DAYS = 90


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is of what a rhythm is learned from, when it is too little."""

    repeaters: int
    """Customers who came back at least once."""
    days: int
    """Days since the first order of all."""

    @property
    def repeaters_missing(self) -> int:
        """How many more customers have to come back."""
        return max(LEAST_REPEATERS - self.repeaters, 0)

    @property
    def days_missing(self) -> int:
        """How many more days have to pass."""
        return max(LEAST_DAYS - self.days, 0)


def find_shortage(repeaters: int, days: int) -> Shortage | None:
    """What is missing before a model may be believed; None when nothing is.

    >>> find_shortage(29, 400).repeaters_missing, find_shortage(30, 89).days_missing
    (1, 1)
    >>> find_shortage(30, 90)
    """
    found = Shortage(repeaters=repeaters, days=days)
    return found if found.repeaters_missing or found.days_missing else None
