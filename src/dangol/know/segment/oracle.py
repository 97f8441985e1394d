"""The condition language in plain Python, one customer at a time: what the SQL has to agree with.

It is written for reading, not for speed; it also answers "why is she in?" for one person. Where
the SQL compares instants that were worked out for each zone, this asks what day a clock on the
wall showed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import singledispatch
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from dangol.know.segment import anniversary, value
from dangol.know.segment.condition import (
    All,
    Anniversary,
    AnyOf,
    Condition,
    ConsentIs,
    DateIs,
    Did,
    DidNot,
    First,
    Followed,
    InSegment,
    Interested,
    Last,
    Measured,
    Not,
    NotFollowed,
    Place,
    Regularly,
    Requirement,
    Share,
    StageIs,
    Subscribed,
    TraitIs,
)
from dangol.know.segment.day import span_of_date
from dangol.know.segment.holding import COMPARE, holds
from dangol.know.segment.interest import least_weight
from dangol.know.segment.place import is_there
from dangol.know.segment.plan import steps_window
from dangol.know.segment.share import is_in_share
from dangol.know.segment.terms import Standing, Step, Take
from dangol.know.segment.window import Days, Window, days_of, known_zones
from dangol.model.consent import ConsentState
from dangol.model.message import Channel
from dangol.model.stage import Stage
from dangol.model.tag import fold_tag

_TICK = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stay(msgspec.Struct, frozen=True):
    """Once a member of a segment."""

    entered_at: datetime
    left_at: datetime | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one customer, apart from the history."""

    customer_id: int = 0
    traits: Mapping[str, Any] = {}
    zone: str | None = None
    """None, or a name that nobody knows, is the brand's."""
    stage: Stage = Stage.UNKNOWN
    stage_since: datetime | None = None
    """None when no stage was ever told."""
    stage_before: Stage = Stage.UNKNOWN
    consents: Mapping[Channel, ConsentState] = {}
    topics: Mapping[tuple[Channel, str], ConsentState] = {}
    stays: Mapping[UUID, Sequence[Stay]] = {}
    interests: Mapping[str, float] = {}
    """Folded tag to stored weight."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One event as far as conditions look at it."""

    name: str
    time: datetime
    props: Mapping[str, Any] = {}


class Case(msgspec.Struct, frozen=True):
    """One person at one instant."""

    person: Person
    events: Sequence[Happening]
    now: datetime
    brand_zone: str

    @property
    def zone(self) -> ZoneInfo:
        """The customer's, else the brand's."""
        own = self.person.zone
        return ZoneInfo(own if own in known_zones() else self.brand_zone)

    @property
    def today(self) -> date:
        """The customer's date."""
        return self.day_of(self.now)

    def day_of(self, time: datetime) -> date:
        """The local day that had begun: where a clock is set back, a day does not begin twice."""
        local = time.astimezone(self.zone)
        if not local.fold:
            return local.date()
        before = (time - timedelta(minutes=minutes) for minutes in range(181))
        return max(each.astimezone(self.zone).date() for each in before)

    def is_within(self, time: datetime, window: Window | None) -> bool:
        """Whether an instant that is past lies in a window."""
        if time > self.now:
            return False
        if window is None:
            return True
        if window.exact is not None:
            return time > self.now - window.exact
        return _is_between(self.day_of(time), days_of(window, self.today))

    def matching(
        self, name: str, where: Sequence[Requirement], within: Window | None
    ) -> list[Happening]:
        """The events that count."""
        return [
            event
            for event in self.events
            if event.name == name
            and self.is_within(event.time, within)
            and all(holds(item, event.props, self.brand_zone) for item in where)
        ]


def evaluate(
    condition: Condition,
    person: Person,
    events: Sequence[Happening],
    now: datetime,
    zone: str = "UTC",
) -> bool:
    """Whether `condition` is true of `person` with the history `events` at `now`; `zone` is the brand's.

    Raises:
        TypeError: the condition names another segment, a message or a moment (`check.inline`
            replaces them).
    """
    return _is_true(condition, Case(person, events, now, zone))


