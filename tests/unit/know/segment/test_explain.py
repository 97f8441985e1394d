"""An explanation says what the oracle says, and shows every leaf."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.know.segment import evaluate
from dangol.know.segment.check import walk_leaves
from dangol.know.segment.explain import explain, leaves_of
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
