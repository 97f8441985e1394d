"""The schema accepts what `parse` accepts, and refuses what it refuses; nothing hostile breaks either."""

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dangol.know.segment import Catalogue, ConditionProblem, check, compile, parse, to_json, words
from dangol.know.segment.schema import json_schema
from tests.unit.know.segment.conditions import LEAVES, leaves
from tests.unit.know.segment.duck import fill, open_lake
from tests.unit.know.segment.world import NOW

_VALIDATOR = jsonschema.Draft202012Validator(
    json_schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
_SLIPS = [
    None, "", " ", "x", "a" * 256, "a" * 1001, "\0", 0, 1, -1, 61, 1e400, 10**400, 3.5, True, [], [""],
    ["a", 1], ["a"] * 6, {}, {"days": 0}, {"days": 1}, {"days": 1, "hours": 1}, {"days": None, "hours": 2},
    {"from": "2026-01-01"}, {"from": "2026-02-30"}, {"from": "1899-01-01"}, {"calendar_weeks": 521},
    {"days_ago": 0}, {"days_ahead": -1}, "2026-03-10", "eq", "sum", "week", "length", "time",
    {"name": "x", "op": "eq", "value": 1}, [{"name": "x", "op": "exists"}], {"lat": 91, "lon": 0, "radius_m": 1},
    [[0, 0], [1, 1], [2, 0]], [[0, 0], [1, 1]], ["06"], ["6 2-3"], [" "], ["서울"],
    "00000000-0000-0000-0000-000000000001",
]  # fmt: skip
"""Values that stand in the wrong place, or that are one too much."""


def _places(given: Any, at: tuple = ()) -> list[tuple]:
    """Every key of every object, and every index of every list."""
    items = (
        given.items()
        if isinstance(given, dict)
        else enumerate(given)
        if isinstance(given, list)
        else ()
    )
    return [place for key, item in items for place in ((*at, key), *_places(item, (*at, key)))]


@st.composite
def _slipped(draw: st.DrawFn) -> dict:
    """A leaf with something wrong in it, most of the time."""
    question = copy.deepcopy(draw(leaves))
    *above, last = draw(st.sampled_from(_places(question)))
    holder: Any = question
    for key in above:
        holder = holder[key]
    action = draw(st.sampled_from(["change", "change", "remove", "add"]))
    if action == "add" and isinstance(holder, dict):
        keys = [
            "within",
            "where",
            "value",
            "type",
            "of",
            "days",
            "until",
            "postcode",
            "latitude",
            "x",
        ]
        holder[draw(st.sampled_from(keys))] = draw(st.sampled_from(_SLIPS))
    elif action == "remove":
        del holder[last]
    else:
        holder[last] = draw(st.sampled_from(_SLIPS))
    return question


def _is_read(question: Any) -> bool | None:
    """Whether `parse` reads it; None where two values contradict each other, which a schema cannot say."""
    try:
        parse(question)
    except ConditionProblem as problem:
        return None if problem.code == "crossed" else False
    return True


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(_slipped())
def test_the_schema_accepts_exactly_what_is_read(question: dict) -> None:
    is_read = _is_read(question)
    assert is_read is None or _VALIDATOR.is_valid(question) == is_read, question


@pytest.mark.parametrize("kind", LEAVES)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_leaf_is_written_as_it_is_read(kind: str, data: st.DataObject) -> None:
    condition = parse(data.draw(LEAVES[kind]))
    written = json.loads(json.dumps(to_json(condition)))
    assert parse(written) == condition
    assert _VALIDATOR.is_valid(written)


@pytest.mark.parametrize(
    "question",
    [
        {"kind": "trait", "name": ["a"] * 100_000, "op": "exists"},
        {"kind": "trait", "name": "a", "op": "in", "value": list(range(1_000_000))},
        {"kind": "place", "polygon": [[0, 0]] * 100_000},
        {"kind": "place", "circle": {"lat": 10**400, "lon": 0, "radius_m": 1}},
        {"kind": "share", "of": "\ud800", "to": 0.1},
        {"kind": "interest", "in": ["a\0b"]},
        {"kind": "measure", "name": "x", "take": "sum", "property": "y", "value": 10**400},
        {"kind": "measure", "name": "x", "take": "max", "property": "y", "value": float("nan")},
        {"kind": "did", "name": "x", "within": {"days": 10**400}},
        {"kind": "did", "name": "x", "times": {"value": 2**63}},
        {"kind": "share", "of": "x", "from": float("nan")},
        {"kind": "subscription", "topic": "\ud83d"},
        {"kind": "\ud800"},
    ],
)  # fmt: skip
def test_hostile_values_are_refused_with_a_path(question: dict) -> None:
    with pytest.raises(ConditionProblem) as caught:
        check(parse(question), Catalogue())
    assert caught.value.path.startswith("$")
    assert str(caught.value).encode()


def test_the_largest_of_everything_still_runs() -> None:
    """At every limit at once: fifty questions of ten conditions each, a thousand corners."""
    where = [{"name": f"p{i}", "op": "in", "value": ["x" * 1_000] * 2} for i in range(10)]
    ring = [[i / 1_000, (i * i % 1_000) / 1_000] for i in range(1_000)]
    parts = [
        {"kind": "did", "name": f"e{i}", "where": where, "within": {"calendar_weeks": i + 1}}
        for i in range(44)
    ]
    steps = {"kind": "regularly", "name": "e", "step": "day", "of_last": 60, "at_least": 60}
    birthday = {"kind": "anniversary", "name": "b", "within": {"days": 366}, "calendar": "lunar"}
    asked = {"kind": "any", "of": [*parts, steps, birthday, {"kind": "place", "polygon": ring}]}
    condition = parse(asked)
    check(condition, Catalogue())
    lake = open_lake()
    fill(lake, [{"traits": {"latitude": 0.5, "longitude": 0.5}}], NOW)
    sql, values = compile(condition, NOW)
    assert len(lake.execute(sql, values).fetchall()) <= 1
    lake.close()
    assert words(condition, "ko")
    assert words(condition, "en")
