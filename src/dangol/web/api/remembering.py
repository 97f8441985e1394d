"""`/api/v1/items`, `/moments`, `/customers/{id}/notes|interests`: what conditions can name besides events."""

import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from dangol.engine.query.found import Preview
from dangol.know.interest.items import (
    Given,
    Item,
    list_items,
    post_items,
    readers_condition,
    remove_item,
)
from dangol.know.interest.lookup import Interest, list_interests
from dangol.know.moment.service import (
    Moment,
    Posted,
    end_moment,
    get_moment,
    list_moments,
    post_moment,
)
from dangol.know.notes.service import Note, change_note, list_notes, remove_note, write_note
from dangol.web.api.access import Offset, customer_of, in_transaction
from dangol.web.api.describe import CsvTaken, delete, get, post, put
from dangol.web.item_file import read_items
from dangol.web.query import QueryFailed, ask

_MOST = 500
_LARGEST_FILE = 16 * 1024 * 1024
"""Bytes; 10,000 items fit."""


class ItemsGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Items to keep, up to 10,000."""

    items: list[Given]


class ItemsKept(msgspec.Struct, frozen=True, kw_only=True):
    """What was kept, and whom it interests as far as is known."""

    items: list[Item]
    readers: Preview | None
    """The preview of everyone with an interest in one of the tags; None without tags, or when
    history did not answer in time."""


class ItemsFound(msgspec.Struct, frozen=True, kw_only=True):
    """One page of items, the latest first."""

    total: int
    items: list[Item]


class NoteGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A note to write down; with an `id` of your own, sending it again changes nothing."""

    text: str
    id: UUID | None = None


class NoteChanged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other words, and whether letters may use them."""

    text: str
    for_letters: bool = False


class MomentGiven(Posted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that begins; with an `id` of your own, sending it again changes nothing."""

    id: UUID | None = None


@post("/items", status_code=200)
async def keep_items(request: Request, data: JSONBody[ItemsGiven]) -> ItemsKept:
    """Keep products or articles with their tags, and preview exactly whom they interest.

    An item with a known id replaces what was said before.
    """
    return await _keep(request, data.items)


