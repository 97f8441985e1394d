"""Fields that hold one thing: each is filled from a leaf's JSON and taken out of the form again.

A row of the form is a mapping of names to values. `fill` makes one of the leaf (an empty leaf gives
what a new row begins with), `take` makes the same leaf of it; both are pure.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from dangol.errors import InputError
from dangol.know.segment.check import Catalogue

Row = dict[str, list[str]]
Json = dict[str, Any]

_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,320}(\.\d{1,320})?(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_LINE_ENDS = re.compile(r"[\r\n]")


class Unfilled(InputError):
    """A field of the condition is not filled in; nothing was changed."""

    def __init__(self, sentence: str, key: str, /, **values: object) -> None:
        super().__init__(sentence, **values)
        self.key = key


class Unshowable(Exception):
    """No field of a form can hold this; it is shown as text instead."""


class Scope(msgspec.Struct, frozen=True):
    """A row, or the part of it whose names begin with `at`, and what has been heard of."""

    row: Mapping[str, list[str]]
    heard: Catalogue = Catalogue()
    at: str = ""

    def one(self, key: str) -> str:
        """What the field says, without spaces around it."""
        return self.row.get(self.at + key, [""])[-1].strip()

    def all(self, key: str) -> list[str]:
        """Everything that was chosen."""
        return list(self.row.get(self.at + key, []))

    def lines(self, key: str) -> list[str]:
        """The lines of a field that has several, without empty ones."""
        text = self.one(key).replace("\r\n", "\n").replace("\r", "\n")
        return [line.strip() for line in text.split("\n") if line.strip()]

    def below(self, key: str) -> "Scope":
        """The part of the row under a name."""
        return Scope(self.row, self.heard, f"{self.at}{key}.")

    def missing(self, key: str) -> Unfilled:
        """What to raise where something has to stand."""
        return Unfilled("Fill this in.", self.at + key)


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field: `key` names it in the form and in the JSON, `label` in words."""

    key: str
    label: str
    is_free: bool = False
    """It may be left empty."""
    is_more: bool = False
    """Few need it: it is drawn in a part that is folded away."""
    is_shape: bool = False
    """Other fields depend on it: the rows are drawn anew when it changes."""
    control: ClassVar[str] = ""
    """Which macro draws it."""

    def fill(self, leaf: Json) -> Row:
        """The part of the form that says what the leaf says."""
        raise NotImplementedError

    def take(self, scope: Scope) -> Json:
        """The part of the leaf that the form says.

        Raises:
            Unfilled: it says nothing that can be meant.
        """
        raise NotImplementedError

    def inner(self, scope: Scope) -> Iterator[tuple["Field", str]]:
        """The fields inside that are drawn for this row, with the beginning of their names."""
        return iter(())


class Text(Field, frozen=True, kw_only=True):
    """A line of text; `offer` names the list that it may be chosen from."""

    control = "text"
    offer: str = ""

    def fill(self, leaf: Json) -> Row:
        return {self.key: [one_line(leaf.get(self.key) or "")]}

    def take(self, scope: Scope) -> Json:
        text = scope.one(self.key)
        if not text and not self.is_free:
            raise scope.missing(self.key)
        return {self.key: text} if text else {}


class Choice(Field, frozen=True, kw_only=True):
    """One of a few words; `words` is how the keys of their words begin."""

    control = "choice"
    options: tuple[str, ...]
    words: str

    def fill(self, leaf: Json) -> Row:
        return {self.key: [str(leaf.get(self.key, self.options[0]))]}

    def take(self, scope: Scope) -> Json:
        return {self.key: scope.one(self.key) or self.options[0]}


class Many(Field, frozen=True, kw_only=True):
    """Some of a few words, ticked."""

    control = "many"
    options: tuple[str, ...]
    words: str = ""
    """Empty where the options are words themselves."""

    def fill(self, leaf: Json) -> Row:
        return {self.key: [one_line(item) for item in leaf.get(self.key, ())]}

    def take(self, scope: Scope) -> Json:
        chosen = scope.all(self.key)
        if not chosen and not self.is_free:
            raise Unfilled("Choose at least one.", scope.at + self.key)
        return {self.key: chosen} if chosen else {}


class Lines(Field, frozen=True, kw_only=True):
    """Several texts, one a line."""

    control = "lines"
    offer: str = ""

    def fill(self, leaf: Json) -> Row:
        return {self.key: ["\n".join(one_line(item) for item in leaf.get(self.key, ()))]}

    def take(self, scope: Scope) -> Json:
        found = scope.lines(self.key)
        if not found:
            raise scope.missing(self.key)
        return {self.key: found}


class Whole(Field, frozen=True, kw_only=True):
    """A whole number."""

    control = "whole"
    start: str = ""
    """What a new row begins with, and what is meant where the leaf says nothing."""

    def fill(self, leaf: Json) -> Row:
        value = leaf.get(self.key)
        return {self.key: [self.start if value is None else str(value)]}

    def take(self, scope: Scope) -> Json:
        return {self.key: whole(scope, self.key)}


