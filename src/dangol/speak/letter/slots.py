"""What differs from person to person in a compiled letter, as functions that remember.

A template without logic is a row of constant texts and outputs `{{ customer.x | filter: "y" }}`.
Each output becomes a `Value`; one that Liquid alone can render makes `split` return None.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.primitive import (
    FalseLiteral,
    FloatLiteral,
    IntegerLiteral,
    StringLiteral,
    TrueLiteral,
)
from liquid.builtin.output import OutputNode

from dangol.speak.letter.filters import to_text
from dangol.speak.letter.names import Reader, value_of
from dangol.speak.letter.template import ESCAPES, environment_for, parse

_LITERALS = (StringLiteral, IntegerLiteral, FloatLiteral, TrueLiteral, FalseLiteral)
_REMEMBERED = 4096
"""Values kept per slot: names repeat, and a slot must not grow with the audience."""


class Value(msgspec.Struct, frozen=True):
    """`{{ customer.<path> | filters }}`: read, filtered, as text."""

    path: tuple[str, ...]
    shape: Callable[[Any], str]
    spelling: str
    """The source; equal sources are one slot."""

    def read(self, reader: Reader) -> Any:
        """The raw value for one person; None when there is none."""
        value = value_of(reader, self.path[0])
        for name in self.path[1:]:
            value = value.get(name) if isinstance(value, dict) else None
        return value


class Link(msgspec.Struct, frozen=True):
    """`{{ link.<key> }}`: one of our own addresses."""

    key: str


Atom = str | Value | Link


def split(source: str, locale: str, brand: dict[str, str]) -> list[Atom] | None:
    """The template as constants, values and links; None when it needs Liquid for each person."""
    atoms: list[Atom] = []
    for node in parse(source, locale).nodes:
        atom = _atom(node, locale, brand)
        if atom is None:
            return None
        atoms.append(atom)
    return list(_merged(atoms))


def remember(shape: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`shape` with a bounded memory for texts and nothing; other values are shaped each time."""
    known: dict[str | None, Any] = {}

    def shaped(value: Any) -> Any:
        if value is not None and type(value) is not str:
            return shape(value)
        found = known.get(value)
        if found is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            found = known[value] = shape(value)
        return found

    return shaped


def _atom(node: Node, locale: str, brand: dict[str, str]) -> Atom | None:
    if isinstance(node, ContentNode):
        return node.text
    if not isinstance(node, OutputNode) or not isinstance(node.expression, FilteredExpression):
        return None
    expression = node.expression
    shape = _shape(expression, locale)
    if shape is None:
        return None
    if isinstance(expression.left, StringLiteral):
        return shape(expression.left.value)
    if not isinstance(expression.left, Path):
        return None
    path = expression.left.path
    if len(path) < 2 or not all(isinstance(segment, str) for segment in path):
        return None
    if path[0] == "link":
        plain = all(step.name in ESCAPES for step in expression.filters or ())
        return Link(path[1]) if plain else None
    if path[0] == "brand":
        return shape(brand.get(path[1]))
    if path[-1] in {"size", "first", "last"}:  # Liquid gives these a meaning of their own
        return None
    return Value(tuple(path[1:]), remember(shape), str(expression))


def _shape(expression: FilteredExpression, locale: str) -> Callable[[Any], str] | None:
    filters = environment_for(locale).filters
    steps = []
    for step in expression.filters or ():
        if not all(isinstance(argument.value, _LITERALS) for argument in step.args):
            return None
        steps.append(_step(filters[step.name], step.args))
    return partial(_run, tuple(steps))


def _step(function: Callable[..., Any], arguments: list[Any]) -> Callable[[Any], Any]:
    """A filter with its arguments, which are all literals, bound."""
    if not arguments:
        return function
    named = {item.name: item.value.value for item in arguments if hasattr(item, "name")}
    plain = tuple(item.value.value for item in arguments if not hasattr(item, "name"))
    return lambda value: function(value, *plain, **named)


def _run(steps: tuple[Callable[[Any], Any], ...], value: Any) -> str:
    for step in steps:
        value = step(value)
    return value if type(value) is str else to_text(value)


def _merged(atoms: list[Atom]) -> Iterator[Atom]:
    text = ""
    for atom in atoms:
        if isinstance(atom, str):
            text += atom
            continue
        if text:
            yield text
            text = ""
        yield atom
    if text:
        yield text
