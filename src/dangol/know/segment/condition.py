"""The condition language as frozen values: what a person of a segment has in common.

Leaves ask one thing about one customer; `all`, `any` and `not` combine them. Every answer is yes
or no, never "unknown": a comparison with a value that is absent, null or of another type is *no*,
also for `ne`. Whoever wants those people says `not` around an `eq`.
"""

from datetime import date
from uuid import UUID

import msgspec

from dangol.know.interest.score import REGULAR
from dangol.know.segment.terms import (
    Aspect,
    Calendar,
    CountOp,
    DateOp,
    Direction,
    Op,
    Reaction,
    Standing,
    Step,
    Take,
    ValueType,
)
from dangol.know.segment.window import Duration, Window
from dangol.model.area import Area, Circle
from dangol.model.consent import ConsentState
from dangol.model.message import Channel
from dangol.model.stage import Stage

Name = str | tuple[str, ...]
"""A key, or the keys to go down one after the other: `["address", "city"]`."""
Value = str | bool | int | float | tuple[str | bool | int | float, ...] | None


class Requirement:
    """What one event has to be like: a `Comparison`, a `Place` or an `InMoment`.

    Resolved, a moment is the places of those that are on, any of which will do (`AnyOf`).
    """

    __slots__ = ()


class Comparison(
    msgspec.Struct,
    Requirement,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """`name op value`, over customer traits or over the properties of one event."""

    name: Name
    op: Op
    value: Value = None
    type: ValueType | None = None
    """Told by the value, except for `time`, which must be named."""
    of: Aspect | None = None


class TimesClause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often something happened."""

    op: CountOp = CountOp.GE
    value: int = 1


class Happens(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """An event with such properties."""

    name: str
    where: tuple[Requirement, ...] = ()


class Relative(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A day seen from today; exactly one of the two. 0 is today."""

    days_ago: int | None = None
    days_ahead: int | None = None

    @property
    def offset(self) -> int:
        """Days after today; negative is before."""
        return self.days_ahead if self.days_ahead is not None else -(self.days_ago or 0)


class DayCount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many local days, today included."""

    days: int


class _Node(
    msgspec.Struct,
    frozen=True,
    tag_field="kind",
    forbid_unknown_fields=True,
    kw_only=True,
    omit_defaults=True,
):
    """What all nodes of the tree share: `kind` tells them apart."""


class All(_Node, frozen=True, tag="all", kw_only=True):
    """Every part is true; without parts, everyone."""

    of: tuple["Condition", ...]


class AnyOf(_Node, Requirement, frozen=True, tag="any", kw_only=True):
    """At least one part is true; without parts, nobody."""

    of: tuple["Condition", ...]


class Not(_Node, frozen=True, tag="not", kw_only=True):
    """The part is not true."""

    of: "Condition"


class TraitIs(_Node, frozen=True, tag="trait", kw_only=True):
    """What the customer's profile says now."""

    name: Name
    op: Op
    value: Value = None
    type: ValueType | None = None
    of: Aspect | None = None

    @property
    def comparison(self) -> Comparison:
        """The same question without the word trait."""
        return Comparison(name=self.name, op=self.op, value=self.value, type=self.type, of=self.of)


class DateIs(_Node, frozen=True, tag="date", kw_only=True):
    """A trait that is a date or a time lies on, before or after a local day, or close to today."""

    name: Name
    op: DateOp
    day: date | Relative | None = None
    """For `on`, `before` and `after`."""
    days: int | None = None
    """For `last` and `next`."""


class Anniversary(_Node, frozen=True, tag="anniversary", kw_only=True):
    """The month and day of a trait come round within so many local days, today included."""

    name: Name
    within: DayCount
    direction: Direction = Direction.NEXT
    calendar: Calendar = Calendar.SOLAR


class Did(_Node, frozen=True, tag="did", kw_only=True):
    """The customer did it so many times; all of `where` hold for each counted event."""

    name: str
    times: TimesClause = TimesClause()
    within: Window | None = None
    """None is the whole history."""
    where: tuple[Requirement, ...] = ()


class DidNot(_Node, frozen=True, tag="did_not", kw_only=True):
    """The customer did no such thing."""

    name: str
    within: Window | None = None
    where: tuple[Requirement, ...] = ()


class Measured(_Node, frozen=True, tag="measure", kw_only=True):
    """A sum, average, … over a property of the events that count, compared with a number."""

    name: str
    take: Take
    property: Name
    op: CountOp = CountOp.GE
    value: int | float
    within: Window | None = None
    where: tuple[Requirement, ...] = ()


class First(_Node, frozen=True, tag="first", kw_only=True):
    """The first such event ever lies in a window and has these properties."""

    name: str
    where: tuple[Requirement, ...] = ()
    within: Window | None = None
    has: tuple[Requirement, ...] = ()
    """True of one of the events at that very instant."""


class Last(_Node, frozen=True, tag="last", kw_only=True):
    """The last such event lies in a window and has these properties."""

    name: str
    where: tuple[Requirement, ...] = ()
    within: Window | None = None
    has: tuple[Requirement, ...] = ()


class Followed(_Node, frozen=True, tag="followed", kw_only=True):
    """At least once, `then` came later than the event, and within `after` of it if that is told."""

    name: str
    where: tuple[Requirement, ...] = ()
    within: Window | None = None
    """When the first of the two happened."""
    then: Happens
    after: Duration | None = None
    """None is up to now."""
    same: tuple[Name, ...] = ()
    """Properties that are equal in both; an event without one of them does not count."""


class NotFollowed(_Node, frozen=True, tag="not_followed", kw_only=True):
    """At least once, `after` passed since the event and `then` did not come in it.

    Without `after`: at least once, `then` did not come since, so far.
    """

    name: str
    where: tuple[Requirement, ...] = ()
    within: Window | None = None
    then: Happens
    after: Duration | None = None
    same: tuple[Name, ...] = ()


class Regularly(_Node, frozen=True, tag="regularly", kw_only=True):
    """The event happened in at least so many of the last days, weeks or months, this one included."""

    name: str
    where: tuple[Requirement, ...] = ()
    step: Step = Step.WEEK
    of_last: int
    at_least: int


class StageIs(_Node, frozen=True, tag="stage", kw_only=True):
    """Where the relationship stands, how long so, and where it stood before.

    Whoever was never scored is `unknown`, for no known time.
    """

    stages: tuple[Stage, ...] = msgspec.field(name="in")
    at_least: Duration | None = None
    less_than: Duration | None = None
    previous: tuple[Stage, ...] = ()
    """Empty for any."""


class InSegment(_Node, frozen=True, tag="segment", kw_only=True):
    """Member of another segment as that is defined now, or at some time of a local day."""

    id: UUID
    on: date | None = None


class ConsentIs(_Node, frozen=True, tag="consent", kw_only=True):
    """The answer to "may we write to you?" on a channel; no answer is `unknown`."""

    channel: Channel = Channel.EMAIL
    states: tuple[ConsentState, ...] = msgspec.field(name="in")


class Subscribed(_Node, frozen=True, tag="subscription", kw_only=True):
    """Letters about a topic may come: consent is granted and the topic was not refused."""

    topic: str
    channel: Channel = Channel.EMAIL
    standing: Standing = msgspec.field(default=Standing.ON, name="is")


class Reacted(_Node, frozen=True, tag="message", kw_only=True):
    """Received, opened, clicked or answered a message: any, or of one letter, campaign or topic."""

    did: Reaction
    letter: UUID | None = None
    campaign: UUID | None = None
    topic: str | None = None
    times: TimesClause = TimesClause()
    within: Window | None = None


class Place(_Node, Requirement, frozen=True, tag="place", kw_only=True):
    """The customer's position or postcode lies in one area, or an event's; exactly one is given."""

    circle: Circle | None = None
    polygon: tuple[tuple[float, float], ...] | None = None
    """Corners as (longitude, latitude)."""
    postcodes: tuple[str, ...] | None = None
    """Beginnings of postcodes."""
    regions: tuple[str, ...] | None = None
    """Korean provinces and cities, by their postcodes."""
    latitude: Name | None = None
    """The traits or properties that tell the position; without them the usual names."""
    longitude: Name | None = None
    postcode: Name | None = None

    @property
    def area(self) -> Area:
        """What is asked, without how positions are told."""
        return Area(
            circle=self.circle,
            polygon=self.polygon,
            postcodes=self.postcodes,
            regions=self.regions,
        )


class InMoment(_Node, Requirement, frozen=True, tag="moment", kw_only=True):
    """Inside the area of a moment that is on now: one moment, one kind of them, or any."""

    id: UUID | None = None
    kind_of: str | None = None
    latitude: Name | None = None
    longitude: Name | None = None
    postcode: Name | None = None


class Share(_Node, frozen=True, tag="share", kw_only=True):
    """The same share of everyone each time it is asked; another for each name `of` a test."""

    of: str
    first: float = msgspec.field(default=0.0, name="from")
    last: float = msgspec.field(default=1.0, name="to")


class Interested(_Node, frozen=True, tag="interest", kw_only=True):
    """Reads, clicks or buys what bears one of these tags, at least so much lately."""

    tags: tuple[str, ...] = msgspec.field(name="in")
    at_least: float = REGULAR
    """See `know.interest.score`: a read is worth 1, a click 2, a purchase 3, half after 90 days."""


EventLeaf = Did | DidNot | Measured | First | Last | Followed | NotFollowed | Regularly
Leaf = (
    TraitIs | DateIs | Anniversary | EventLeaf | StageIs | InSegment | ConsentIs | Subscribed
    | Reacted | Place | InMoment | Share | Interested
)  # fmt: skip
Condition = All | AnyOf | Not | Leaf

EVERYONE = All(of=())
NOBODY = AnyOf(of=())


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """The parts right below a node; empty for a leaf."""
    if isinstance(condition, All | AnyOf):
        return condition.of
    return (condition.of,) if isinstance(condition, Not) else ()


def requirements_of(leaf: Condition) -> tuple[Requirement, ...]:
    """What a leaf asks of events, of whichever of them; empty when it asks of none."""
    if not isinstance(leaf, EventLeaf):
        return ()
    if isinstance(leaf, First | Last):
        return leaf.where + leaf.has
    return leaf.where + (leaf.then.where if isinstance(leaf, Followed | NotFollowed) else ())


def is_node(condition: Condition) -> bool:
    """Whether it combines others, rather than asking something itself."""
    return isinstance(condition, All | AnyOf | Not)


def to_json(condition: Condition) -> dict:
    """The condition as JSON data; `parse` of it gives the same condition back."""
    return msgspec.to_builtins(condition)
