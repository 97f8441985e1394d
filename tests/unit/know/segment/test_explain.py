"""An explanation says what the oracle says, and shows every leaf."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.know.segment import evaluate, parse
from dangol.know.segment.check import walk_leaves
from dangol.know.segment.explain import explain, leaves_of
from dangol.know.segment.oracle import Happening, Person
from tests.unit.know.segment.conditions import conditions
from tests.unit.know.segment.duck import as_person, resolved
from tests.unit.know.segment.world import NOWS, ZONE, people

SCENES = st.sampled_from(NOWS).flatmap(lambda now: st.tuples(st.just(now), people(now), conditions))


@settings(max_examples=100, deadline=None)
@given(SCENES)
def test_an_explanation_answers_as_the_oracle_does(scene: tuple) -> None:
    now, one, question = scene
    condition = resolved(question)
    person, events = as_person(0, one, now)
    explained = explain(condition, person, events, now, ZONE)
    assert explained.answer == evaluate(condition, person, events, now, ZONE)
    leaves = list(leaves_of(explained))
    assert [leaf.condition for leaf in leaves] == [leaf for leaf, _ in walk_leaves(condition)]
    for leaf in leaves:
        assert leaf.answer == evaluate(leaf.condition, person, events, now, ZONE)
        if leaf.seen is not None and leaf.seen.kind == "events":
            assert 0 <= leaf.seen.times <= leaf.seen.ever


def test_amounts_steps_and_shares_are_shown() -> None:
    now = datetime(2026, 3, 10, tzinfo=UTC)
    days = [(1, 0.1), (2, 0.2), (9, 4)]
    events = [
        Happening(name="Order", time=now - timedelta(days=ago), props={"total": total})
        for ago, total in days
    ]
    asked = [
        {"kind": "measure", "name": "Order", "take": "sum", "property": "total", "value": 1},
        {"kind": "measure", "name": "Order", "take": "average", "property": "none", "value": 1},
        {"kind": "regularly", "name": "Order", "of_last": 4, "at_least": 2},
        {"kind": "share", "of": "global-2026"},
    ]
    explained = explain(parse({"kind": "all", "of": asked}), Person(customer_id=1), events, now)
    assert [leaf.seen.value for leaf in leaves_of(explained)] == [4.3, None, 3, 27.98]


def test_where_somebody_is_and_which_orders_are_on_their_way_are_shown() -> None:
    near = {"kind": "place", "circle": {"lat": 37.5, "lon": 127, "radius_m": 500}}
    way = {
        "kind": "not_followed",
        "name": "Shipped",
        "where": [near],
        "then": {"name": "Delivered"},
    }
    at = {"latitude": 37.5, "longitude": 127.001}
    events = [
        Happening(name=name, time=NOWS[0] - timedelta(days=ago), props={**at, "order": order})
        for name, ago, order in (("Shipped", 3, 1), ("Shipped", 2, 2), ("Delivered", 1, 1))
    ]
    asked = parse({"kind": "all", "of": [near, {**way, "same": ["order"]}]})
    explained = explain(asked, Person(traits=at), events, NOWS[0])
    assert explained.answer
    place, orders = (leaf.seen for leaf in leaves_of(explained))
    assert (place.name, place.value) == ("latitude, longitude", "37.5, 127.001")
    assert (orders.times, orders.ever, orders.last_at) == (1, 2, NOWS[0] - timedelta(days=2))
