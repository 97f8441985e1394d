"""What the language accepts, refuses, rewrites and says."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.know.segment import Catalogue, ConditionProblem, check, inline, parse, parse_json, words
from dangol.know.segment.condition import EVERYONE, All, Condition, Did, Not, ValueType, to_json
from dangol.know.segment.plan import plan
from dangol.know.segment.schema import json_schema
from tests.unit.know.segment.conditions import conditions
from tests.unit.know.segment.world import NOW

SCHEMA_FILE = Path(__file__).parents[4] / "docs/reference/condition.schema.json"
LOYAL = {"kind": "stage", "in": ["loyal"]}
CITY = {"kind": "trait", "name": "city", "op": "eq", "value": "Seoul"}
ORDER = {"kind": "did", "name": "Order Completed"}


@settings(max_examples=50, deadline=None)
@given(conditions)
def test_what_is_written_reads_back_the_same(question: dict) -> None:
    condition = parse(question)
    assert parse_json(json.dumps(to_json(condition))) == condition


def test_the_published_schema_is_this_one() -> None:
    """To renew: `python -m tests.unit.know.segment.test_language`."""
    assert json.loads(SCHEMA_FILE.read_text()) == json_schema()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(
    json_values
    | st.builds(lambda q, k, v: q | {k: v}, conditions, st.sampled_from(["of", "op", "name", "value", "kind", "in"]), json_values)
)  # fmt: skip
def test_any_json_is_read_or_refused_with_a_path(given: object) -> None:
    problem = _problem_of(given)
    assert problem is None or problem.path.startswith("$")
    assert problem is None or str(problem).endswith(".")


def _problem_of(given: object) -> ConditionProblem | None:
    try:
        check(parse(given), Catalogue())
    except ConditionProblem as problem:
        return problem
    return None


@pytest.mark.parametrize(
    ("question", "code", "path"),
    [
        ([], "bad_shape", "$"),
        ({"kind": "nobody"}, "bad_shape", "$.kind"),
        ({"kind": "all", "of": [LOYAL, {"kind": "stage", "in": ["vip"]}]}, "bad_shape", "$.of[1].in[0]"),
        ({**CITY, "extra": 1}, "bad_shape", "$"),
        ({**CITY, "op": "exists"}, "bad_value", "$.value"),
        ({**CITY, "value": None}, "bad_value", "$.value"),
        ({**CITY, "value": ["Seoul"]}, "bad_value", "$.value"),
        ({**CITY, "op": "in", "value": ["a", 1]}, "bad_value", "$.value"),
        ({**CITY, "op": "contains", "value": 5}, "bad_value", "$.op"),
        ({**CITY, "op": "lt", "value": True}, "bad_value", "$.op"),
        ({**CITY, "type": "number"}, "bad_value", "$.value"),
        ({**CITY, "name": " "}, "bad_name", "$.name"),
        ({**CITY, "value": "a\0b"}, "bad_text", "$"),
        ({**CITY, "value": "\ud800"}, "bad_text", "$"),
        ({**CITY, "op": "contains", "value": ""}, "bad_value", "$.value"),
        ({**CITY, "value": 10**400}, "bad_value", "$.value"),
        ({**CITY, "value": float("nan")}, "bad_value", "$.value"),
        ({**CITY, "type": "time"}, "bad_value", "$.value"),
        ({**CITY, "op": "in", "value": ["x"] * 1001}, "too_large", "$.value"),
        ({**ORDER, "within": {"days": 0}}, "bad_value", "$.within.days"),
        ({**ORDER, "times": {"op": "ge", "value": -1}}, "bad_value", "$.times.value"),
        ({**ORDER, "where": [{"name": "a", "op": "eq", "value": "\ud800"}]}, "bad_text", "$.where[0]"),
        ({**ORDER, "where": [CITY, {"name": "a", "op": 1}]}, "bad_shape", "$.where[0].kind"),
        ({**ORDER, "where": [{"name": "a", "op": 1}]}, "bad_shape", "$.where[0].op"),
        ({**ORDER, "where": [{"kind": "place"}]}, "bad_value", "$.where[0]"),
        ({**ORDER, "where": [{"kind": "moment", "latitude": "x"}]}, "bad_value", "$.where[0].latitude"),
        ({"kind": "followed", "name": "a", "then": {"name": "b"}, "same": list("abcd")}, "too_large", "$.same"),
        ({"kind": "followed", "name": "a", "then": {"name": "b"}, "same": ["a", []]}, "bad_name", "$.same[1]"),
        ({"kind": "stage", "in": []}, "bad_value", "$.in"),
        ({"kind": "any", "of": [LOYAL] * 51}, "too_large", "$"),
        ({"kind": "segment", "id": str(UUID(int=9))}, "unknown_segment", "$"),
    ],
)  # fmt: skip
def test_refusals_name_the_place(question: object, code: str, path: str) -> None:
    with pytest.raises(ConditionProblem) as caught:
        check(parse(question), Catalogue())
    assert (caught.value.code, caught.value.path) == (code, path)


def test_nesting_is_limited_before_and_after_reading() -> None:
    deep: dict = LOYAL
    for _ in range(10):
        deep = {"kind": "not", "of": deep}
    with pytest.raises(ConditionProblem, match="10 levels"):
        check(parse(deep), Catalogue())
    with pytest.raises(ConditionProblem):
        parse_json('{"kind":"not","of":' * 100_000)
    for _ in range(100):
        deep = {"kind": "not", "of": deep}
    with pytest.raises(ConditionProblem, match="60 levels"):
        parse(deep)


def test_types_are_checked_against_what_was_heard() -> None:
    heard = Catalogue(
        events=frozenset({"Order Completed"}),
        traits={"city": frozenset({ValueType.TEXT}), "tags": frozenset()},
        properties={("Order Completed", "total"): frozenset({ValueType.NUMBER})},
    )
    with pytest.raises(ConditionProblem, match="heard as text, never as number") as caught:
        check(parse({**CITY, "value": 5}), heard)
    assert caught.value.code == "wrong_type"
    with pytest.raises(ConditionProblem, match="list or object"):
        check(parse({**CITY, "name": "tags"}), heard)
    assert check(parse({**CITY, "op": "lt", "type": "time", "value": "2026-01-01"}), heard) == []
    assert check(parse(CITY), heard) == []


def test_names_never_heard_are_pointed_out() -> None:
    where = [{"name": "total", "op": "gt", "value": 1}]
    notes = check(parse({"kind": "all", "of": [{**ORDER, "where": where}]}), Catalogue())
    assert [(note.path, note.kind, note.name) for note in notes] == [
        ("$.of[0].name", "event", "Order Completed"),
        ("$.of[0].where[0].name", "property", "total"),
    ]


def test_where_an_event_lay_is_looked_up_among_its_properties() -> None:
    near = {"kind": "place", "circle": {"lat": 37.5, "lon": 127, "radius_m": 500}}
    named = {"kind": "moment", "latitude": "lat", "longitude": ["to", "lon"]}
    asked = {**ORDER, "kind": "followed", "where": [near, named], "same": ["id"]}
    asked["then"] = {"name": "Order Completed"}
    heard = Catalogue(
        events=frozenset({"Order Completed"}),
        properties={("Order Completed", "lat"): frozenset({ValueType.NUMBER})},
    )
    assert [(note.path, note.kind, note.name) for note in check(parse(asked), heard)] == [
        ("$.where[0]", "property", "latitude"),
        ("$.where[1].longitude", "property", "to"),
        ("$.same[0]", "property", "id"),
    ]
    address = {("Order Completed", key): frozenset() for key in ("address", "lat", "to", "id")}
    heard = Catalogue(events=heard.events, properties=address)
    assert check(parse(asked), heard) == []


def test_segments_are_inlined_and_may_not_contain_each_other() -> None:
    a, b = UUID(int=1), UUID(int=2)
    in_a, in_b = ({"kind": "segment", "id": str(key)} for key in (a, b))
    defined = {a: parse({"kind": "not", "of": in_b}), b: parse(LOYAL)}
    assert inline(parse(in_a), defined) == Not(of=parse(LOYAL))
    defined[b] = parse({"kind": "any", "of": [LOYAL, in_a]})
    with pytest.raises(ConditionProblem, match="contain each other") as caught:
        check(parse({"kind": "all", "of": [LOYAL, in_a]}), Catalogue(segments=defined))
    assert (caught.value.code, caught.value.path[:8]) == ("cycle", "$.of[1].")


def test_rewrites_leave_one_counter_for_each_question() -> None:
    recent = {**ORDER, "within": {"days": 30}}
    asked = parse(
        {
            "kind": "all",
            "of": [
                {"kind": "all", "of": [recent, LOYAL]},
                {"kind": "not", "of": {"kind": "not", "of": {**recent, "times": {"value": 3}}}},
                {"kind": "any", "of": [LOYAL]},
                {"kind": "did_not", "name": "Order Completed", "within": {"days": 7}},
            ],
        }
    )
    planned = plan(asked, NOW)
    assert isinstance(planned.where, All)
    assert [type(part).__name__ for part in planned.where.of] == ["Did", "StageIs", "Did", "Did"]
    assert [(counter.name, counter.within.days) for counter in planned.counters] == [
        ("Order Completed", 30),
        ("Order Completed", 7),
    ]
    assert planned.since == NOW - timedelta(days=30)
    assert plan(Did(name="x"), NOW).since is None


@pytest.mark.parametrize(
    ("question", "english", "korean"),
    [
        ({"kind": "all", "of": []}, "all customers", "모든 손님"),
        (CITY, "customers whose city is “Seoul”", "city 값이 “Seoul”인 손님"),
        (LOYAL, "customers who are “Regular”", "단골인 손님"),
        (
            {"kind": "stage", "in": ["loyal", "lapsing"]},
            "customers who are “Regular” or “Gone quiet”",
            "단골 또는 뜸해진 손님",
        ),
        (
            {**ORDER, "times": {"op": "ge", "value": 2}, "within": {"days": 90}},
            "customers who did “Order Completed” at least 2 times in the last 90 days",
            "최근 90일 동안 “Order Completed” 기록이 2번 이상인 손님",
        ),
        (
            {"kind": "did_not", "name": "구독", "where": [{"name": "금액", "op": "lt", "value": 5e3}]},
            "customers who did not do “구독” where 금액 is less than 5,000",
            "“구독” 기록(금액이 5,000보다 작은 것)이 없는 손님",
        ),
        (
            {"kind": "any", "of": [LOYAL, {**CITY, "name": "도시", "op": "starts_with", "value": "서울"}]},
            "customers who are “Regular”, or whose 도시 starts with “서울”",
            "단골이거나, 도시가 “서울”로 시작하는 손님",
        ),
        (
            {"kind": "not", "of": {"kind": "segment", "id": str(UUID(int=1))}},
            "customers not those who belong to “단골들”",
            "(“단골들” 손님 묶음에 들어 있는 사람)이 아닌 손님",
        ),
    ],
)  # fmt: skip
def test_words_in_both_languages(question: dict, english: str, korean: str) -> None:
    names = {UUID(int=1): "단골들"}
    assert words(parse(question), "en", names) == english
    assert words(parse(question), "ko-KR", names) == korean


@settings(max_examples=50, deadline=None)
@given(conditions)
def test_every_condition_can_be_said(question: dict) -> None:
    condition: Condition = parse(question)
    assert words(condition, "ko")
    assert words(condition, "en").startswith(("customers", "all", "nobody"))
    assert words(EVERYONE, "fr") == "all customers"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(json_schema(), indent=2) + "\n")
