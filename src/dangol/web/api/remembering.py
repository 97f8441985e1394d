"""`/api/v1/items`, `/moments`, `/customers/{id}/notes|interests`: what conditions can name besides events."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import psycopg
from litestar import Request, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, FromQuery, JSONBody

from dangol.know.interest.items import (
    Given,
    Item,
    list_items,
    post_items,
    readers_condition,
    remove_item,
)
from dangol.know.interest.lookup import Interest, list_interests
from dangol.know.moment.service import Moment, Posted, end_moment, list_moments, post_moment
from dangol.know.notes.service import Note, list_notes, write_note
from dangol.know.profile.service import get_profile
from dangol.web.query import QueryFailed, ask

T = TypeVar("T")
_MOST = 500


class ItemsGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Items to keep, up to 10,000."""

    items: list[Given]


class ItemsKept(msgspec.Struct, frozen=True, kw_only=True):
    """What was kept, and whom it interests as far as is known."""

    items: list[Item]
    readers: dict[str, Any] | None
    """The preview of everyone with an interest in one of the tags; None without tags, or when
    history did not answer in time."""


class ItemsFound(msgspec.Struct, frozen=True, kw_only=True):
    """One page of items, the latest first."""

    total: int
    items: list[Item]


class NoteGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A note to write down."""

    text: str


@post("/items", status_code=200)
async def keep_items(request: Request, data: JSONBody[ItemsGiven]) -> ItemsKept:
    """Keep products or articles with their tags, and preview exactly whom they interest."""
    now = datetime.now(UTC)
    items = await _work(request, lambda conn: post_items(conn, data.items, now))
    tags = [tag for item in items for tag in item.tags]
    return ItemsKept(items=items, readers=await _readers(request, tags))


@get("/items")
async def show_items(
    request: Request, q: FromQuery[str] = "", limit: FromQuery[int] = 50, offset: FromQuery[int] = 0
) -> ItemsFound:
    """Items by a part of their title, id or tags."""
    size, start = min(max(limit, 1), _MOST), min(max(offset, 0), 10**9)

    def work(conn: psycopg.Connection) -> ItemsFound:
        items, total = list_items(conn, q[:200], limit=size, offset=start)
        return ItemsFound(total=total, items=items)

    return await _work(request, work)


@delete("/items/{key:str}")
async def drop_item(request: Request, key: FromPath[str]) -> None:
    """Take an item away."""
    await _work(request, lambda conn: remove_item(conn, key))


@get("/moments")
async def show_moments(request: Request) -> list[Moment]:
    """Moments, those that go on first."""
    return await _work(request, list_moments)


@post("/moments")
async def begin_moment(request: Request, data: JSONBody[Posted]) -> Moment:
    """Something begins outside; conditions can ask who is in its place."""
    actor, now = request.state.actor, datetime.now(UTC)
    return await _work(request, lambda conn: post_moment(conn, data, by=actor, now=now))


@post("/moments/{moment_id:uuid}/end", status_code=200)
async def finish_moment(request: Request, moment_id: FromPath[UUID]) -> Moment:
    """It is over."""
    now = datetime.now(UTC)
    return await _work(request, lambda conn: end_moment(conn, moment_id, now))


@get("/customers/{customer_id:int}/notes")
async def show_notes(request: Request, customer_id: FromPath[int]) -> list[Note]:
    """What the team wrote down about a customer."""

    def work(conn: psycopg.Connection) -> list[Note]:
        return list_notes(conn, get_profile(conn, _within(customer_id)).customer_id)

    return await _work(request, work)


@post("/customers/{customer_id:int}/notes", status_code=201)
async def add_note(
    request: Request, customer_id: FromPath[int], data: JSONBody[NoteGiven]
) -> dict[str, UUID]:
    """Write a note; letters do not use it."""
    actor, now = request.state.actor, datetime.now(UTC)
    note_id = await _work(
        request, lambda conn: write_note(conn, _within(customer_id), data.text, by=actor, now=now)
    )
    return {"id": note_id}


@get("/customers/{customer_id:int}/interests")
async def show_interests(request: Request, customer_id: FromPath[int]) -> list[Interest]:
    """What a customer likes, the strongest first, with the counts that say so."""
    now = datetime.now(UTC)

    def work(conn: psycopg.Connection) -> list[Interest]:
        return list_interests(conn, get_profile(conn, _within(customer_id)).customer_id, now, _MOST)

    return await _work(request, work)


REMEMBERING: list[Any] = [
    keep_items,
    show_items,
    drop_item,
    show_moments,
    begin_moment,
    finish_moment,
    show_notes,
    add_note,
    show_interests,
]


async def _readers(request: Request, tags: list[str]) -> dict[str, Any] | None:
    if not tags:
        return None
    values = {"condition": readers_condition(tags), "sample": 10}
    try:
        return await sync_to_thread(ask, request.app.state.settings, "preview", values)
    except QueryFailed:
        return None  # the items are kept whatever the preview says


async def _work(request: Request, work: Callable[[psycopg.Connection], T]) -> T:
    def run() -> T:
        with request.app.state.pool.connection() as conn:
            return work(conn)

    return await sync_to_thread(run)


def _within(customer_id: int) -> int:
    return min(max(customer_id, 0), 2**62)
