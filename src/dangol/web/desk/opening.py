"""When the shop is closed: weekdays, dated closures, public holidays. None of it is silence."""

from datetime import date

import msgspec

from dangol.errors import InputError
from dangol.know.rhythm.lookup import OPENING, read_opening
from dangol.know.rhythm.opening import (
    Closure,
    Holiday,
    Opening,
    check_opening,
    list_holidays,
)
from dangol.store.brand import read_brand, save_setting
from dangol.web.answer import Answer, Move, Page
from dangol.web.visit import Visit

_WEEK = range(1, 8)
_LONGEST_WHY = 100


def show(visit: Visit) -> Answer:
    """The form."""
    opening = read_opening(visit.conn, read_brand(visit.conn))
    return _page(visit, opening, closures_text(opening))


def save(visit: Visit) -> Answer:
    """Keep the rules; the engine learns the rhythm anew by them within moments."""
    country = read_brand(visit.conn).country
    text = visit.form("closures")
    known = {one.name for one in _holidays(country, visit)}
    before = read_opening(visit.conn, read_brand(visit.conn))
    elsewhen = tuple(name for name in before.holidays if name not in known)
    opening = Opening(
        weekly=tuple(day for day in _WEEK if visit.form(f"weekly_{day}") == "on"),
        country=country,
        holidays=elsewhen + tuple(sorted(n for n in known if visit.form(f"holiday:{n}") == "on")),
    )
    try:
        opening = msgspec.structs.replace(opening, closures=read_closures(text))
        check_opening(opening)
    except InputError as error:
        return _page(visit, opening, text, visit.say(error))
    value = msgspec.to_builtins(opening)
    save_setting(visit.conn, OPENING, value, by=visit.by, now=visit.now)
    visit.record("opening_saved", OPENING)
    return Move("/settings/opening", "opening.saved")


def read_closures(text: str) -> tuple[Closure, ...]:
    """One closure a line: a day, perhaps a second one, perhaps why.

    Raises:
        InputError: a line does not begin with a day.
    """
    return tuple(_closure(line) for line in text.splitlines() if line.strip())


def closures_text(opening: Opening) -> str:
    """The lines that give these closures."""
    lines = []
    for one in opening.closures:
        days = [one.since.isoformat()] + ([one.until.isoformat()] if one.until > one.since else [])
        lines.append(" ".join([*days, one.why]).strip())
    return "\n".join(lines)


def _closure(line: str) -> Closure:
    words = line.split(maxsplit=2)
    since = _day(words[0])
    if since is None:
        raise InputError(
            "“{line}” does not begin with a day such as 2026-08-01; write one closure a line.",
            line=line.strip()[:80],
        )
    until = _day(words[1]) if len(words) > 1 else None
    rest = words[1:] if until is None else words[2:]
    return Closure(since=since, until=until or since, why=" ".join(rest)[:_LONGEST_WHY])


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _holidays(country: str, visit: Visit) -> list[Holiday]:
    return list_holidays(country, visit.now.year, visit.locale)


def _page(visit: Visit, opening: Opening, closures: str, problem: str = "") -> Page:
    values = {
        "opening": opening,
        "closures": closures,
        "holidays": _holidays(opening.country, visit),
        "week": list(_WEEK),
        "problem": problem,
    }
    return Page("desk/opening.html", values, 422 if problem else 200)
