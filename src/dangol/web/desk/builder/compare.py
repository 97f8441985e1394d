"""`name op value` as fields: which ways to compare a type has, and how its values are written.

A type is chosen, or left to what was heard under the name. Some types are finer than the
language's: lists, and how many a list has.
"""

from collections.abc import Iterator
from enum import StrEnum

from dangol.know.segment.check import Catalogue
from dangol.know.segment.terms import ValueType
from dangol.know.segment.value import path_of
from dangol.web.desk.builder.fields import (
    Field,
    Json,
    Named,
    Row,
    Scope,
    Unfilled,
    number,
    one_line,
    read_name,
)

_ORDER = ("lt", "le", "gt", "ge")
_THERE = ("exists", "missing")
_SETS = ("in", "not_in")


class Reading(StrEnum):
    """As what a value is compared."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    BOOLEAN = "boolean"
    TEXTS = "texts"
    NUMBERS = "numbers"
    LENGTH = "length"


OPS: dict[Reading, tuple[str, ...]] = {
    Reading.TEXT: ("eq", "ne", *_SETS, "contains", "starts_with", "ends_with", *_ORDER, *_THERE),
    Reading.NUMBER: ("eq", "ne", "ge", "le", "gt", "lt", *_SETS, *_THERE),
    Reading.TIME: ("eq", "ne", *_ORDER, *_THERE),
    Reading.BOOLEAN: ("eq", "ne", *_THERE),
    Reading.TEXTS: ("has_any", "has_all", *_THERE),
    Reading.NUMBERS: ("has_any", "has_all", *_THERE),
    Reading.LENGTH: ("ge", "le", "eq", "ne", "gt", "lt"),
}


class Compare(Field, frozen=True, kw_only=True):
    """The fields of one comparison: name, type, operator and value, side by side."""

    control = "compare"
    event: str = ""
    """The form's field with the event whose properties are meant; empty for traits."""

    def fill(self, leaf: Json) -> Row:
        name = self._name.fill(leaf)
        if not leaf:
            return name | {"type": [""], "op": ["eq"], "value": [""]}
        return name | {
            "type": [str(self._written(leaf))],
            "op": [str(leaf["op"])],
            "value": [_shown(leaf)],
        }

    def take(self, scope: Scope) -> Json:
        taken = self._name.take(scope)
        reading = reading_of(scope, self.event)
        op = scope.one("op") or OPS[reading][0]
        if op in _THERE:
            return taken | {"op": op}
        taken |= {"op": op, "value": _value(scope, reading, op)}
        if reading is Reading.TIME:
            taken["type"] = "time"
        return taken | ({"of": "length"} if reading is Reading.LENGTH else {})

    def inner(self, scope: Scope) -> Iterator[tuple[Field, str]]:
        yield self._name, scope.at

    @property
    def _name(self) -> Named:
        return Named(key="name", label=self.label, event=self.event, is_shape=True)

    def _written(self, leaf: Json) -> Reading | str:
        if leaf["op"] in _THERE:
            return ""
        if leaf.get("of") == "length":
            return Reading.LENGTH
        kind = Reading(leaf["type"])
        if leaf["op"] in ("has_any", "has_all"):
            return Reading.TEXTS if kind is Reading.TEXT else Reading.NUMBERS
        return kind


def reading_of(scope: Scope, event: str = "") -> Reading:
    """As what the row compares: what was chosen, else what was heard, else what it looks like."""
    chosen = scope.one("type")
    if chosen in tuple(Reading):
        return Reading(chosen)
    name = read_name(scope.one("name"))
    known = heard_as(scope, name, event) if isinstance(name, str) else None
    if known == frozenset():
        return Reading.TEXTS
    if known and len(known) == 1:
        return Reading(str(next(iter(known))))
    return _looks_like(scope.one("value"), known)


def heard_as(scope: Scope, name: str, event: str) -> frozenset[ValueType] | None:
    """The types that were heard under a name; None for a name that never was."""
    heard: Catalogue = scope.heard
    if not event:
        return heard.traits.get(path_of(name)[0])
    return heard.properties.get((scope.row.get(event, [""])[-1].strip(), name))


def _looks_like(text: str, known: frozenset[ValueType] | None) -> Reading:
    if known and ValueType.BOOLEAN in known and text.lower() in ("true", "false"):
        return Reading.BOOLEAN
    if known and ValueType.NUMBER not in known:
        return Reading.TEXT
    try:
        number(text, "")
    except Unfilled:
        return Reading.TEXT
    return Reading.NUMBER


def _value(scope: Scope, reading: Reading, op: str) -> object:
    key = f"{scope.at}value"
    if op in (*_SETS, "has_any", "has_all"):
        lines = scope.lines("value")
        if not lines:
            raise scope.missing("value")
        is_number = reading in (Reading.NUMBER, Reading.NUMBERS)
        return [number(line, key) if is_number else line for line in lines]
    text = scope.one("value")
    if not text:
        raise scope.missing("value")
    if reading in (Reading.NUMBER, Reading.LENGTH):
        return number(text, key)
    if reading is Reading.BOOLEAN:
        return text.lower() == "true"
    return text


def _shown(leaf: Json) -> str:
    value = leaf.get("value")
    if isinstance(value, list | tuple):
        return "\n".join(one_line(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else one_line(value)
