"""What the builder's templates ask while they draw: options in words, inner fields, what is wrong."""

from collections.abc import Sequence
from typing import Any

import msgspec
from markupsafe import Markup

from dangol.web.desk.builder.clauses import DayOf, OneOf, Within
from dangol.web.desk.builder.compare import OPS, Compare, Reading, reading_of
from dangol.web.desk.builder.fields import Choice, Field, Many, Pick, Scope
from dangol.web.desk.builder.leaves import QUESTIONS
from dangol.web.desk.builder.offers import Offers, Option
from dangol.web.desk.builder.sheet import Node
from dangol.web.desk.builder.where import KINDS
from dangol.web.desk.builder.writing import Wrong, label_of
from dangol.web.desk.listing import list_url
from dangol.web.visit import Visit
from dangol.web.words import has

_DRAW = 'hx-post="/segments/rows" hx-trigger="change"'

Drawn = tuple[Field, Scope]


class Pen(msgspec.Struct, frozen=True):
    """Draws one sheet for one visitor."""

    visit: Visit
    offers: Offers
    kinds: dict[str, str]
    """What stands at each path."""
    wrong: Sequence[Wrong] = ()

    def scope(self, node: Node) -> Scope:
        """The values of a row."""
        return Scope(node.row, self.offers.heard)

    def fields(self, kind: str) -> tuple[Field, ...]:
        """The fields of a question."""
        return QUESTIONS[kind].fields

    def inner(self, field: Field, scope: Scope) -> list[Drawn]:
        """The fields inside of a field, each with its part of the row."""
        return [(inner, Scope(scope.row, scope.heard, at)) for inner, at in field.inner(scope)]

    def given(self, scope: Scope, key: str, start: str) -> str:
        """What a field says; where the row has had no such field so far, what it begins with."""
        return scope.one(key) if scope.row.get(scope.at + key) else start

    def folded(self, fields: Sequence[Field], scope: Scope) -> list[Drawn]:
        """Those that few need."""
        return [(field, scope) for field in fields if field.is_more]

    def is_said(self, drawn: Sequence[Drawn]) -> bool:
        """Whether any of these says something, so that it must not be folded away."""
        return any(
            name.startswith(scope.at + field.key) and not name.endswith(".unit") and any(values)
            for field, scope in drawn
            for name, values in scope.row.items()
        )

    def options(self, field: Field) -> list[Option]:
        """The choices of a field in words."""
        t = self.visit.t
        match field:
            case Within():
                return [(key, t(f"build.within_{key or 'ever'}")) for key in field.options]
            case OneOf():
                return [(key, t(field.words + key)) for key in field.ways]
            case DayOf():
                return [(key, t(f"build.day_{key}")) for key in field.ways]
            case Choice() | Many():
                words = field.words
                return [(key, t(words + key) if words else key) for key in field.options]
        return []

    def others(self, field: Many, chosen: Sequence[str]) -> list[Option]:
        """What was chosen by another name than those that are offered."""
        return [(one, one) for one in chosen if one not in field.options]

    def picks(self, field: Pick, value: str) -> list[Option]:
        """What may be picked, and what is picked though it stands in no list any more."""
        listed = self.offers.of(field.offer)
        if not value or value in dict(listed):
            return listed
        return [*listed, (value, dict(self.offers.of("called")).get(value, value))]

    def event(self, field: Any, scope: Scope) -> str:
        """The event whose properties a field names."""
        return Scope(scope.row).one(field.event) if field.event else ""

    def reading(self, field: Compare, scope: Scope) -> Reading:
        """As what a comparison is meant."""
        return reading_of(scope, field.event)

    def readings(self, field: Compare, scope: Scope) -> list[Option]:
        """The types to choose from; the first is the one that was heard."""
        t = self.visit.t
        untold = {**scope.row, f"{scope.at}type": [""]}
        told = reading_of(msgspec.structs.replace(scope, row=untold), field.event)
        first = ("", t("build.reading_auto", kind=t(f"build.reading_{told}")))
        return [first, *((one.value, t(f"build.reading_{one}")) for one in Reading)]

    def ops(self, reading: Reading) -> list[Option]:
        """The ways to compare a type."""
        return [(op, self._op(reading, op)) for op in OPS[reading]]

    def op(self, field: Compare, scope: Scope) -> str:
        """The way that is chosen, or the first where the chosen one is of another type."""
        ops = OPS[reading_of(scope, field.event)]
        chosen = scope.one("op")
        return chosen if chosen in ops else ops[0]

    def _op(self, reading: Reading, op: str) -> str:
        special = f"op.{reading}_{op}"
        return self.visit.t(special if has(self.visit.locale, special) else f"op.{op}")

    def clauses(self) -> list[Option]:
        """What may be asked of an event."""
        return [(kind, self.visit.t(f"build.clause_{kind or 'property'}")) for kind in KINDS]

    def others_of(self, kind: str) -> list[str]:
        """The questions that a row may change between, itself among them."""
        others = QUESTIONS[kind].others if kind in QUESTIONS else ()
        return [one for one in QUESTIONS if one == kind or one in others] if others else []

    def seen_url(self, field: Compare, scope: Scope) -> str:
        """Where the values of a name are listed that were seen."""
        named = {"name": scope.one("name"), "event": self.event(field, scope)}
        return list_url("/segments/seen", named)

    def marks(self, is_wrong: bool, is_shape: bool) -> Markup:
        """Attributes of a control: that its value is wrong, that the rows are drawn anew for it."""
        wrong = 'aria-invalid="true" ' if is_wrong else ""
        return Markup(" " + wrong + (_DRAW if is_shape else ""))

    def described(self, name: str, field: Field) -> Markup:
        """The attribute that leads from a control to its hint, where it has one."""
        is_hinted = has(self.visit.locale, f"build.hint_{field.label}")
        return Markup(' aria-describedby="h-{}"').format(name) if is_hinted else Markup()

    def number(self, path: str) -> str:
        """How a row is counted on the page: `1.2` is the second of the first group."""
        return ".".join(str(int(step) + 1) for step in path.split("-"))

    def is_wrong(self, path: str, key: str) -> bool:
        """Whether something is wrong with just this field, or inside of it."""
        return any(
            one.path == path and bool(key) and (one.key == key or one.key.startswith(f"{key}."))
            for one in self.wrong
        )

    def said(self, path: str) -> str:
        """What is wrong with a row, in words; empty where nothing is."""
        return " ".join(self.say(one) for one in self.wrong if one.path == path)

    def say(self, wrong: Wrong) -> str:
        """One problem, beginning with the field that it is about."""
        said = self.visit.say(wrong.error)
        label = label_of(self.kinds.get(wrong.path, ""), wrong.key)
        return f"{self.visit.t(f'build.label_{label}')}: {said}" if label else said
