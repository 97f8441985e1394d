"""A relationship's rhythm in words: the clauses of `know.rhythm.sentence` in one language."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import msgspec

from dangol.know.rhythm.sentence import Part, Sentence
from dangol.web.desk.display import Display
from dangol.web.words import text

_LATELY = timedelta(days=6)


class Said(msgspec.Struct, frozen=True):
    """What happened, what the rhythm makes of it (empty where it says nothing), and the verdict."""

    own: str
    model: str
    verdict: str


def say(told: Sentence, show: Display) -> Said:
    """The clauses as text."""
    since = since_words(told.since, show)
    return Said(_said(told.own, show), _said(told.model, show), _said(told.verdict, show, since))


def since_words(since: datetime, show: Display) -> str:
    """Since when: today, a weekday of this week, or a date."""
    today = show.now.astimezone(show.zone).date()
    day = since.astimezone(show.zone).date()
    if day >= today:
        return text(show.locale, "rhythm.say_since_today")
    named = weekday(day, show) if today - day <= _LATELY else show.day(day)
    return text(show.locale, "rhythm.say_since_day", day=named)


def weekday(day: date | int, show: Display) -> str:
    """The name of a day of the week, of a date or by its ISO number."""
    number = day if isinstance(day, int) else day.isoweekday()
    return text(show.locale, f"weekday.{number}")


def _said(parts: Iterable[Part], show: Display, since: str = "") -> str:
    clauses = (
        text(show.locale, f"rhythm.say_{part.key}", since=since, **part.values) for part in parts
    )
    return " ".join(clauses)
