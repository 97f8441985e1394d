"""One segment over time: how many, who came and went, why somebody is (not) in it, and back-fills."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dangol.engine.backfilling import Planned, is_told, plan_backfill
from dangol.engine.jobs import get_job
from dangol.errors import Refused
from dangol.know.profile.service import get_profile
from dangol.know.segment.membership.service import (
    DaySize,
    find_edit,
    find_size,
    is_member,
    list_sizes,
)
from dangol.know.segment.service import get_segment, list_segments
from dangol.store.brand import read_brand
from dangol.web import words
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk.jobs import job_values
from dangol.web.query import QueryFailed, ask
from dangol.web.stays import list_changes, list_stays
from dangol.web.visit import Visit

WIDTH, HEIGHT = 600, 120
_DAYS = 90
_WAIT_S = 20.0


def show(visit: Visit) -> Answer:
    """The size now and by day, the latest entries and exits, and what the last edit did."""
    return _page(visit)


def backfill(visit: Visit) -> Answer:
    """Tell of those whom the last edit brought in; the form carries how many were seen."""
    segment = get_segment(visit.conn, visit.id())
    seen = Planned(
        segment.id,
        visit.integer("version", 0, low=0, high=2**31 - 1),
        visit.integer("confirmed", 0, low=0, high=2**62),
    )
    try:
        job = plan_backfill(visit.conn, seen, visit.by, visit.now)
    except Refused as error:
        return _page(visit, visit.say(error))
    visit.record("segment_backfilled", segment.name, people=seen.confirmed)
    return Move(f"/segments/{segment.id}/backfill/{job}")


def show_backfill(visit: Visit) -> Answer:
    """How far the back-fill is."""
    job = get_job(visit.conn, visit.id("job"))
    segment = get_segment(visit.conn, visit.id())
    values = {"job": job, "kept": segment, **job_values(visit, job)}
    return Page("desk/segment_backfill.html", values)


def show_why(visit: Visit) -> Answer:
    """Why this person is (not) in the segment, leaf by leaf."""
    segment = get_segment(visit.conn, visit.id())
    profile = get_profile(visit.conn, visit.number("customer"))
    found, stays, problem = None, [], ""
    try:
        stays = list_stays(visit.settings, visit.conn, profile.customer_id, segment.id)
        asked = {"segment_id": str(segment.id), "customer_id": profile.customer_id}
        found = ask(visit.settings, "why", asked, timeout_s=_WAIT_S)
    except QueryFailed as error:
        problem = visit.say(error)
    values = {
        "kept": segment,
        "profile": profile,
        "found": found,
        "problem": problem,
        "seen": lambda part: seen_words(visit, part),
        "when": datetime.fromisoformat,
        "is_kept": is_member(visit.conn, segment.id, profile.customer_id),
        "stays": stays,
    }
    return Page("desk/segment_why.html", values)


def show_of_customer(visit: Visit) -> Answer:
    """Every segment, and whether this person is in it."""
    profile = get_profile(visit.conn, visit.number("id"))
    rows = [
        (one, is_member(visit.conn, one.id, profile.customer_id))
        for one in list_segments(visit.conn)
    ]
    rows.sort(key=lambda row: not row[1])
    values = {
        "profile": profile,
        "rows": rows,
        "stays": list_stays(visit.settings, visit.conn, profile.customer_id),
    }
    return Page("desk/customer_segments.html", values)


def seen_words(visit: Visit, part: dict[str, Any]) -> str:
    """What a question saw, as half a sentence."""
    seen = part["seen"]
    kind, value = seen["kind"], seen.get("value")
    if kind == "trait" and value is None:
        return visit.t("membership.saw_no_trait", name=seen["name"])
    if kind == "trait":
        return visit.t("membership.saw_trait", name=seen["name"], value=_plain(value))
    if kind == "events":
        return _events_words(visit, part["kind"], seen)
    if kind in ("stage", "consent"):
        key = f"{kind}.{value}"
        known = key in words.catalogue(visit.locale)
        return visit.t("membership.saw", value=visit.t(key) if known else str(value))
    if kind == "share":
        return visit.t("membership.saw_share", at=_number(value))
    return visit.t("membership.saw", value=str(value)) if kind == "interest" else ""


def _events_words(visit: Visit, asked: str, seen: dict[str, Any]) -> str:
    numbers = {"n": seen.get("times", 0), "ever": seen.get("ever", 0)}
    if not numbers["ever"]:
        return visit.t("membership.saw_no_event")
    if seen.get("value") is None:
        return visit.t("membership.saw_events", **numbers)
    key = "membership.saw_steps" if asked == "regularly" else "membership.saw_amount"
    return visit.t(key, value=_number(seen["value"]), **numbers)


def draw(days: Sequence[DaySize]) -> str:
    """The points of a line through the sizes, in units of the drawing; empty for fewer than two.

    >>> from datetime import date
    >>> draw([DaySize(date(2026, 1, 1), 0, 0, 0), DaySize(date(2026, 1, 3), 10, 10, 0)])
    '0.0,116.0 600.0,4.0'
    """
    if len(days) < 2:
        return ""
    first, most = days[0].day, max(max(one.people for one in days), 1)
    span = max((days[-1].day - first).days, 1)
    room = HEIGHT - 8
    return " ".join(
        f"{(one.day - first).days * WIDTH / span:.1f},{4 + room - one.people * room / most:.1f}"
        for one in days
    )


def _page(visit: Visit, problem: str = "") -> Page:
    segment = get_segment(visit.conn, visit.id())
    today = visit.now.astimezone(ZoneInfo(read_brand(visit.conn).zone)).date()
    size = find_size(visit.conn, segment, visit.now)
    days = [
        one
        for one in list_sizes(visit.conn, segment.id, today - timedelta(days=_DAYS))
        if one.day != today
    ]
    days.append(DaySize(today, size.people, 0, 0))
    values = {
        "kept": segment,
        "size": size,
        "days": days,
        "points": draw(days),
        "width": WIDTH,
        "height": HEIGHT,
        "changes": list_changes(visit.settings, visit.conn, segment.id),
        "edited": find_edit(visit.conn, segment.id, segment.version),
        "is_told": is_told(visit.conn, segment.id, segment.version),
        "problem": problem,
    }
    return Page("desk/segment_membership.html", values, 422 if problem else 200)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return str(value)


def _number(value: float) -> str:
    """As people write it, to the millionths in which sums are exact."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")
