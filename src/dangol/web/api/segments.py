"""`/api/v1/segments`: preview a condition, and make, read, change and remove segments."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, FromQuery, JSONBody

from dangol.engine.query.found import People, Preview
from dangol.errors import NotFound
from dangol.know.giving.fans import find_fans
from dangol.know.segment import to_json, words
from dangol.know.segment.schema import json_schema
from dangol.know.segment.service import (
    Saved,
    archive_segment,
    create_segment,
    delete_segment,
    edit_segment,
    get_segment,
    list_segments,
)
from dangol.know.segment.store import Segment, list_names
from dangol.web.api.access import in_transaction
from dangol.web.api.describe import delete, get, post, put
from dangol.web.query import ask


class PreviewAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition, and how many people to name."""

    condition: Any
    sample: int = 10


class PageAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition, and where the page begins: after this customer."""

    condition: Any
    after: int = 0
    limit: int = 50


class SegmentGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A segment to keep."""

    name: str
    definition: Any
    version: int | None = None
    """The one that was seen, for a change."""
    id: UUID | None = None
    """Of your own, for a new one: sending it again changes nothing."""


class SegmentShown(msgspec.Struct, frozen=True, kw_only=True):
    """A segment as the API gives it."""

    id: UUID
    name: str
    definition: dict[str, Any]
    words: dict[str, str]
    version: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    archived_at: datetime | None
    never_heard: list[Any] = []
    """Names in the definition that no event or profile has carried so far."""


@post("/segments/preview", status_code=200)
async def preview_segment(request: Request, data: JSONBody[PreviewAsked]) -> Preview:
    """Exactly how many people a condition means, and some of them."""
    values = {"condition": data.condition, "sample": data.sample}
    return await sync_to_thread(ask, request.app.state.settings, "preview", values)


@post("/segments/people", status_code=200)
async def show_people(request: Request, data: JSONBody[PageAsked]) -> People:
    """Everyone whom a condition means, page by page; `after` is the last customer of the page before."""
    values = msgspec.to_builtins(data)
    return await sync_to_thread(ask, request.app.state.settings, "people", values)


@get("/fans")
async def show_fans(request: Request) -> SegmentShown:
    """The segment that says who is a fan; it is changed like any other."""

    def work(conn: psycopg.Connection) -> SegmentShown:
        found = find_fans(conn)
        if found is None:
            raise NotFound
        return _shown(conn, get_segment(conn, found))

    return await in_transaction(request, work)


@get("/segments/schema", sync_to_thread=False)
def show_schema() -> dict[str, Any]:
    """JSON Schema of conditions."""
    return json_schema()


@get("/segments")
async def show_segments(request: Request) -> list[SegmentShown]:
    """Every segment that is not archived, by name."""

    def work(conn: psycopg.Connection) -> list[SegmentShown]:
        return [_shown(conn, one) for one in list_segments(conn)]

    return await in_transaction(request, work)


@post("/segments")
async def add_segment(request: Request, data: JSONBody[SegmentGiven]) -> SegmentShown:
    """Keep a new segment."""
    actor, now = request.state.actor, datetime.now(UTC)

    def work(conn: psycopg.Connection) -> SegmentShown:
        made = create_segment(conn, data.name, data.definition, actor, now, data.id)
        return _saved(conn, made)

    return await in_transaction(request, work)


@get("/segments/{segment_id:uuid}")
async def show_segment(request: Request, segment_id: FromPath[UUID]) -> SegmentShown:
    """One segment, archived or not."""
    return await in_transaction(request, lambda conn: _shown(conn, get_segment(conn, segment_id)))


@put("/segments/{segment_id:uuid}")
async def change_segment(
    request: Request, segment_id: FromPath[UUID], data: JSONBody[SegmentGiven]
) -> SegmentShown:
    """The next version; refused when `version` is no longer the current one."""
    actor, now = request.state.actor, datetime.now(UTC)

    def work(conn: psycopg.Connection) -> SegmentShown:
        current = get_segment(conn, segment_id)
        seen = msgspec.structs.replace(current, version=data.version or current.version)
        return _saved(conn, edit_segment(conn, seen, data.name, data.definition, actor, now))

    return await in_transaction(request, work)


@post("/segments/{segment_id:uuid}/archive", status_code=204)
async def put_away_segment(
    request: Request, segment_id: FromPath[UUID], version: FromQuery[int]
) -> None:
    """Take it out of the lists; refused while an open campaign or another segment uses it."""
    actor, now = request.state.actor, datetime.now(UTC)
    await in_transaction(
        request, lambda conn: archive_segment(conn, segment_id, version, actor, now)
    )


@delete("/segments/{segment_id:uuid}")
async def remove_segment(
    request: Request, segment_id: FromPath[UUID], version: FromQuery[int]
) -> None:
    """Remove a segment that nothing ever used."""
    await in_transaction(request, lambda conn: delete_segment(conn, segment_id, version))


SEGMENTS = [
    preview_segment,
    show_people,
    show_fans,
    show_schema,
    show_segments,
    add_segment,
    show_segment,
    change_segment,
    put_away_segment,
    remove_segment,
]


def _saved(conn: psycopg.Connection, saved: Saved) -> SegmentShown:
    shown = _shown(conn, saved.segment)
    return msgspec.structs.replace(shown, never_heard=msgspec.to_builtins(saved.never_heard))


def _shown(conn: psycopg.Connection, segment: Segment) -> SegmentShown:
    names = list_names(conn, segment.definition)
    said = {locale: words(segment.definition, locale, names) for locale in ("en", "ko")}
    return SegmentShown(
        id=segment.id,
        name=segment.name,
        definition=to_json(segment.definition),
        words=said,
        version=segment.version,
        created_at=segment.created_at,
        created_by=segment.created_by,
        changed_at=segment.changed_at,
        archived_at=segment.archived_at,
    )
