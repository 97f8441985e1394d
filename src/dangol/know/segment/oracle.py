"""The condition language in plain Python, one customer at a time: what the SQL has to agree with.

It is written for reading, not for speed; it also answers "why is she in?" for one person.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from dangol.know.segment import value
from dangol.know.segment.condition import (
    All,
    AnyOf,
    Comparison,
    Condition,
    ConsentIs,
    Did,
    DidNot,
    Not,
    Op,
    Rolling,
    StageIs,
    TraitIs,
    ValueType,
)
from dangol.model.consent import ConsentState
from dangol.model.message import Channel
from dangol.model.stage import Stage

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_READERS: dict[ValueType, Callable[[object], Any]] = {
    ValueType.TEXT: value.as_text,
    ValueType.NUMBER: value.as_number,
    ValueType.BOOLEAN: value.as_boolean,
}


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one customer, apart from the history."""

    traits: Mapping[str, Any] = {}
    stage: Stage = Stage.UNKNOWN
    consents: Mapping[Channel, ConsentState] = {}


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One event as far as conditions look at it."""

    name: str
    time: datetime
    props: Mapping[str, Any] = {}


def evaluate(
    condition: Condition,
    person: Person,
    events: Sequence[Happening],
    now: datetime,
    zone: str = "UTC",
) -> bool:
    """Whether `condition` is true of `person` with the history `events` at `now`.

    Raises:
        TypeError: the condition still names another segment (`check.inline` replaces them).
    """
    match condition:
        case All():
            return all(evaluate(part, person, events, now, zone) for part in condition.of)
        case AnyOf():
            return any(evaluate(part, person, events, now, zone) for part in condition.of)
        case Not():
            return not evaluate(condition.of, person, events, now, zone)
        case TraitIs():
            return holds(condition.comparison, person.traits, zone)
        case Did():
            times = _count(condition, events, now, zone)
            return _COMPARE[condition.times.op](times, condition.times.value)
        case DidNot():
            return _count(condition, events, now, zone) == 0
        case StageIs():
            return person.stage in condition.stages
        case ConsentIs():
            answer = person.consents.get(condition.channel, ConsentState.UNKNOWN)
            return answer in condition.states
    raise TypeError(f"{type(condition).__name__} must be inlined before it is evaluated")


def holds(test: Comparison, values: Mapping[str, Any], zone: str = "UTC") -> bool:
    """Whether one comparison is true of a JSON object; absent, null and other types are no."""
    found = values.get(test.name)
    if test.op in (Op.EXISTS, Op.MISSING):
        return (found is None) == (test.op is Op.MISSING)
    if test.type is ValueType.TIME:
        return _holds_time(test, found, zone)
    assert test.type is not None
    read = _READERS[test.type](found)
    if read is None:
        return False
    if test.op is Op.IN:
        assert isinstance(test.value, tuple)
        return read in {value.readable(item) for item in test.value}
    wanted = value.readable(test.value)
    if test.op is Op.CONTAINS:
        return wanted in read
    if test.op is Op.STARTS_WITH:
        return read.startswith(wanted)
    return _COMPARE[test.op](read, wanted)


def _holds_time(test: Comparison, found: object, zone: str) -> bool:
    read = value.as_time(found)
    clock = value.clock_of(str(test.value), ZoneInfo(zone))
    if read is None or clock is None:
        return False
    micros, is_wall = read
    return _COMPARE[test.op](micros, clock.wall if is_wall else clock.utc)


def _count(test: Did | DidNot, events: Sequence[Happening], now: datetime, zone: str) -> int:
    return sum(
        event.name == test.name
        and _is_within(event.time, test.within, now)
        and all(holds(item, event.props, zone) for item in test.where)
        for event in events
    )


def _is_within(time: datetime, window: Rolling | None, now: datetime) -> bool:
    return time <= now and (window is None or time > now - timedelta(days=window.days))
