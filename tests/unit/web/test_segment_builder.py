"""What the builder's rows show is what the condition says, and the other way round, for every leaf."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.know.segment import Catalogue, parse, to_json
from dangol.know.segment.condition import Condition, Leaf, ValueType
from dangol.web.desk.builder.leaves import MENU, QUESTIONS
from dangol.web.desk.builder.sheet import (
    EMPTY,
    GROUP,
    TEXT,
    Node,
    act,
    from_condition,
    read_sheet,
    walk,
)
from dangol.web.desk.builder.starters import Shop, home_traits, list_starters
from dangol.web.desk.builder.writing import label_of, write
from tests.unit.know.segment.conditions import LEAVES, conditions

KNOWN = Catalogue(
    events=frozenset({"Order Completed"}),
    traits={"city": frozenset({ValueType.TEXT}), "age": frozenset({ValueType.NUMBER}),
            "vip": frozenset({ValueType.BOOLEAN}), "born": frozenset({ValueType.TIME}),
            "pets": frozenset()},
    properties={("Order Completed", "total"): frozenset({ValueType.NUMBER})},
)  # fmt: skip
ID = "00000000-0000-4000-8000-000000000000"
MORE = {
    "moment": st.sampled_from(
        [{}, {"id": ID}, {"kind_of": "비"}, {"latitude": "lat", "longitude": ["shop", "lon"]}]
    ).map(lambda more: {"kind": "moment", **more}),
    "message": st.fixed_dictionaries(
        {"kind": st.just("message"), "did": st.sampled_from(["received", "clicked"])},
        optional={"times": st.just({"op": "lt", "value": 3}), "within": st.just({"hours": 5})},
    ).flatmap(
        lambda leaf: st.sampled_from(
            [{}, {"letter": ID}, {"campaign": ID}, {"topic": "새 소식"}]
        ).map(lambda about: leaf | about)
    ),
}
"""The leaves that the shared strategies leave out, because they need a database to be answered."""
ANY_LEAF = st.one_of(*LEAVES.values(), *MORE.values())


def as_form(root: Node) -> dict[str, list[str]]:
    """The fields as a browser sends them."""
    form = {"rows": [str(len(root.nodes))], "match": [root.match]}
    for path, node in walk(root):
        form[f"r{path}.kind"] = [node.kind]
        form |= {f"r{path}.{name}": values for name, values in node.row.items() if values}
        if node.negate:
            form[f"r{path}.negate"] = ["on"]
        if node.kind == GROUP:
            form |= {f"r{path}.rows": [str(len(node.nodes))], f"r{path}.match": [node.match]}
    return form


def through_the_form(condition: Condition) -> Condition:
    written = write(read_sheet(as_form(from_condition(condition))), Catalogue())
    unknown = [one for one in written.wrong if one.error.code == "unknown_segment"]
    assert written.wrong == unknown
    return parse(written.definition)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        conditions,
        ANY_LEAF,
        st.lists(ANY_LEAF, max_size=4).map(lambda of: {"kind": "any", "of": of}),
    )
)
def test_every_condition_survives_the_form(given):  # fmt: skip
    condition = parse(given)
    assert through_the_form(condition) == condition


@settings(max_examples=80, deadline=None)
@given(ANY_LEAF)
def test_only_what_a_field_would_change_is_shown_as_text(given):
    text = json.dumps(given, ensure_ascii=False)
    (node,) = from_condition(parse(given)).nodes
    odd = ('""', "\\n", " ", "\\t", "\\u", "\\r")
    assert node.kind == given["kind"] or (node.kind == TEXT and any(one in text for one in odd))


def test_every_leaf_has_its_row_and_its_place_in_the_menu():
    leaves = {one.__struct_config__.tag for one in Leaf.__args__}
    assert set(QUESTIONS) == leaves <= set(LEAVES) | set(MORE)
    offered = {kind for _, kinds in MENU for kind in kinds} - {GROUP}
    reached = offered | {other for kind in offered for other in QUESTIONS[kind].others}
    assert reached == leaves


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("city", "12", {"op": "eq", "value": "12"}),
        ("age", "1,200", {"op": "eq", "value": 1200}),
        ("age", "0.5", {"op": "eq", "value": 0.5}),
        ("vip", "true", {"op": "eq", "value": True}),
        ("born", "2000-01-01", {"op": "eq", "value": "2000-01-01", "type": "time"}),
        ("unheard", "12", {"op": "eq", "value": 12}),
        ("address > city", "서울", {"name": ["address", "city"], "op": "eq", "value": "서울"}),
    ],
)
def test_a_value_is_of_the_type_that_was_heard(name, value, said):
    form = {"rows": ["1"], "r0.kind": ["trait"], "r0.name": [name], "r0.op": ["eq"], "r0.value": [value]}  # fmt: skip
    (leaf,) = write(read_sheet(form), KNOWN).definition["of"]
    assert leaf == {"kind": "trait", "name": name} | said


def test_a_list_is_asked_what_it_has():
    form = {"rows": ["1"], "r0.kind": ["trait"], "r0.name": ["pets"], "r0.value": ["개\n고양이"]}
    (leaf,) = write(read_sheet(form), KNOWN).definition["of"]
    assert leaf == {"kind": "trait", "name": "pets", "op": "has_any", "value": ["개", "고양이"]}


@pytest.mark.parametrize(
    ("row", "key", "label"),
    [
        ({"kind": "did", "name": ""}, "name", "event"),
        ({"kind": "did", "name": "A", "times.value": "many"}, "times.value", "times"),
        ({"kind": "did", "name": "A", "times.value": "1", "within.kind": "days", "within.n": "0"}, "within.days", "within"),
        ({"kind": "stage"}, "in", "stages"),
        ({"kind": "did_not", "name": "A", "where": "1", "where.0.name": ""}, "where.0.name", "where"),
        ({"kind": "trait", "name": "a", "type": "number", "op": "eq", "value": "x"}, "value", "value"),
        ({"kind": "place", "shape": "circle", "circle.centre": "x"}, "circle.centre", "circle"),
        ({"kind": "segment", "id": "x"}, "id", "segment"),
        ({"kind": "regularly", "name": "A", "at_least": "5", "of_last": "4"}, "at_least", "at_least"),
        ({"kind": "text", "text": "{"}, "", ""),
    ],
)  # fmt: skip
def test_a_problem_stands_at_its_row_and_field(row, key, label):
    fine = {"r0.kind": ["stage"], "r0.in": ["new"]}
    bad = {f"r1-0.{name}": [value] for name, value in row.items()}
    group = {"r1.kind": [GROUP], "r1.rows": ["1"], "r1.match": ["any"], "r1.negate": ["on"]}
    (wrong,) = write(read_sheet({"rows": ["2"], **fine, **group, **bad}), Catalogue()).wrong
    assert (wrong.path, wrong.key) == ("1-0", key)
    assert label_of(row["kind"], wrong.key) == label


def test_what_only_the_whole_can_tell_finds_its_row():
    row = {"kind": "trait", "name": "city", "type": "number", "op": "eq", "value": "1"}
    form = {"rows": ["1"], **{f"r0.{name}": [value] for name, value in row.items()}, "r0.negate": ["on"]}  # fmt: skip
    (wrong,) = write(read_sheet(form), KNOWN).wrong
    assert (wrong.path, wrong.key, wrong.error.code) == ("0", "value", "wrong_type")


def test_rows_come_and_go():
    sheet = act(act(act(EMPTY, "add:stage:"), "add:group:"), "add:did:1")
    assert [(path, node.kind) for path, node in walk(sheet)] == [
        ("0", "stage"), ("1", "group"), ("1-0", "did"),
    ]  # fmt: skip
    grown = act(act(sheet, "grow:1-0:where"), "grow:1-0:where")
    assert grown.nodes[1].nodes[0].row["where"] == ["2"]
    assert act(act(grown, "drop:1-0:where:0"), "drop:1-0:where:0") == sheet
    assert [node.kind for _, node in walk(act(sheet, "remove:0"))] == ["group", "did"]
    assert act(act(sheet, "remove:1-0"), "remove:1").nodes == sheet.nodes[:1]
    sequel = act(act(EMPTY, "add:followed:"), "grow:0:then.where")
    assert sequel.nodes[0].row["then.where"] == ["1"]


@pytest.mark.parametrize(
    "nonsense",
    ["add:sql:", "add:did:7", "add:did:x", "remove:9", "remove:x", "grow:0:name", "drop:0:where:x",
     "grow:0-3:where", "", "drop", "draw"],
)  # fmt: skip
def test_presses_that_mean_nothing_change_nothing(nonsense):
    sheet = act(EMPTY, "add:did:")
    assert act(sheet, nonsense) == sheet
    assert to_json(parse(write(EMPTY, KNOWN).definition)) == {"kind": "all", "of": ()}


def test_a_form_of_any_shape_can_be_read():
    for form in ({}, {"rows": ["9" * 30]}, {"rows": ["-1"]}, {"rows": ["2"], "r0.kind": ["sql"]}):
        assert read_sheet(form) == EMPTY
    deep = {"rows": ["1"]} | {
        f"r{'-'.join(['0'] * n)}.{k}": [v] for n in range(1, 30) for k, v in (("kind", GROUP), ("rows", "1"))
    }  # fmt: skip
    assert len(list(walk(read_sheet(deep)))) == 8


def test_starters_are_conditions_that_rows_can_show():
    heard = Catalogue(
        events=frozenset({"Order Shipped"}),
        traits={"birthday": frozenset({ValueType.TEXT}), "city": frozenset({ValueType.TEXT})},
        properties={("Order Shipped", "order_id"): frozenset({ValueType.TEXT})},
    )
    assert home_traits(heard) == ["city"]
    full = list_starters(Shop("Order Completed", heard, "원두", ("city", "서울")))
    bare = list_starters(Shop("Lesson Taken", Catalogue()))
    assert (len(full), len(bare)) == (8, 4)
    for one in full + bare:
        root = from_condition(parse(one.condition))
        assert TEXT not in {node.kind for _, node in walk(root)}
        assert not write(root, Catalogue()).wrong
