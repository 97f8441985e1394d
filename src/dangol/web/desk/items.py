"""Products and articles: the list, a form, a file, and everyone whom one of them interests."""

import json

from dangol.errors import DangolError, InputError
from dangol.know.interest.items import (
    Given,
    list_items,
    post_items,
    readers_condition,
    remove_item,
)
from dangol.know.interest.lookup import list_tags
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk.listing import CSV_ROWS, PAGE, ListPage, csv_file, list_url, offset_of
from dangol.web.item_file import KINDS, read_items, split_tags
from dangol.web.visit import Visit

_SHOWN_TAGS = 40


def show_list(visit: Visit) -> Answer:
    """The latest first."""
    return _page(visit)


def download(visit: Visit) -> Answer:
    """The list as CSV, in the form in which it can be uploaded again."""
    items, _ = list_items(visit.conn, visit.query("q"), limit=CSV_ROWS)
    rows = ((one.key, one.title, one.kind, one.url, "; ".join(one.tags)) for one in items)
    return csv_file("items.csv", ("id", "title", "kind", "url", "tags"), rows)


def save(visit: Visit) -> Answer:
    """Keep one item from the form, or all of a file."""
    try:
        given = _from_file(visit) if visit.form("do") == "file" else [_from_form(visit)]
        items = post_items(visit.conn, given, visit.now)
    except DangolError as error:
        return _page(visit, visit.say(error))
    visit.record("items_posted", items[0].key, items=len(items))
    return Move("/items", "items.kept")


def remove(visit: Visit) -> Answer:
    """Take an item away."""
    remove_item(visit.conn, visit.form("key"))
    visit.record("item_removed", visit.form("key"))
    return Move("/items", "items.removed")


def readers_url(tags: list[str]) -> str:
    """Where everyone with an interest in one of `tags` is listed."""
    condition = json.dumps(readers_condition(tags), ensure_ascii=False)
    return list_url("/segments/people", {"condition": condition})


def _page(visit: Visit, problem: str = "") -> Page:
    text = visit.query("q").strip()
    offset = offset_of(visit)
    items, total = list_items(visit.conn, text, limit=PAGE, offset=offset)
    tags = [(tag, people, readers_url([tag])) for tag, people in list_tags(visit.conn, _SHOWN_TAGS)]
    values = {
        "page": ListPage(items, total, offset, "/items", {"q": text}),
        "q": text,
        "tags": tags,
        "readers_url": readers_url,
        "kinds": KINDS,
        "problem": problem,
    }
    return Page("desk/items.html", values, 422 if problem else 200)


def _from_form(visit: Visit) -> Given:
    return Given(
        id=visit.form("key"),
        title=visit.form("title"),
        kind=visit.form("kind") or KINDS[0],
        url=visit.form("url") or None,
        tags=split_tags(visit.form("tags")),
    )


def _from_file(visit: Visit) -> list[Given]:
    upload = visit.given.uploads.get("file")
    if upload is None or not upload.size:
        raise InputError(visit.t("import.no_file"))
    return read_items(upload.path)
