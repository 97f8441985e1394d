"""The condition language as frozen values: what a person of a segment has in common.

Leaves ask one thing about one customer; `all`, `any` and `not` combine them. Every answer is yes
or no, never "unknown": a comparison with a value that is absent, null or of another type is *no*,
also for `ne`. Whoever wants those people says `not` around an `eq`.
"""

from enum import StrEnum
from uuid import UUID

import msgspec

from dangol.model.consent import ConsentState
from dangol.model.message import Channel
from dangol.model.stage import Stage


class Op(StrEnum):
    """How a trait or a property is compared."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    IN = "in"
    EXISTS = "exists"
    """There is a value, of any type, and it is not null."""
    MISSING = "missing"
    """Nothing was ever said, or it was taken back with null."""


class CountOp(StrEnum):
    """How a number of events is compared."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


class ValueType(StrEnum):
    """The types that can be compared; a value of another type never matches."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    """Text in ISO 8601; without an offset it is the wall clock of the brand's zone."""
    BOOLEAN = "boolean"


Scalar = str | bool | int | float


class Comparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`name op value`, over customer traits or over the properties of one event."""

    name: str
    op: Op
    value: str | bool | int | float | tuple[str | bool | int | float, ...] | None = None
    type: ValueType | None = None
    """Told by the value, except for `time`, which must be named."""


class TimesClause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often something happened."""

    op: CountOp = CountOp.GE
    value: int = 1


class Rolling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last `days` × 24 hours before now: later than now − days, not later than now."""

    days: int


class _Node(
    msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True, kw_only=True
):
    """What all nodes of the tree share: `kind` tells them apart."""


class All(_Node, frozen=True, tag="all", kw_only=True):
    """Every part is true; without parts, everyone."""

    of: tuple["Condition", ...]


class AnyOf(_Node, frozen=True, tag="any", kw_only=True):
    """At least one part is true; without parts, nobody."""

    of: tuple["Condition", ...]


class Not(_Node, frozen=True, tag="not", kw_only=True):
    """The part is not true."""

    of: "Condition"


class TraitIs(_Node, frozen=True, tag="trait", kw_only=True):
    """What the customer's profile says now."""

    name: str
    op: Op
    value: str | bool | int | float | tuple[str | bool | int | float, ...] | None = None
    type: ValueType | None = None

    @property
    def comparison(self) -> Comparison:
        """The same question without the word trait."""
        return Comparison(name=self.name, op=self.op, value=self.value, type=self.type)


class Did(_Node, frozen=True, tag="did", kw_only=True):
    """The customer did it so many times; all of `where` hold for each counted event."""

    name: str
    times: TimesClause = TimesClause()
    within: Rolling | None = None
    """None is the whole history."""
    where: tuple[Comparison, ...] = ()


class DidNot(_Node, frozen=True, tag="did_not", kw_only=True):
    """The customer did no such thing."""

    name: str
    within: Rolling | None = None
    where: tuple[Comparison, ...] = ()


class StageIs(_Node, frozen=True, tag="stage", kw_only=True):
    """Where the relationship stands; whoever was never scored is `unknown`."""

    stages: tuple[Stage, ...] = msgspec.field(name="in")


class InSegment(_Node, frozen=True, tag="segment", kw_only=True):
    """Member of another segment, as that is defined now."""

    id: UUID


class ConsentIs(_Node, frozen=True, tag="consent", kw_only=True):
    """The answer to "may we write to you?" on a channel; no answer is `unknown`."""

    channel: Channel = Channel.EMAIL
    states: tuple[ConsentState, ...] = msgspec.field(name="in")


Leaf = TraitIs | Did | DidNot | StageIs | InSegment | ConsentIs
Condition = All | AnyOf | Not | TraitIs | Did | DidNot | StageIs | InSegment | ConsentIs

EVERYONE = All(of=())


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """The parts right below a node; empty for a leaf."""
    if isinstance(condition, All | AnyOf):
        return condition.of
    return (condition.of,) if isinstance(condition, Not) else ()


def to_json(condition: Condition) -> dict:
    """The condition as JSON data; `parse` of it gives the same condition back."""
    return msgspec.to_builtins(condition)