@singledispatch
def _is_true(condition: Condition, case: Case) -> bool:
    raise TypeError(f"{type(condition).__name__} must be resolved before it is evaluated")


@_is_true.register
def _(condition: All, case: Case) -> bool:
    return all(_is_true(part, case) for part in condition.of)


@_is_true.register
def _(condition: AnyOf, case: Case) -> bool:
    return any(_is_true(part, case) for part in condition.of)


@_is_true.register
def _(condition: Not, case: Case) -> bool:
    return not _is_true(condition.of, case)


# -- the profile ---------------------------------------------------------------------------


@_is_true.register
def _(leaf: TraitIs, case: Case) -> bool:
    return holds(leaf.comparison, case.person.traits, case.brand_zone)


@_is_true.register
def _(leaf: DateIs, case: Case) -> bool:
    read = value.as_time(value.dig(case.person.traits, leaf.name))
    if read is None:
        return False
    micros, is_wall = read
    try:
        moment = _EPOCH + timedelta(microseconds=micros)
        day = moment.date() if is_wall else case.day_of(moment)
    except OverflowError:
        day = date.min if micros < 0 else date.max
    return _is_between(day, span_of_date(leaf, case.today))


@_is_true.register
def _(leaf: Anniversary, case: Case) -> bool:
    key = anniversary.key_of(value.dig(case.person.traits, leaf.name))
    return key in anniversary.keys_within(leaf, case.today)


@_is_true.register
def _(leaf: Place, case: Case) -> bool:
    return is_there(leaf, case.person.traits)


@_is_true.register
def _(leaf: Share, case: Case) -> bool:
    return is_in_share(leaf, case.person.customer_id)


# -- the history ---------------------------------------------------------------------------


@_is_true.register
def _(leaf: Did, case: Case) -> bool:
    times = len(case.matching(leaf.name, leaf.where, leaf.within))
    return COMPARE[leaf.times.op](times, leaf.times.value)


@_is_true.register
def _(leaf: DidNot, case: Case) -> bool:
    return not case.matching(leaf.name, leaf.where, leaf.within)


@_is_true.register
def _(leaf: Measured, case: Case) -> bool:
    found = measured(leaf, case)
    is_sum = leaf.take in (Take.SUM, Take.AVERAGE)
    wanted = value.exact_millionths(leaf.value) if is_sum else float(leaf.value)
    return found is not None and COMPARE[leaf.op](found, wanted)


def measured(leaf: Measured, case: Case) -> Fraction | float | None:
    """What is compared with the number; sums and averages in millionths. None for nothing."""
    events = case.matching(leaf.name, leaf.where, leaf.within)
    return _measure(leaf.take, [value.dig(event.props, leaf.property) for event in events])


def _measure(take: Take, given: Iterable[object]) -> Fraction | float | None:
    values = list(given)
    if take is Take.DISTINCT:
        return len({_distinct(one) for one in values} - {None})
    numbers = [number for number in map(value.as_number, values) if number is not None]
    if take in (Take.MIN, Take.MAX):
        return (min if take is Take.MIN else max)(numbers, default=None)
    summed = [part for part in map(value.millionths, numbers) if part is not None]
    if take is Take.SUM:
        return Fraction(sum(summed))
    return Fraction(sum(summed), len(summed)) if summed else None


def _distinct(one: object) -> object:
    if isinstance(one, bool):
        return one, "boolean"
    return value.as_text(one) if isinstance(one, str) else value.as_number(one)


@_is_true.register(First | Last)
def _(leaf: First | Last, case: Case) -> bool:
    events = case.matching(leaf.name, leaf.where, None)
    if not events:
        return False
    edge = (min if isinstance(leaf, First) else max)(event.time for event in events)
    there = [event for event in events if event.time == edge]
    return case.is_within(edge, leaf.within) and any(
        all(holds(item, event.props, case.brand_zone) for item in leaf.has) for event in there
    )


