"""What an answer depends on: the events, the people's data, and the time at which it turns."""

from datetime import timedelta
from typing import Any

import pytest

from dangol.know.segment import parse
from dangol.know.segment.plan import needs_of
from dangol.know.segment.reads import EventUse, reads_of
from tests.unit.know.segment.world import NOW

DAY = timedelta(days=1)
NONE = timedelta(0)


def _reads(*of: dict) -> Any:
    return reads_of(parse({"kind": "all", "of": list(of)}), NOW)


def test_events_with_their_properties_and_how_far_back() -> None:
    total = {"name": ["items", "0", "price"], "op": "exists"}
    found = _reads(
        {"kind": "did", "name": "Order", "within": {"days": 30}, "where": [total]},
        {"kind": "measure", "name": "Order", "take": "sum", "property": "total", "value": 5, "within": {"hours": 6}},
        {"kind": "not_followed", "name": "Cart", "then": {"name": "Order", "where": [{"name": "cart", "op": "exists"}]}, "after": {"days": 2}, "within": {"days": 9}},
        {"kind": "did_not", "name": "Refund"},
    )  # fmt: skip
    assert found.events == {
        "Order": EventUse(NOW - 30 * DAY, frozenset({"items", "total", "cart"})),
        "Cart": EventUse(NOW - 9 * DAY, frozenset()),
        "Refund": EventUse(None, frozenset()),
    }
    assert found.turns.events == {
        "Order": {NONE, 30 * DAY, timedelta(hours=6)},
        "Cart": {NONE, 9 * DAY, 2 * DAY},
        "Refund": {NONE},
    }
    assert not (found.turns.daily)
    assert not (found.zones)
    assert not (found.stages)
    assert not found.traits


def test_where_an_event_lay_and_what_is_the_same_are_properties() -> None:
    seoul = {"kind": "place", "regions": ["서울"]}
    near = {
        "kind": "place",
        "circle": {"lat": 1, "lon": 2, "radius_m": 3},
        "latitude": ["to", "lat"],
        "longitude": ["to", "lon"],
    }
    found = _reads(
        {"kind": "not_followed", "name": "Shipped", "where": [seoul], "then": {"name": "Delivered", "where": [near]}, "same": [["order", "id"]]},
    )  # fmt: skip
    assert found.events == {
        "Shipped": EventUse(None, frozenset({"order", "postcode", "address"})),
        "Delivered": EventUse(None, frozenset({"order", "to"})),
    }
    assert found.turns.events == {"Shipped": {NONE}, "Delivered": {NONE}}
    assert not found.traits


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        ({"kind": "did", "name": "x", "within": {"calendar_days": 7}}, {"daily", "zones"}),
        ({"kind": "did", "name": "x", "within": {"from": "2026-03-01"}}, {"zones"}),
        ({"kind": "regularly", "name": "x", "of_last": 4, "at_least": 3}, {"daily", "zones"}),
        ({"kind": "date", "name": "ends", "op": "next", "days": 7}, {"daily", "zones", "ends"}),
        ({"kind": "anniversary", "name": ["me", "born"], "within": {"days": 1}}, {"daily", "zones", "me"}),
        ({"kind": "place", "postcodes": ["06"]}, {"postcode", "address"}),
        ({"kind": "trait", "name": "city", "op": "exists"}, {"city"}),
        ({"kind": "stage", "in": ["loyal"]}, {"stages"}),
        ({"kind": "stage", "in": ["loyal"], "at_least": {"days": 7}}, {"stages", 7 * DAY}),
        ({"kind": "consent", "in": ["granted"]}, {"email"}),
        ({"kind": "subscription", "topic": "x"}, {"email"}),
        ({"kind": "interest", "in": ["X"], "at_least": 2}, {"interests", ("x", 2.0)}),
        ({"kind": "share", "of": "x", "to": 0.5}, set()),
    ],
)  # fmt: skip
def test_what_each_leaf_reads(leaf: dict, expected: set) -> None:
    found = _reads(leaf)
    flags = ("stages", "memberships", "interests", "zones")
    told = {flag for flag in flags if getattr(found, flag)}
    told |= {"daily"} if found.turns.daily else set()
    told |= found.turns.stages | found.turns.fades
    assert told | found.traits | found.channels == expected


def test_only_what_is_read_is_loaded() -> None:
    asked = [
        {"kind": "interest", "in": ["x"]},
        {"kind": "segment", "id": "00000000-0000-0000-0000-000000000001", "on": "2026-03-01"},
        {"kind": "subscription", "topic": "x"},
        {"kind": "last", "name": "x", "within": {"days": 30}},
    ]
    needs = needs_of(parse({"kind": "all", "of": asked}), NOW)
    assert needs == (
        ("customers", "events", "consents", "memberships", "interests"),
        NOW - 30 * DAY,
    )
    assert needs_of(parse({"kind": "share", "of": "x"}), NOW) == (("customers",), None)
