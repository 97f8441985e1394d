"""The segment builder: a condition of flat rows becomes fields, fields become a condition again.

Pure. A condition that the rows cannot hold (nested, several properties) is shown in words only.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from dangol.know.segment.check import Catalogue
from dangol.know.segment.condition import (
    All,
    AnyOf,
    Comparison,
    Condition,
    ConsentIs,
    Did,
    DidNot,
    InSegment,
    Not,
    StageIs,
    TraitIs,
    ValueType,
)

KINDS = ("trait", "did", "stage", "segment", "consent")
OPS = ("eq", "ne", "gt", "ge", "lt", "le", "contains", "starts_with", "exists", "missing")
COUNT_OPS = ("ge", "eq", "le", "gt", "lt")
_MOST_ROWS = 20
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,10})?")

Row = dict[str, Any]


class Sheet(msgspec.Struct, frozen=True):
    """The builder's form: rows that all hold, or of which any holds."""

    rows: list[Row]
    match: str = "all"


def read_sheet(form: Mapping[str, list[str]]) -> Sheet:
    """The rows as the fields say them."""
    count = form.get("rows", ["0"])[-1]
    total = min(int(count), _MOST_ROWS) if count.isdecimal() else 0
    rows = [_read_row(form, number) for number in range(total)]
    match = "any" if form.get("match", [""])[-1] == "any" else "all"
    return Sheet([row for row in rows if row["kind"] in KINDS], match)


def act(sheet: Sheet, action: str) -> Sheet:
    """The sheet after a press of `add:<kind>` or `remove:<number>`."""
    what, _, which = action.partition(":")
    rows = list(sheet.rows)
    if what == "add" and which in KINDS and len(rows) < _MOST_ROWS:
        rows.append(_empty_row(which))
    elif what == "remove" and which.isdecimal() and int(which) < len(rows):
        rows.pop(int(which))
    return Sheet(rows, sheet.match)


def to_definition(sheet: Sheet, catalogue: Catalogue) -> dict[str, Any]:
    """The condition as JSON data, for `parse` to judge."""
    return {"kind": sheet.match, "of": [_write_row(row, catalogue) for row in sheet.rows]}


def from_condition(condition: Condition) -> Sheet | None:
    """The rows of a condition, or None when rows cannot say it."""
    match = "any" if isinstance(condition, AnyOf) else "all"
    parts = condition.of if isinstance(condition, All | AnyOf) else (condition,)
    rows = [_row_of(part) for part in parts]
    if None in rows or len(rows) > _MOST_ROWS:
        return None
    return Sheet([row for row in rows if row is not None], match)


def _read_row(form: Mapping[str, list[str]], number: int) -> Row:
    def field(name: str) -> str:
        return form.get(f"r{number}.{name}", [""])[-1].strip()

    row = _empty_row(field("kind"))
    row |= {name: field(name) for name in row if isinstance(row[name], str)}
    row["in"] = form.get(f"r{number}.in", [])
    return row


def _empty_row(kind: str) -> Row:
    """Every field of every kind, so that switching kinds loses nothing."""
    texts = ("name", "value", "where_name", "where_value", "days", "id")
    return dict.fromkeys(texts, "") | {
        "kind": kind,
        "negate": "",
        "op": "eq",
        "times_op": "ge",
        "times": "1",
        "where_op": "eq",
        "in": [],
    }


def _write_row(row: Row, catalogue: Catalogue) -> dict[str, Any]:
    leaf = _LEAVES[row["kind"]](row, catalogue)
    if row["negate"] and row["kind"] != "did":
        return {"kind": "not", "of": leaf}
    return leaf


def _trait(row: Row, catalogue: Catalogue) -> dict[str, Any]:
    known = catalogue.traits.get(row["name"], frozenset())
    compared = _comparison(row["name"], row["op"], row["value"], known)
    return {"kind": "trait", **compared}


