"""An explanation says what the oracle says, and shows every leaf."""

from hypothesis import given, settings

from dangol.know.segment import Happening, Person, evaluate, parse
from dangol.know.segment.check import walk_leaves
from dangol.know.segment.explain import explain, leaves_of
from dangol.model.consent import ConsentState
from dangol.model.message import Channel
from dangol.model.stage import Stage
from tests.unit.know.segment.conditions import NOW, ZONE, conditions, people


@settings(max_examples=150, deadline=None)
@given(conditions, people)
def test_an_explanation_answers_as_the_oracle_does(given_condition: dict, one: dict) -> None:
    condition = parse(given_condition)
    person = Person(
        traits=one["traits"],
        stage=Stage(one["stage"] or "unknown"),
        consents={Channel.EMAIL: ConsentState(one["consent"] or "unknown")},
    )
    events = [Happening(name=n, time=t, props=p) for n, t, p in one["events"]]
    explained = explain(condition, person, events, NOW, ZONE)
    assert explained.answer == evaluate(condition, person, events, NOW, ZONE)
    leaves = list(leaves_of(explained))
    assert [leaf.condition for leaf in leaves] == [leaf for leaf, _ in walk_leaves(condition)]
    for leaf in leaves:
        assert leaf.answer == evaluate(leaf.condition, person, events, NOW, ZONE)
        if leaf.seen is not None and leaf.seen.kind == "events":
            assert 0 <= leaf.seen.times <= leaf.seen.ever
