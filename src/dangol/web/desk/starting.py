"""Segments to start from, each with how many people it means right now."""

import json
from typing import Any

from dangol.know.interest.lookup import list_tags
from dangol.know.segment.store import load_catalogue
from dangol.store.brand import read_brand
from dangol.web.answer import Answer, Page
from dangol.web.desk.builder.seen import list_seen
from dangol.web.desk.builder.starters import Shop, Starter, home_traits, list_starters
from dangol.web.desk.listing import Figure, list_url
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_WAIT_S = 20.0


def show_counted(visit: Visit) -> Answer:
    """The starters with their counts, as a part of the page of a new segment."""
    starters = offered(visit)
    counts = {one.key: _counted(visit, one) for one in starters}
    return Page("desk/segment_starters.html", {"starters": starters, "counts": counts})


def offered(visit: Visit) -> list[Starter]:
    """What this shop can start from."""
    heard = load_catalogue(visit.conn)
    tags = list_tags(visit.conn, 1)
    shop = Shop(
        main=read_brand(visit.conn).relationship_event,
        heard=heard,
        tag=tags[0][0] if tags else "",
        homes=_homes(visit, home_traits(heard)),
    )
    return list_starters(shop)


def find_starter(visit: Visit, key: str) -> Starter | None:
    """The one with this key, if the shop is offered it."""
    return next((one for one in offered(visit) if one.key == key), None)


def name_of(visit: Visit, starter: Starter) -> str:
    """How a segment is called that begins with it."""
    return visit.t(f"starter.{starter.key}", **starter.values)


def _homes(visit: Visit, names: list[str]) -> tuple[str, str] | None:
    for name in names:
        if seen := list_seen(visit.conn, name):
            return name, seen[0]
    return None


def _counted(visit: Visit, starter: Starter) -> Figure | None:
    """None when the answer does not come in time, which is not "nobody"."""
    asked: dict[str, Any] = {"condition": starter.condition, "sample": 0}
    try:
        found = ask(visit.settings, "preview", asked, timeout_s=_WAIT_S)
    except QueryFailed:
        return None
    text = json.dumps(starter.condition, ensure_ascii=False, separators=(",", ":"))
    return Figure(found["people"], list_url("/segments/people", {"condition": text}))
