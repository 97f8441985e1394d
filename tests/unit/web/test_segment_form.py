"""What the builder shows is what the condition says, and the other way round."""

import pytest

from dangol.know.segment import Catalogue, parse, to_json
from dangol.know.segment.condition import ValueType
from dangol.web.desk.segment_form import Sheet, act, from_condition, read_sheet, to_definition

KNOWN = Catalogue(
    events=frozenset({"Order Completed"}),
    traits={"city": frozenset({ValueType.TEXT}), "age": frozenset({ValueType.NUMBER}),
            "vip": frozenset({ValueType.BOOLEAN}), "born": frozenset({ValueType.TIME}),
            "code": frozenset({ValueType.TEXT})},
    properties={("Order Completed", "total"): frozenset({ValueType.NUMBER})},
)  # fmt: skip

CONDITIONS = [
    {"kind": "all", "of": []},
    {"kind": "all", "of": [{"kind": "trait", "name": "city", "op": "eq", "value": "서울"}]},
    {"kind": "any", "of": [
        {"kind": "trait", "name": "age", "op": "ge", "value": 30},
        {"kind": "not", "of": {"kind": "trait", "name": "vip", "op": "eq", "value": True}},
        {"kind": "trait", "name": "born", "op": "lt", "value": "2000-01-01", "type": "time"},
        {"kind": "trait", "name": "code", "op": "eq", "value": "0123"},
        {"kind": "trait", "name": "city", "op": "missing"},
    ]},
    {"kind": "all", "of": [
        {"kind": "did", "name": "Order Completed", "times": {"op": "ge", "value": 2},
         "within": {"days": 30}, "where": [{"name": "total", "op": "gt", "value": 12.5}]},
        {"kind": "did_not", "name": "Order Completed", "within": {"days": 7}},
        {"kind": "stage", "in": ["loyal", "active"]},
        {"kind": "not", "of": {"kind": "segment", "id": "00000000-0000-4000-8000-000000000000"}},
        {"kind": "consent", "channel": "email", "in": ["granted"]},
    ]},
]  # fmt: skip


@pytest.mark.parametrize("given", CONDITIONS)
def test_rows_and_condition_say_the_same(given):
    condition = parse(given)
    sheet = from_condition(condition)
    assert parse(to_definition(sheet, KNOWN)) == condition


@pytest.mark.parametrize("given", CONDITIONS)
def test_the_form_carries_every_row(given):
    sheet = from_condition(parse(given))
    form: dict[str, list[str]] = {"rows": [str(len(sheet.rows))], "match": [sheet.match]}
    for number, row in enumerate(sheet.rows):
        for name, value in row.items():
            form[f"r{number}.{name}"] = value if isinstance(value, list) else [value]
    assert read_sheet(form) == sheet


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "all", "of": [{"kind": "any", "of": [{"kind": "stage", "in": ["new"]}]}]},
        {"kind": "trait", "name": "city", "op": "in", "value": ["서울", "부산"]},
        {"kind": "not", "of": {"kind": "not", "of": {"kind": "stage", "in": ["new"]}}},
    ],
)
def test_what_rows_cannot_say_is_not_shown_wrongly(given):
    assert from_condition(parse(given)) is None


def test_rows_come_and_go():
    sheet = act(act(Sheet([]), "add:stage"), "add:did")
    assert [row["kind"] for row in act(sheet, "remove:0").rows] == ["did"]
    for nonsense in ("add:sql", "remove:9", "remove:x", "", "drop"):
        assert act(sheet, nonsense) == sheet
    assert to_json(parse(to_definition(Sheet([]), KNOWN))) == {"kind": "all", "of": ()}
