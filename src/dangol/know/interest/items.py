"""Items: what a shop sells and writes, with tags. The caller owns the transaction.

An item gives its tags to every event about it, so posting one shows at once whose interest it is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from dangol.errors import InputError, NotFound
from dangol.model.tag import fold_tag
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

MOST_AT_ONCE = 10_000
_MOST_TAGS = 50
_LONGEST = 500


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An item as somebody states it."""

    id: str
    title: str
    kind: str = "product"
    url: str | None = None
    tags: tuple[str, ...] = ()
    posted_at: datetime | None = None
    """None: now, or as it was before."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item that is kept."""

    key: str
    kind: str
    title: str
    url: str | None
    tags: list[str]
    posted_at: datetime
    changed_at: datetime


def post_items(conn: psycopg.Connection, given: Sequence[Given], now: datetime) -> list[Item]:
    """Keep items; one with a known id replaces what was said before.

    Raises:
        InputError: one of them cannot be used; none is kept then.
    """
    if not 0 < len(given) <= MOST_AT_ONCE:
        raise InputError("Post 1 to {most} items at once.", most=MOST_AT_ONCE)
    last = {item.id.strip(): _checked(item) for item in given}
    rows = [_values(item, now) for item in last.values()]
    with conn.cursor() as cursor:
        cursor.executemany(SQL.save_item, rows)
    kept = {item.key: item for item in find_items(conn, list(last))}
    return [kept[key] for key in last]


def find_items(conn: psycopg.Connection, keys: Sequence[str]) -> list[Item]:
    """Those of the named items that are kept."""
    cursor = conn.cursor(row_factory=dict_row)
    return [Item(**row) for row in cursor.execute(SQL.find_items, {"keys": list(keys)})]


def list_items(
    conn: psycopg.Connection, text: str = "", *, limit: int = 50, offset: int = 0
) -> tuple[list[Item], int]:
    """Items whose title, id or tags contain `text`, the latest first, and how many in all."""
    args = {"text": fold_tag(text)}
    cursor = conn.cursor(row_factory=dict_row)
    rows = cursor.execute(SQL.list_items, args | {"limit": limit, "offset": offset}).fetchall()
    total = conn.execute(SQL.count_items, args).fetchone()[0]
    return [Item(**row) for row in rows], total


def remove_item(conn: psycopg.Connection, key: str) -> None:
    """Take an item away; interests follow when they are told anew.

    Raises:
        NotFound: there is none with this id.
    """
    if conn.execute(SQL.remove_item, {"key": key}).rowcount == 0:
        raise NotFound("There is no such item.")


def readers_condition(tags: Sequence[str]) -> dict[str, Any]:
    """The condition that means everyone with an interest in one of `tags`."""
    return {"kind": "interest", "in": list(dict.fromkeys(map(fold_tag, tags)))}


def _checked(item: Given) -> Given:
    tags = tuple(dict.fromkeys(tag.strip() for tag in item.tags if tag.strip()))
    texts = [item.id, item.title, item.kind, item.url or "", *tags]
    if not item.id.strip() or not item.title.strip() or not item.kind.strip():
        raise InputError("An item needs an id, a title and a kind.")
    if any(len(text) > _LONGEST or "\0" in text for text in texts) or len(tags) > _MOST_TAGS:
        raise InputError(
            "Item {id}: at most {tags} tags, and {most} characters for each text.",
            id=item.id[:60],
            tags=_MOST_TAGS,
            most=_LONGEST,
        )
    if item.posted_at is not None and item.posted_at.tzinfo is None:
        raise InputError("Times need an offset, such as 2026-03-01T18:00:00+09:00.")
    return msgspec.structs.replace(item, id=item.id.strip(), title=item.title.strip(), tags=tags)


def _values(item: Given, now: datetime) -> dict[str, Any]:
    return {
        "key": item.id,
        "kind": item.kind.strip(),
        "title": item.title,
        "url": item.url or None,
        "tags": list(item.tags),
        "posted_at": item.posted_at,
        "now": now,
    }
