"""The tree of rows: out of the form, out of a condition, and changed by a press of a button.

The form names the fields of row 2 of group 1 `r0-1.…`. What no row can show (a text with line
ends, a *not* of a *not*) is a row of its own kind that holds the JSON, so that nothing is lost.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from dangol.errors import InputError
from dangol.know.segment import parse, to_json
from dangol.know.segment.condition import All, AnyOf, Condition, Not
from dangol.web.desk.builder.clauses import Part
from dangol.web.desk.builder.fields import Json, Row, Scope, Unshowable
from dangol.web.desk.builder.leaves import QUESTIONS
from dangol.web.desk.builder.where import Where

GROUP, TEXT = "group", "text"
MATCHES = ("all", "any")
ONE = "one"
"""The root's match where the condition is one row, with no list around it."""
MOST_ROWS = 60
MOST_LEVELS = 8
"""How deep groups may stand in each other here; what was written deeper elsewhere is kept."""


class Node(msgspec.Struct, frozen=True):
    """A row: a question with its fields, a group with rows, or text."""

    kind: str
    row: Row = {}
    nodes: tuple["Node", ...] = ()
    negate: bool = False
    match: str = MATCHES[0]


EMPTY = Node(GROUP)
"""The sheet of a new segment: nothing is asked, so everyone is meant."""


def read_sheet(form: Mapping[str, list[str]]) -> Node:
    """The rows as the form says them."""
    rows: dict[str, Row] = {}
    for name, values in form.items():
        where, _, rest = name.partition(".")
        rows.setdefault(where, {})[rest] = values
    match = form.get("match", [""])[-1]
    found = tuple(_read_nodes(rows, "", form))
    if match == ONE and len(found) == 1:
        return Node(GROUP, nodes=found, match=ONE)
    return Node(GROUP, nodes=found, match="any" if match == "any" else "all")


def act(root: Node, action: str) -> Node:
    """The sheet after a press: `add:KIND:PATH`, `remove:PATH`, `grow:PATH:KEY`, `drop:PATH:KEY:N`.

    Anything else leaves it as it is.
    """
    what, _, rest = action.partition(":")
    if what == "add":
        kind, _, path = rest.partition(":")
        return _changed(root, path, lambda group: _with(group, kind))
    if what == "remove":
        above, _, last = rest.rpartition("-")
        return _changed(root, above, lambda group: _without(group, last))
    if what in ("grow", "drop"):
        path, _, clause = rest.partition(":")
        return _changed(root, path, lambda node: _with_clause(node, what, clause))
    return root


def from_condition(condition: Condition) -> Node:
    """The rows of a condition."""
    if isinstance(condition, All | AnyOf):
        return _group(condition)
    return Node(GROUP, nodes=(_node(condition),), match=ONE)


def blank(kind: str) -> Node:
    """A new row."""
    if kind in (GROUP, TEXT):
        return Node(kind)
    return Node(kind, QUESTIONS[kind].fill({}))


def walk(root: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every row below the root with its path, in reading order."""
    for index, node in enumerate(root.nodes):
        at = f"{path}-{index}" if path else str(index)
        yield at, node
        yield from walk(node, at)


def _read_nodes(rows: dict[str, Row], path: str, above: Mapping[str, list[str]]) -> Iterator[Node]:
    text = above.get("rows", ["0"])[-1]
    count = min(int(text), MOST_ROWS) if text.isascii() and text.isdigit() else 0
    for index in range(count):
        at = f"{path}-{index}" if path else str(index)
        row = rows.get(f"r{at}", {})
        kind = row.get("kind", [""])[-1]
        negate = bool(row.get("negate", [""])[-1])
        if kind == GROUP and at.count("-") < MOST_LEVELS:
            match = "any" if row.get("match", [""])[-1] == "any" else "all"
            yield Node(GROUP, {}, tuple(_read_nodes(rows, at, row)), negate, match)
        elif kind in QUESTIONS or kind == TEXT:
            kept = {name: row[name] for name in row if name not in ("kind", "negate")}
            yield Node(kind, kept, (), negate)


def _changed(root: Node, path: str, change: Any) -> Node:
    """The sheet with `change` made to one node; unchanged where there is none."""
    if not path:
        return change(root)
    first, _, rest = path.partition("-")
    if not (first.isascii() and first.isdigit()) or int(first) >= len(root.nodes):
        return root
    index = int(first)
    nodes = list(root.nodes)
    nodes[index] = _changed(nodes[index], rest, change)
    return msgspec.structs.replace(root, nodes=tuple(nodes))


def _with(group: Node, kind: str) -> Node:
    if group.kind != GROUP or len(group.nodes) >= MOST_ROWS:
        return group
    if kind not in QUESTIONS and kind not in (GROUP, TEXT):
        return group
    match = "all" if group.match == ONE else group.match
    return msgspec.structs.replace(group, nodes=(*group.nodes, blank(kind)), match=match)


def _without(group: Node, last: str) -> Node:
    kept = tuple(node for index, node in enumerate(group.nodes) if str(index) != last)
    match = "all" if group.match == ONE and not kept else group.match
    return msgspec.structs.replace(group, nodes=kept, match=match)


def _with_clause(node: Node, what: str, clause: str) -> Node:
    key, _, number = clause.partition(":")
    field = _where(node.kind, key)
    if field is None:
        return node
    if what == "grow":
        return msgspec.structs.replace(node, row=field.grow(node.row))
    if not (number.isascii() and number.isdigit()):
        return node
    return msgspec.structs.replace(node, row=field.drop(node.row, int(number)))


def _where(kind: str, key: str) -> Where | None:
    """The field of clauses under a name, whole as it stands in the row."""
    for field in QUESTIONS[kind].fields if kind in QUESTIONS else ():
        if isinstance(field, Where) and field.key == key:
            return field
        for inner in field.fields if isinstance(field, Part) else ():
            if isinstance(inner, Where) and f"{field.key}.{inner.key}" == key:
                return msgspec.structs.replace(inner, key=key)
    return None


# -- out of a condition --------------------------------------------------------------------


def _group(condition: All | AnyOf, *, negate: bool = False) -> Node:
    nodes = tuple(map(_node, condition.of))
    return Node(GROUP, {}, nodes, negate, "all" if isinstance(condition, All) else "any")


def _node(condition: Condition) -> Node:
    inner = condition.of if isinstance(condition, Not) else condition
    negate = inner is not condition
    if isinstance(inner, All | AnyOf):
        return _group(inner, negate=negate)
    row = None if isinstance(inner, Not) else _row(inner)
    if row is not None:
        return Node(str(_kind(inner)), row, (), negate)
    text = json.dumps(to_json(inner), ensure_ascii=False, indent=2)
    return Node(TEXT, {"text": [text]}, (), negate)


def _row(leaf: Condition) -> Row | None:
    """The fields of a leaf; None where they would not say exactly the same."""
    given: Json = to_json(leaf)
    kind = given.pop("kind")
    if kind not in QUESTIONS:
        return None
    try:
        row = QUESTIONS[kind].fill(given)
        again = parse({"kind": kind, **QUESTIONS[kind].take(Scope(row))})
    except (InputError, Unshowable):
        return None
    return row if again == leaf else None


def _kind(leaf: Condition) -> object:
    return type(leaf).__struct_config__.tag
