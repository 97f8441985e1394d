"""When the shop is closed, as its owner says it: weekdays, dated closures, public holidays.

Names of holidays are those of the `holidays` package in English without what goes before and after:
the three days of Chuseok and their substitute are all "Chuseok". The package is loaded only where
a holiday counts.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec

from dangol.errors import InputError
from dangol.know.rhythm.calendar import OpenDays

if TYPE_CHECKING:
    from holidays import HolidayBase

USUAL_HOLIDAYS: Mapping[str, tuple[str, ...]] = {"KR": ("Korean New Year", "Chuseok")}
"""What counts as closed in a country until the owner says otherwise."""

LONGEST_CLOSURE = timedelta(days=1827)
MOST_CLOSURES = 500
_AROUND = ("Alternative holiday for ", "The day preceding ", "The second day of ")
_BETWEEN = "; "
_LANGUAGES = {"en": "en_US", "ko": "ko"}


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    """The shop is closed from one day to another, both included."""

    since: date
    until: date
    why: str = ""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The owner's rules."""

    weekly: tuple[int, ...] = ()
    """ISO weekdays on which the shop is closed, Monday being 1."""
    closures: tuple[Closure, ...] = ()
    country: str = ""
    """Whose public holidays are meant: ISO 3166, two letters."""
    holidays: tuple[str, ...] = ()
    """Names of those on which the shop is closed."""


class Holiday(msgspec.Struct, frozen=True):
    """A public holiday to choose, with its days in one year."""

    name: str
    """As rules name it."""
    words: str
    """As people of one language do."""
    days: tuple[date, ...]


def check_opening(opening: Opening) -> None:
    """Nothing, where the rules can be used.

    Raises:
        InputError: the shop would never be open, or a closure is no span of days.
    """
    if not set(opening.weekly) <= set(range(1, 8)):
        raise InputError("A weekday is a number from 1, Monday, to 7, Sunday.")
    if len(set(opening.weekly)) == 7:
        raise InputError("The shop must be open on at least one day of the week.")
    if len(opening.closures) > MOST_CLOSURES:
        raise InputError("At most {most} closures can be kept.", most=MOST_CLOSURES)
    for one in opening.closures:
        if not timedelta(0) <= one.until - one.since <= LONGEST_CLOSURE:
            raise InputError(
                "{since} to {until} is no closure: it ends before it begins, or lasts over five "
                "years.",
                since=one.since.isoformat(),
                until=one.until.isoformat(),
            )


def resolve(opening: Opening, since: date, until: date) -> OpenDays:
    """The single days that `opening` closes from `since` to `until`, and its weekdays."""
    closed = {day for one in opening.closures for day in _span(one.since, one.until)}
    closed |= set(_closed_holidays(opening, since, until))
    return OpenDays(
        weekly=tuple(sorted(set(opening.weekly))),
        closed=tuple(sorted(day for day in closed if since <= day <= until)),
    )


def list_holidays(country: str, year: int, locale: str = "en") -> list[Holiday]:
    """The public holidays of a country with their days in one year; empty where none are known.

    Those of the years around are told too, for some come now and then only.
    """
    found: dict[str, list[date]] = {}
    local = _calendar(country, year - 1, year + 1, _LANGUAGES.get(locale, "en_US"))
    for day, names in sorted(_calendar(country, year - 1, year + 1).items()):
        for name in names_in(names):
            found.setdefault(name, []).append(day)
    return [
        Holiday(
            name,
            min((local.get(day, name) for day in days), key=len),
            tuple(day for day in days if day.year == year),
        )
        for name, days in found.items()
    ]


def names_in(said: str) -> list[str]:
    """The holidays that a day of the package stands for.

    >>> names_in("National Foundation Day; The day preceding Chuseok")
    ['National Foundation Day', 'Chuseok']
    """
    names = said.split(_BETWEEN)
    for around in _AROUND:
        names = [name.removeprefix(around) for name in names]
    return ["Election Day" if name.endswith("Election Day") else name for name in names]


def _closed_holidays(opening: Opening, since: date, until: date) -> Iterator[date]:
    if not opening.holidays:
        return
    chosen = set(opening.holidays)
    for day, said in _calendar(opening.country, since.year, until.year).items():
        if chosen.intersection(names_in(said)):
            yield day


def _calendar(
    country: str, first: int, last: int, language: str = "en_US"
) -> "Mapping[date, str] | HolidayBase":
    from holidays import country_holidays  # the package is large

    try:
        return country_holidays(country, years=range(first, last + 1), language=language)
    except NotImplementedError:
        return {}


def _span(since: date, until: date) -> Iterator[date]:
    for ahead in range((until - since).days + 1):
        yield since + timedelta(days=ahead)