def _did(row: Row, catalogue: Catalogue) -> dict[str, Any]:
    leaf: dict[str, Any] = {"kind": "did_not" if row["negate"] else "did", "name": row["name"]}
    if not row["negate"]:
        times = row["times"] or "1"
        count = int(times) if times.isdecimal() and len(times) < 12 else times
        leaf["times"] = {"op": row["times_op"], "value": count}
    if row["days"]:
        days = row["days"]
        leaf["within"] = {"days": int(days) if days.isdecimal() and len(days) < 9 else days}
    if row["where_name"]:
        known = catalogue.properties.get((row["name"], row["where_name"]), frozenset())
        leaf["where"] = [_comparison(row["where_name"], row["where_op"], row["where_value"], known)]
    return leaf


def _stage(row: Row, _: Catalogue) -> dict[str, Any]:
    return {"kind": "stage", "in": row["in"]}


def _segment(row: Row, _: Catalogue) -> dict[str, Any]:
    return {"kind": "segment", "id": row["id"]}


def _consent(row: Row, _: Catalogue) -> dict[str, Any]:
    return {"kind": "consent", "channel": "email", "in": row["in"]}


_LEAVES = {"trait": _trait, "did": _did, "stage": _stage, "segment": _segment, "consent": _consent}


def _comparison(name: str, op: str, text: str, known: frozenset[ValueType]) -> dict[str, Any]:
    """`name op value`, the value typed as the name was heard."""
    if op in ("exists", "missing"):
        return {"name": name, "op": op}
    return {"name": name, "op": op, **typed(text, known)}


def typed(text: str, known: frozenset[ValueType]) -> dict[str, Any]:
    """The value that `text` means where a name was heard as `known`.

    >>> typed("12", frozenset({ValueType.NUMBER})), typed("12", frozenset({ValueType.TEXT}))
    ({'value': 12}, {'value': '12'})
    """
    if known == {ValueType.TIME}:
        return {"value": text, "type": "time"}
    if ValueType.BOOLEAN in known and text.lower() in ("true", "false"):
        return {"value": text.lower() == "true"}
    is_number = _NUMBER.fullmatch(text.replace(",", ""))
    if is_number and (ValueType.NUMBER in known or not known):
        plain = text.replace(",", "")
        return {"value": float(plain) if "." in plain else int(plain)}
    return {"value": text}


def _row_of(part: Condition) -> Row | None:
    negated = isinstance(part, Not)
    leaf = part.of if isinstance(part, Not) else part
    row = _leaf_row(leaf)
    if row is not None and negated:
        return None if row["kind"] == "did" else row | {"negate": "on"}
    return row


def _leaf_row(leaf: Condition) -> Row | None:
    match leaf:
        case TraitIs():
            if not _fits(leaf.comparison):
                return None
            row = {"name": leaf.name, "op": leaf.op.value, "value": _shown(leaf.value)}
            return _empty_row("trait") | row
        case Did() | DidNot():
            return _did_row(leaf)
        case StageIs(at_least=None, less_than=None, previous=()):
            return _empty_row("stage") | {"in": [stage.value for stage in leaf.stages]}
        case InSegment(on=None):
            return _empty_row("segment") | {"id": str(leaf.id)}
        case ConsentIs():
            return _empty_row("consent") | {"in": [state.value for state in leaf.states]}
    return None


def _fits(test: Comparison) -> bool:
    """Whether the fields of a row can say it."""
    is_plain = isinstance(test.name, str) and not isinstance(test.value, tuple)
    return is_plain and test.of is None and test.op.value in OPS


def _did_row(leaf: Did | DidNot) -> Row | None:
    if len(leaf.where) > 1 or not all(map(_fits, leaf.where)):
        return None
    if leaf.within is not None and leaf.within.days is None:
        return None
    row = _empty_row("did") | {"name": leaf.name}
    if isinstance(leaf, Did):
        row |= {"times_op": leaf.times.op.value, "times": str(leaf.times.value)}
    else:
        row["negate"] = "on"
    if leaf.within is not None:
        row["days"] = str(leaf.within.days)
    for item in leaf.where:
        row |= {
            "where_name": item.name,
            "where_op": item.op.value,
            "where_value": _shown(item.value),
        }
    return row


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
