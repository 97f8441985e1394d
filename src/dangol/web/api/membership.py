"""`/api/v1/segments/{id}/…`: who is in a segment, how many over time, who came and went, and why."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, FromQuery, JSONBody

from dangol.engine.backfilling import Planned, plan_backfill
from dangol.engine.query.found import Why
from dangol.know.segment.membership.service import (
    DaySize,
    Edited,
    Member,
    Moved,
    Size,
    find_edit,
    find_size,
    list_members,
    list_sizes,
)
from dangol.know.segment.service import get_segment
from dangol.web.api.access import customer_of, in_transaction
from dangol.web.api.describe import get, post
from dangol.web.query import ask
from dangol.web.stays import list_changes

MOST = 1_000


class MembersShown(msgspec.Struct, frozen=True, kw_only=True):
    """A page of members; `next` goes on after it, null at the end."""

    size: Size
    members: list[Member]
    next: int | None


class HistoryShown(msgspec.Struct, frozen=True, kw_only=True):
    """The size now, by day, and the latest entries and exits."""

    size: Size
    days: list[DaySize]
    changes: list[Moved]
    edited: Edited
    """What the present definition changed silently."""


class BackfillGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The version, and how many people the caller has seen that it would tell of."""

    version: int
    confirmed: int


@get("/segments/{segment_id:uuid}/members")
async def show_members(
    request: Request,
    segment_id: FromPath[UUID],
    after: FromQuery[int] = -1,
    limit: FromQuery[int] = 100,
) -> MembersShown:
    """Who is in it, as kept; in order of bucket and number."""

    def work(conn: Any) -> MembersShown:
        most = min(max(limit, 1), MOST)
        size = find_size(conn, get_segment(conn, segment_id), datetime.now(UTC))
        members = list_members(conn, segment_id, after, most + 1)
        following = members[most - 1].customer_id if len(members) > most else None
        return MembersShown(size=size, members=members[:most], next=following)

    return await in_transaction(request, work)


@get("/segments/{segment_id:uuid}/size-history")
async def show_history(
    request: Request, segment_id: FromPath[UUID], since: FromQuery[date | None] = None
) -> HistoryShown:
    """How many there were at the end of each day, and who came and went lately."""

    def work(conn: Any) -> HistoryShown:
        now, settings = datetime.now(UTC), request.app.state.settings
        segment = get_segment(conn, segment_id)
        return HistoryShown(
            size=find_size(conn, segment, now),
            days=list_sizes(conn, segment_id, since or now.date() - timedelta(days=90)),
            changes=list_changes(settings, conn, segment_id, 100),
            edited=find_edit(conn, segment_id, segment.version),
        )

    return await in_transaction(request, work)


@get("/segments/{segment_id:uuid}/why/{customer_id:int}")
async def show_why(request: Request, segment_id: FromPath[UUID], customer_id: FromPath[int]) -> Why:
    """Whether this person is in it, leaf by leaf, with the values that were seen."""
    profile = await in_transaction(request, lambda conn: customer_of(conn, customer_id))
    values = {"segment_id": str(segment_id), "customer_id": profile.customer_id}
    return await sync_to_thread(ask, request.app.state.settings, "why", values)


@post("/segments/{segment_id:uuid}/backfill", status_code=202)
async def begin_backfill(
    request: Request, segment_id: FromPath[UUID], data: JSONBody[BackfillGiven]
) -> dict[str, UUID]:
    """Tell of those whom the version brought in silently; refused when they are more by now."""
    actor, now = request.state.actor, datetime.now(UTC)
    planned = Planned(segment_id, data.version, data.confirmed)
    job = await in_transaction(request, lambda conn: plan_backfill(conn, planned, actor, now))
    return {"job": job}


MEMBERSHIP = [show_members, show_history, show_why, begin_backfill]