@_is_true.register(Followed | NotFollowed)
def _(leaf: Followed | NotFollowed, case: Case) -> bool:
    return bool(list_followed(leaf, case))


def list_followed(leaf: Followed | NotFollowed, case: Case) -> list[Happening]:
    """The events that were followed, or those that were not although the time for it is over."""
    firsts = [
        event
        for event in case.matching(leaf.name, leaf.where, leaf.within)
        if None not in _shared(event, leaf)
    ]
    if isinstance(leaf, Followed):
        return [first for first in firsts if _is_followed(first, leaf, case)]
    after = leaf.after.delta if leaf.after else timedelta(0)
    over = [first for first in firsts if first.time + after <= case.now]
    return [first for first in over if not _is_followed(first, leaf, case)]


def _is_followed(first: Happening, leaf: Followed | NotFollowed, case: Case) -> bool:
    return any(
        first.time < event.time
        and (leaf.after is None or event.time <= first.time + leaf.after.delta)
        and _shared(event, leaf) == _shared(first, leaf)
        for event in case.matching(leaf.then.name, leaf.then.where, None)
    )


def _shared(event: Happening, leaf: Followed | NotFollowed) -> list[object]:
    return [_distinct(value.dig(event.props, name)) for name in leaf.same]


@_is_true.register
def _(leaf: Regularly, case: Case) -> bool:
    return count_steps(leaf, case) >= leaf.at_least


def count_steps(leaf: Regularly, case: Case) -> int:
    """In how many of the last days, weeks or months it happened."""
    events = case.matching(leaf.name, leaf.where, steps_window(leaf.step, leaf.of_last))
    return len({_step_of(case.day_of(event.time), leaf.step) for event in events})


def _step_of(day: date, step: Step) -> tuple[int, ...]:
    if step is Step.DAY:
        return (day.toordinal(),)
    return day.isocalendar()[:2] if step is Step.WEEK else (day.year, day.month)


# -- standing ------------------------------------------------------------------------------


@_is_true.register
def _(leaf: StageIs, case: Case) -> bool:
    person = case.person
    since = person.stage_since
    if person.stage not in leaf.stages:
        return False
    if leaf.at_least and not (since and since <= case.now - leaf.at_least.delta):
        return False
    if leaf.less_than and not (since and since > case.now - leaf.less_than.delta):
        return False
    return not leaf.previous or (since is not None and person.stage_before in leaf.previous)


@_is_true.register
def _(leaf: ConsentIs, case: Case) -> bool:
    return case.person.consents.get(leaf.channel, ConsentState.UNKNOWN) in leaf.states


@_is_true.register
def _(leaf: Subscribed, case: Case) -> bool:
    consent = case.person.consents.get(leaf.channel)
    topic = case.person.topics.get((leaf.channel, leaf.topic))
    refused = (ConsentState.DENIED, ConsentState.WITHDRAWN)
    is_on = consent is ConsentState.GRANTED and topic not in refused
    return is_on == (leaf.standing is Standing.ON)


@_is_true.register
def _(leaf: InSegment, case: Case) -> bool:
    if leaf.on is None:
        raise TypeError("InSegment must be resolved before it is evaluated")
    return any(
        case.day_of(stay.entered_at) <= leaf.on
        and (stay.left_at is None or case.day_of(stay.left_at - _TICK) >= leaf.on)
        for stay in case.person.stays.get(leaf.id, ())
    )


@_is_true.register
def _(leaf: Interested, case: Case) -> bool:
    least = least_weight(leaf.at_least, case.now)
    weights = (case.person.interests.get(fold_tag(tag)) for tag in leaf.tags)
    return any(weight is not None and weight >= least for weight in weights)


def _is_between(day: date, days: Days) -> bool:
    first, last = days
    return (first is None or day >= first) and (last is None or day <= last)
