"""`/api/v1/stages|rhythm|rfm|meetings`: the relationship with everyone, and the people of each number.

Days are those of the brand's zone: how things stood at the end of each, as the desk shows them.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import psycopg
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery

from dangol.engine.query.found import (
    Base,
    Cell,
    Flow,
    Grid,
    Meetings,
    MeetingStep,
    Moves,
    People,
    Sizes,
)
from dangol.errors import InputError
from dangol.model.event import Cause
from dangol.store.brand import read_brand
from dangol.web.api.access import After, Offset, in_transaction
from dangol.web.api.describe import get
from dangol.web.desk.span import FIRST_DAY, DaySpan
from dangol.web.query import ask

Stood = Literal["nobody", "unknown", "new", "active", "loyal", "lapsing", "inactive"]
"""A stage, or `nobody` before the first order."""
Who = Literal[
    "met", "too_young", "nothing_yet",
    "subscribed", "first_order", "second_order", "regular", "fan",
]  # fmt: skip
"""Everyone of the group, or who took a step of `MeetingStep`."""
_WAIT_S = 60.0


class Between(NamedTuple):
    """Two days; None for the usual ones."""

    since: date | None
    until: date | None


def between_asked(
    since: FromQuery[date | None] = None, until: FromQuery[date | None] = None
) -> Between:
    """Days of the brand's zone."""
    return Between(since, until)


@get("/stages/flow")
async def show_flow(request: Request, between: NamedDependency[Between]) -> list[Flow]:
    """How many went from which stage to which between two days (the last 30), stayers included."""
    span = await _span(request, between, 30)
    return await _ask(request, "stage_flow", span.ends)


@get("/stages/flow/people")
async def show_flow_people(
    request: Request,
    was: FromQuery[Stood],
    stage: FromQuery[Stood],
    between: NamedDependency[Between],
    page: NamedDependency[After],
) -> People:
    """Who stands behind one number of the flow; `after` is the last customer of the page before."""
    span = await _span(request, between, 30)
    asked = {"was": was, "stage": stage, **page._asdict()}
    return await _ask(request, "stage_people", span.ends | asked)


@get("/stages/sizes")
async def show_sizes(
    request: Request,
    between: NamedDependency[Between],
    steps: FromQuery[int] = 12,
) -> Sizes:
    """How many stood in each stage, in so many equal steps from one day to another."""
    span = await _span(request, between, 30)
    return await _ask(request, "stage_sizes", span.ends | {"steps": _bounded(steps)})


@get("/stages/moves")
async def show_moves(
    request: Request,
    between: NamedDependency[Between],
    rows: NamedDependency[Offset],
    was: FromQuery[Stood | None] = None,
    stage: FromQuery[Stood | None] = None,
    cause: FromQuery[Cause | None] = None,
) -> Moves:
    """Who moved and why: counted by stages and cause, and one by one, the latest first."""
    span = await _span(request, between, 30)
    asked = {"was": was or "", "stage": stage or "", "cause": cause.value if cause else ""}
    return await _ask(
        request, "stage_moves", span.ends | asked | {"after": rows.start, "limit": rows.limit}
    )


@get("/rhythm/base")
async def show_base(request: Request) -> Base:
    """How often people come, each by their own rhythm; `missing` says what there is too little of."""
    return await _ask(request, "rhythm_base", {})


@get("/rhythm/value")
async def show_value(request: Request) -> dict[str, Any]:
    """Orders and money that the next 365 days are expected to bring: in `total`, and by stage."""
    return await _ask(request, "rhythm_value", {})


@get("/rfm")
async def show_rfm(
    request: Request,
    on: FromQuery[date | None] = None,
    since: FromQuery[date | None] = None,
    days: FromQuery[int] = 365,
) -> Grid:
    """How lately and how often people came, in fifths, on a day; with `since`, who moved."""
    asked = await _table(request, on, since, days)
    return await _ask(request, "rfm_grid", asked)


@get("/rfm/people")
async def show_rfm_people(
    request: Request,
    page: NamedDependency[After],
    recency: FromQuery[int] = 0,
    frequency: FromQuery[int] = 0,
    on: FromQuery[date | None] = None,
    days: FromQuery[int] = 365,
) -> Cell:
    """Who stands in a cell of the table: scores from 1 to 5, 0 for any."""
    asked = await _table(request, on, None, days)
    scores = {"recency": min(max(recency, 0), 5), "frequency": min(max(frequency, 0), 5)}
    return await _ask(request, "rfm_people", asked | scores | page._asdict())


@get("/meetings")
async def show_meetings(
    request: Request, between: NamedDependency[Between], days: FromQuery[int] = 90
) -> Meetings:
    """How far those got who were first seen between two days, each within `days` of that."""
    asked = await _met(request, between, days)
    return await _ask(request, "meetings", asked)


@get("/meetings/people")
async def show_meeting_people(
    request: Request,
    who: FromQuery[Who],
    between: NamedDependency[Between],
    page: NamedDependency[After],
    stopped: FromQuery[bool] = False,
    days: FromQuery[int] = 90,
) -> People:
    """Who took a step; with `stopped`, for whom it was the last."""
    asked = await _met(request, between, days)
    asked |= {"who": who, "has_stopped": stopped and who in list(MeetingStep)}
    return await _ask(request, "meeting_people", asked | page._asdict())


BETWEEN = {"between": Provide(between_asked, sync_to_thread=False)}
"""What calls between two days take as `between`."""

RELATIONSHIP = [
    show_flow,
    show_flow_people,
    show_sizes,
    show_moves,
    show_base,
    show_value,
    show_rfm,
    show_rfm_people,
    show_meetings,
    show_meeting_people,
]


async def _span(request: Request, between: Between, days: int, ending: int = 0) -> DaySpan:
    """The two days; `days` that ended `ending` days ago where they are not given."""
    zone, today = await in_transaction(request, _zone_and_day)
    last = between.until or today - timedelta(days=ending)
    first = between.since or max(last, FIRST_DAY + timedelta(days=days)) - timedelta(days=days)
    if not FIRST_DAY <= first < last <= today:
        raise InputError("`since` is a day before `until`, and neither lies in the future.")
    return DaySpan(first, last, zone)


async def _table(
    request: Request, on: date | None, since: date | None, days: int
) -> dict[str, Any]:
    span = await _span(request, Between(since, on), 90)
    asked = {"on": span.query["until"], "days": _bounded(days)}
    return asked | ({"since": span.query["since"]} if since else {})


async def _met(request: Request, between: Between, days: int) -> dict[str, Any]:
    days = _bounded(days)
    return (await _span(request, between, 365, days)).whole | {"days": days}


def _zone_and_day(conn: psycopg.Connection) -> tuple[str, date]:
    zone = read_brand(conn).zone
    return zone, datetime.now(UTC).astimezone(ZoneInfo(zone)).date()


def _bounded(number: int) -> int:
    return min(max(number, 1), 3650)


async def _ask(request: Request, kind: str, values: dict[str, Any]) -> Any:
    settings = request.app.state.settings
    return await sync_to_thread(lambda: ask(settings, kind, values, timeout_s=_WAIT_S))