class Number(Field, frozen=True, kw_only=True):
    """Any number."""

    control = "number"
    start: str = ""

    def fill(self, leaf: Json) -> Row:
        value = leaf.get(self.key)
        return {self.key: [self.start if value is None else str(value)]}

    def take(self, scope: Scope) -> Json:
        return {self.key: number(scope.one(self.key), scope.at + self.key)}


class Percent(Field, frozen=True, kw_only=True):
    """A part of one, written in hundredths; exactly, whatever the part."""

    control = "percent"
    start: str
    absent: str
    """What is meant where the leaf says nothing."""

    def fill(self, leaf: Json) -> Row:
        value = leaf.get(self.key)
        if value is None:
            return {self.key: [self.absent if leaf else self.start]}
        shown = format((Decimal(repr(value)) * 100).normalize(), "f")
        return {self.key: [shown]}

    def take(self, scope: Scope) -> Json:
        number(scope.one(self.key), scope.at + self.key)
        return {self.key: float(Decimal(scope.one(self.key).replace(",", "")) / 100)}


class Day(Field, frozen=True, kw_only=True):
    """A day of the calendar."""

    control = "day"

    def fill(self, leaf: Json) -> Row:
        return {self.key: [str(leaf.get(self.key) or "")]}

    def take(self, scope: Scope) -> Json:
        text = scope.one(self.key)
        if not text and not self.is_free:
            raise Unfilled("Choose a day.", scope.at + self.key)
        return {self.key: text} if text else {}


class Pick(Field, frozen=True, kw_only=True):
    """One of what the shop has: a segment, a letter, a campaign, a moment."""

    control = "pick"
    offer: str

    def fill(self, leaf: Json) -> Row:
        return {self.key: [str(leaf.get(self.key) or "")]}

    def take(self, scope: Scope) -> Json:
        chosen = scope.one(self.key)
        if not chosen:
            raise Unfilled("Choose one from the list.", scope.at + self.key)
        return {self.key: chosen}


class Named(Field, frozen=True, kw_only=True):
    """The name of a trait or property; `>` goes down into it."""

    control = "named"
    event: str = ""
    """The form's field with the event whose properties are meant; empty for traits."""

    def fill(self, leaf: Json) -> Row:
        name = leaf.get(self.key)
        return {self.key: [write_name(name) if name else ""]}

    def take(self, scope: Scope) -> Json:
        name = read_name(scope.one(self.key))
        if not name and not self.is_free:
            raise scope.missing(self.key)
        return {self.key: name} if name else {}


class Names(Field, frozen=True, kw_only=True):
    """Several names, one a line."""

    control = "lines"
    offer: str = ""

    def fill(self, leaf: Json) -> Row:
        return {self.key: ["\n".join(write_name(name) for name in leaf.get(self.key, ()))]}

    def take(self, scope: Scope) -> Json:
        found = [read_name(line) for line in scope.lines(self.key)]
        if not found and not self.is_free:
            raise scope.missing(self.key)
        return {self.key: found} if found else {}


def whole(scope: Scope, key: str) -> int:
    """A field as a whole number.

    Raises:
        Unfilled: it is none.
    """
    text = scope.one(key).replace(",", "")
    if not _WHOLE.fullmatch(text):
        raise Unfilled("Write a whole number.", scope.at + key)
    return int(text)


def number(text: str, key: str) -> int | float:
    """A number as it was written: 5 is whole, 5.0 is not.

    >>> number("12,000", "value"), number("0.5", "value"), number("1e+17", "value")
    (12000, 0.5, 1e+17)

    Raises:
        Unfilled: it is none.
    """
    plain = text.strip().replace(",", "")
    if not _NUMBER.fullmatch(plain):
        raise Unfilled("Write a number.", key)
    return int(plain) if plain.lstrip("-").isdecimal() else float(plain)


def one_line(text: object) -> str:
    """A text that a field of one line can hold.

    Raises:
        Unshowable: browsers would take its line ends away.
    """
    said = str(text)
    if _LINE_ENDS.search(said):
        raise Unshowable
    return said


def read_name(text: str) -> str | list[str]:
    r"""A key, or the keys to go down; a backslash takes the next sign literally.

    >>> read_name("city"), read_name(" address > city"), read_name(r"a \> b")
    ('city', ['address', 'city'], 'a > b')
    """
    keys: list[str] = [""]
    ends = [0]
    signs = iter(text)
    for sign in signs:
        if sign == ">":
            keys.append("")
            ends.append(0)
        elif sign == "\\":
            keys[-1] += next(signs, "\\")
            ends[-1] = len(keys[-1])
        elif sign.strip() or keys[-1]:
            keys[-1] += sign
    found = [key[:end] + key[end:].rstrip() for key, end in zip(keys, ends, strict=True)]
    return found if len(found) > 1 else found[0]


def write_name(name: str | list[str] | tuple[str, ...]) -> str:
    """The same as a line of text.

    Raises:
        Unshowable: a key has line ends, or spaces where they would be lost.
    """
    keys = [name] if isinstance(name, str) else list(name)
    if any(key != key.strip() for key in keys):
        raise Unshowable
    escaped = (one_line(key).replace("\\", "\\\\").replace(">", "\\>") for key in keys)
    return " > ".join(escaped)