@post("/items/file", status_code=200, operation_class=CsvTaken, request_max_body_size=_LARGEST_FILE)
async def keep_file(request: Request) -> ItemsKept:
    """The same from a CSV file with the columns id, title, kind, url and tags (between semicolons)."""
    folder = Path(tempfile.mkdtemp(prefix="upload-", dir=request.app.state.upload_dir))
    try:
        file = folder / "items.csv"
        file.write_bytes(await request.body())
        items = await sync_to_thread(read_items, file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return await _keep(request, items)


@get("/items")
async def show_items(
    request: Request, rows: NamedDependency[Offset], q: FromQuery[str] = ""
) -> ItemsFound:
    """Items by a part of their title, id or tags."""

    def work(conn: psycopg.Connection) -> ItemsFound:
        items, total = list_items(
            conn, q.replace("\0", "")[:200], limit=rows.limit, offset=rows.start
        )
        return ItemsFound(total=total, items=items)

    return await in_transaction(request, work)


@delete("/items/{key:path}")
async def drop_item(request: Request, key: FromPath[Path]) -> None:
    """Take an item away; its id may contain slashes."""
    await in_transaction(request, lambda conn: remove_item(conn, str(key).removeprefix("/")))


@get("/moments")
async def show_moments(request: Request) -> list[Moment]:
    """Moments, those that go on first."""
    return await in_transaction(request, list_moments)


@post("/moments")
async def begin_moment(request: Request, data: JSONBody[MomentGiven]) -> Moment:
    """Something begins outside; conditions can ask who is in its place."""
    actor, now = request.state.actor, datetime.now(UTC)
    return await in_transaction(
        request, lambda conn: post_moment(conn, data, by=actor, now=now, moment_id=data.id)
    )


@get("/moments/{moment_id:uuid}")
async def show_moment(request: Request, moment_id: FromPath[UUID]) -> Moment:
    """One moment."""
    return await in_transaction(request, lambda conn: get_moment(conn, moment_id))


@post("/moments/{moment_id:uuid}/end", status_code=200)
async def finish_moment(request: Request, moment_id: FromPath[UUID]) -> Moment:
    """It is over."""
    now = datetime.now(UTC)
    return await in_transaction(request, lambda conn: end_moment(conn, moment_id, now))


@get("/customers/{customer_id:int}/notes")
async def show_notes(request: Request, customer_id: FromPath[int]) -> list[Note]:
    """What the team wrote down about a customer."""

    def work(conn: psycopg.Connection) -> list[Note]:
        return list_notes(conn, customer_of(conn, customer_id).customer_id)

    return await in_transaction(request, work)


@post("/customers/{customer_id:int}/notes", status_code=201)
async def add_note(
    request: Request, customer_id: FromPath[int], data: JSONBody[NoteGiven]
) -> dict[str, UUID]:
    """Write a note; letters do not use it."""
    actor, now = request.state.actor, datetime.now(UTC)

    def work(conn: psycopg.Connection) -> dict[str, UUID]:
        number = customer_of(conn, customer_id).customer_id
        return {"id": write_note(conn, number, data.text, by=actor, now=now, note_id=data.id)}

    return await in_transaction(request, work)


@put("/customers/{customer_id:int}/notes/{note_id:uuid}", status_code=204)
async def reword_note(
    request: Request,
    customer_id: FromPath[int],
    note_id: FromPath[UUID],
    data: JSONBody[NoteChanged],
) -> None:
    """Other words; with `for_letters` they are also the trait `note`, which letters may use."""
    actor, now = request.state.actor, datetime.now(UTC)

    def work(conn: psycopg.Connection) -> None:
        number, may = customer_of(conn, customer_id).customer_id, data.for_letters
        change_note(conn, number, note_id, data.text, for_letters=may, by=actor, now=now)

    await in_transaction(request, work)


@delete("/customers/{customer_id:int}/notes/{note_id:uuid}")
async def drop_note(request: Request, customer_id: FromPath[int], note_id: FromPath[UUID]) -> None:
    """Take a note away, also from what letters may use."""
    actor, now = request.state.actor, datetime.now(UTC)

    def work(conn: psycopg.Connection) -> None:
        number = customer_of(conn, customer_id).customer_id
        remove_note(conn, number, note_id, by=actor, now=now)

    await in_transaction(request, work)


@get("/customers/{customer_id:int}/interests")
async def show_interests(request: Request, customer_id: FromPath[int]) -> list[Interest]:
    """What a customer likes, the strongest first, with the counts that say so."""
    now = datetime.now(UTC)

    def work(conn: psycopg.Connection) -> list[Interest]:
        return list_interests(conn, customer_of(conn, customer_id).customer_id, now, _MOST)

    return await in_transaction(request, work)


REMEMBERING: list[Any] = [
    keep_items,
    keep_file,
    show_items,
    drop_item,
    show_moments,
    begin_moment,
    show_moment,
    finish_moment,
    show_notes,
    add_note,
    reword_note,
    drop_note,
    show_interests,
]


async def _keep(request: Request, given: Sequence[Given]) -> ItemsKept:
    now = datetime.now(UTC)
    items = await in_transaction(request, lambda conn: post_items(conn, given, now))
    tags = [tag for item in items for tag in item.tags]
    return ItemsKept(items=items, readers=await _readers(request, tags))


async def _readers(request: Request, tags: list[str]) -> Preview | None:
    if not tags:
        return None
    values = {"condition": readers_condition(tags), "sample": 10}
    try:
        found = await sync_to_thread(ask, request.app.state.settings, "preview", values)
        return msgspec.convert(found, Preview)
    except QueryFailed:
        return None  # the items are kept whatever the preview says
