"""From rows to the condition, and from what is wrong with it back to the row and field."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from dangol.errors import DangolError
from dangol.know.segment import parse, parse_json, to_json
from dangol.know.segment.check import Catalogue, check
from dangol.know.segment.problem import ConditionProblem
from dangol.web.desk.builder.clauses import OneOf, Part
from dangol.web.desk.builder.compare import Compare
from dangol.web.desk.builder.fields import Field, Json, Scope, Unfilled
from dangol.web.desk.builder.leaves import QUESTIONS
from dangol.web.desk.builder.sheet import GROUP, ONE, TEXT, Node

_ITEM = re.compile(r"\[(\d+)\]")


class Wrong(msgspec.Struct, frozen=True):
    """What is wrong, and at which row (empty: with the whole) and field."""

    path: str
    key: str
    error: DangolError


class Written(msgspec.Struct, frozen=True):
    """The condition as JSON data, and what is wrong with it; then it is not whole."""

    definition: Json
    wrong: list[Wrong]


def write(root: Node, heard: Catalogue) -> Written:
    """The condition that the rows say; every row is judged by itself, so all errors come at once."""
    places: dict[str, str] = {}
    wrong: list[Wrong] = []
    definition = _write(root, "", "$", heard, places, wrong)
    if not wrong:
        wrong += _checked(definition, heard, places)
    return Written(definition, wrong)


def label_of(kind: str, key: str) -> str:
    """How the field is called that a problem is about; empty for the row itself."""
    fields = QUESTIONS[kind].fields if kind in QUESTIONS else ()
    return _label(fields, key)


def _write(
    node: Node, path: str, at: str, heard: Catalogue, places: dict[str, str], wrong: list[Wrong]
) -> Json:
    places[at] = path
    at = f"{at}.of" if node.negate else at
    if node.kind != GROUP:
        leaf = _leaf(node, path, heard, wrong)
    elif node.match == ONE:
        return _write(node.nodes[0], "0", at, heard, places, wrong)
    else:
        steps = enumerate(node.nodes)
        of = [
            _write(inner, f"{path}-{i}" if path else str(i), f"{at}.of[{i}]", heard, places, wrong)
            for i, inner in steps
        ]
        leaf = {"kind": node.match, "of": of}
    return {"kind": "not", "of": leaf} if node.negate else leaf


def _leaf(node: Node, path: str, heard: Catalogue, wrong: list[Wrong]) -> Json:
    try:
        if node.kind == TEXT:
            return to_json(parse_json(Scope(node.row).one("text")))
        leaf = {"kind": node.kind, **QUESTIONS[node.kind].take(Scope(node.row, heard))}
        parse(leaf)
    except Unfilled as error:
        wrong.append(Wrong(path, error.key, error))
    except ConditionProblem as error:
        wrong.append(Wrong(path, _key(error.path.removeprefix("$")), error))
    else:
        return leaf
    return {}


def _checked(definition: Json, heard: Catalogue, places: Mapping[str, str]) -> Iterator[Wrong]:
    try:
        check(parse(definition), heard)
    except ConditionProblem as error:
        yield locate(error, error.path, places)


def locate(error: DangolError, path: str, places: Mapping[str, str]) -> Wrong:
    """The row and field at a path into the JSON."""
    around = [at for at in places if path == at or path.startswith((f"{at}.", f"{at}["))]
    nearest = max(around, key=len, default="$")
    return Wrong(places.get(nearest, ""), _key(path[len(nearest) :]), error)


def _key(path: str) -> str:
    """A path below a leaf as the form names it: `.where[0].value` is `where.0.value`."""
    return _ITEM.sub(r".\1", path).lstrip(".").removeprefix("of.")


def _label(fields: tuple[Field, ...], key: str) -> str:
    for field in fields:
        if isinstance(field, Compare):
            return field.label if key == "name" else key if key in ("op", "value", "type") else ""
        if key == field.key or key.startswith(f"{field.key}."):
            inner = field.fields if isinstance(field, Part) else ()
            return _label(inner, key[len(field.key) + 1 :]) or field.label
        ways = field.ways.values() if isinstance(field, OneOf) else ()
        if found := next(filter(None, (_label(way, key) for way in ways)), ""):
            return found
    return ""
