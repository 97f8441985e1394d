"""What to say to somebody: a sentence made of nothing but that person's own facts.

It says no more than a shopkeeper would who remembers them: no probabilities, nothing that was
clicked or looked at, and no day or number that the customer would wonder about.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from dangol.web.desk.display import Display
from dangol.web.words import text

_OFTEN = 5
"""From so many visits on, somebody hears that we know how often they came."""


class Occasion(StrEnum):
    """Why we write."""

    QUIET = "quiet"
    REGULAR = "regular"
    FIRST = "first"


def suggest(occasion: str, row: Mapping[str, Any], show: Display) -> str:
    """The words, with the name in front where there is one.

    `row` has traits, repeats, first_day and last_day, as lists of people have.
    """
    key = f"suggest.{key_of(Occasion(occasion), row['repeats'] or 0)}"
    said = text(show.locale, key, n=(row["repeats"] or 0) + 1, when=_month(row["last_day"], show))
    named = show.called(row["traits"])
    return text(show.locale, "suggest.to", name=named, said=said) if named else said


def key_of(occasion: Occasion, repeats: int) -> str:
    """Which words fit.

    >>> [key_of(Occasion.QUIET, repeats) for repeats in (0, 2, 9)]
    ['quiet_once', 'quiet', 'quiet_often']
    """
    if occasion is not Occasion.QUIET:
        return occasion.value
    return "quiet_once" if repeats == 0 else "quiet_often" if repeats + 1 >= _OFTEN else "quiet"


def _month(day: date, show: Display) -> str:
    """The month, as one remembers it."""
    return text(show.locale, f"month.{day.month}")
