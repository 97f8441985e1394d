"""First meetings: who got how far in their first weeks, and who stopped where."""

from typing import Any

from dangol.errors import NotFound
from dangol.web.answer import Answer, Page
from dangol.web.desk.audience import Asking, asking, people_file, people_page
from dangol.web.desk.listing import Figure, list_url
from dangol.web.desk.span import DaySpan, span_asked
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_WAIT_S = 60.0
WINDOWS = (30, 60, 90, 180, 365)
"""Choices of how many days each gets."""
_WINDOW = 90
_GROUP = 365
STEPS = ("subscribed", "first_order", "second_order", "regular", "fan")
_WHO = ("met", "too_young", "nothing_yet", *STEPS)


def show(visit: Visit) -> Answer:
    """Steps with who took them and for whom they were the last."""
    span, days = _asked(visit)
    values: dict[str, Any] = {"span": span, "days": days, "windows": WINDOWS, "problem": ""}
    try:
        found = ask(visit.settings, "meetings", _values(span, days), timeout_s=_WAIT_S)
    except QueryFailed as error:
        return Page("desk/meetings.html", values | {"problem": visit.say(error), "met": None})
    most = found["met"] or 1
    values |= {
        name: _figure(found[name], span, days, name) for name in ("met", "too_young", "nothing_yet")
    }
    values["steps"] = [
        {
            "step": row["step"],
            "people": _figure(row["people"], span, days, row["step"]),
            "stopped": _figure(row["stopped"], span, days, row["step"], has_stopped=True),
            "median": row["median_days"],
            "share": 100 * row["people"] / most,
        }
        for row in found["steps"]
    ]
    return Page("desk/meetings.html", values)


def show_people(visit: Visit) -> Answer:
    """Who stands behind one number."""
    span, days = _asked(visit)
    who, has_stopped = _who(visit)
    title = visit.t(f"meetings.{who}")
    if has_stopped:
        title = visit.t("meetings.stopped_at", step=title)
    head = (title, list_url("/meetings", _query(span, days)), visit.t("meetings.title"))
    query = _query(span, days) | {"who": who, "stopped": "yes" if has_stopped else ""}
    return people_page(visit, _of_step(visit), "/meetings/people", query, head)


def download_people(visit: Visit) -> Answer:
    """The same as CSV."""
    return people_file(_of_step(visit))


def _asked(visit: Visit) -> tuple[DaySpan, int]:
    text = visit.query("days")
    days = int(text) if text in {str(days) for days in WINDOWS} else _WINDOW
    return span_asked(visit, days=_GROUP, ending=days), days


def _query(span: DaySpan, days: int) -> dict[str, str]:
    return span.query | {"days": str(days)}


def _values(span: DaySpan, days: int) -> dict[str, Any]:
    return {**span.whole, "days": days}


def _figure(count: int, span: DaySpan, days: int, who: str, *, has_stopped: bool = False) -> Figure:
    query = _query(span, days) | {"who": who, "stopped": "yes" if has_stopped else ""}
    return Figure(count, list_url("/meetings/people", query))


def _who(visit: Visit) -> tuple[str, bool]:
    who = visit.query("who")
    if who not in _WHO:
        raise NotFound()
    return who, visit.query("stopped") == "yes" and who in STEPS


def _of_step(visit: Visit) -> Asking:
    span, days = _asked(visit)
    who, has_stopped = _who(visit)
    values = _values(span, days) | {"who": who, "has_stopped": has_stopped}
    return asking(visit, "meeting_people", values)
