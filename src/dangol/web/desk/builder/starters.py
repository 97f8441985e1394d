"""Segments to start from: conditions that a shop often asks, in its own names.

Only what this shop could have is offered: birthdays where a birthday was heard, a tag that people
like, the place where most of them live.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from dangol.know.segment.check import Catalogue

_BIRTHDAYS = ("birthday", "birthdate", "birth_date", "date_of_birth", "born", "생일")
_HOMES = ("district", "city", "region", "구", "도시")
_SHIPPED, _ARRIVED = "Order Shipped", "Order Delivered"

Json = dict[str, Any]


class Shop(msgspec.Struct, frozen=True):
    """What a shop can be asked about."""

    main: str
    """The event that keeps a relationship alive, such as an order."""
    heard: Catalogue
    tag: str = ""
    """What most people like; empty where nothing is known of that."""
    homes: tuple[str, str] | None = None
    """A trait that tells where people live, and the most frequent value."""


class Starter(msgspec.Struct, frozen=True):
    """A condition to start from; `values` go into its name."""

    key: str
    condition: Json
    values: dict[str, str] = {}


def list_starters(shop: Shop) -> list[Starter]:
    """All that make sense for this shop, the most useful first."""
    return [
        *_by_orders(shop.main),
        *_by_home(shop),
        *_by_interest(shop),
        *_by_birthday(shop.heard),
        *_on_their_way(shop.heard),
    ]


def home_traits(heard: Catalogue) -> list[str]:
    """The traits that may tell where people live, the narrowest first."""
    return [name for name in _HOMES if name in heard.traits]


def _by_orders(main: str) -> Iterator[Starter]:
    once = {"kind": "did", "name": main, "times": {"op": "eq", "value": 1}}
    lately = {"days": 30}
    not_lately = {"kind": "did_not", "name": main, "within": lately}
    yield Starter("once", _all(once, not_lately))
    often = {"kind": "did", "name": main, "times": {"op": "ge", "value": 4}}
    yield Starter("quiet", _all({"kind": "stage", "in": ["lapsing"]}, often))
    clicked = {"kind": "message", "did": "clicked", "within": lately}
    yield Starter("clicked", _all(clicked, not_lately))
    never = {"kind": "did_not", "name": main}
    yield Starter("never", _all({"kind": "consent", "in": ["granted"]}, never))


def _by_home(shop: Shop) -> Iterator[Starter]:
    if shop.homes is None:
        return
    name, value = shop.homes
    home = {"kind": "trait", "name": name, "op": "eq", "value": value}
    yield Starter("home", _all({"kind": "stage", "in": ["loyal"]}, home), {"place": value})


def _by_interest(shop: Shop) -> Iterator[Starter]:
    if shop.tag:
        yield Starter("readers", _all({"kind": "interest", "in": [shop.tag]}), {"tag": shop.tag})


def _by_birthday(heard: Catalogue) -> Iterator[Starter]:
    name = next((one for one in _BIRTHDAYS if one in heard.traits), None)
    if name is None:
        return
    day = {"kind": "anniversary", "name": name, "within": {"days": 7}}
    yield Starter("birthday", {"kind": "any", "of": [day, day | {"calendar": "lunar"}]})


def _on_their_way(heard: Catalogue) -> Iterator[Starter]:
    if _SHIPPED not in heard.events:
        return
    sent = {"kind": "not_followed", "name": _SHIPPED, "where": [{"kind": "moment"}]}
    same = {"same": ["order_id"]} if (_SHIPPED, "order_id") in heard.properties else {}
    yield Starter("on_the_way", _all(sent | {"then": {"name": _ARRIVED}} | same))


def _all(*of: Json) -> Json:
    return {"kind": "all", "of": list(of)}
