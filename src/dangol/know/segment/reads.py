"""What an answer depends on: what has to be looked at again when something happens, or time passes.

Pure, over a resolved condition; membership uses it to touch only whom a change can concern.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from dangol.know.segment.condition import (
    Anniversary,
    AnyOf,
    Comparison,
    Condition,
    ConsentIs,
    DateIs,
    InSegment,
    Interested,
    Place,
    Requirement,
    StageIs,
    Subscribed,
    TraitIs,
)
from dangol.know.segment.place import names_of
from dangol.know.segment.plan import Question, Sequel, leaves_of, plan, since_of
from dangol.know.segment.value import path_of
from dangol.know.segment.window import Window
from dangol.model.tag import fold_tag

_AT_ONCE = timedelta(0)
"""An event that lies a moment ahead counts when its time has come."""


class EventUse(NamedTuple):
    """How events of a name are looked at."""

    since: datetime | None
    """Older ones do not matter; None when all do."""
    props: frozenset[str]
    """Keys of the properties that are read."""


class Turns(NamedTuple):
    """When an answer can change although nothing happens."""

    events: Mapping[str, frozenset[timedelta]]
    """So long after an event of that name."""
    stages: frozenset[timedelta]
    """So long after the stage began."""
    daily: bool
    """At midnight of the customer's zone."""
    fades: frozenset[tuple[str, float]]
    """When an interest in a tag falls below a score."""


class Reads(NamedTuple):
    """What the answer to a condition depends on."""

    events: Mapping[str, EventUse]
    traits: frozenset[str]
    """Top-level keys."""
    stages: bool
    channels: frozenset[str]
    """Whose consents and topics are read."""
    memberships: bool
    interests: bool
    zones: bool
    """Whether the customer's zone matters."""
    turns: Turns


def reads_of(condition: Condition, now: datetime) -> Reads:
    """What the answer to a resolved `condition` depends on at `now`."""
    planned = plan(condition, now)
    leaves = leaves_of(planned.where)
    questions = planned.questions
    is_daily = _is_daily(leaves, questions)
    return Reads(
        events=_events(questions, now),
        traits=frozenset(key for leaf in leaves for key in _traits(leaf)),
        stages=any(isinstance(leaf, StageIs) for leaf in leaves),
        channels=frozenset(
            str(leaf.channel) for leaf in leaves if isinstance(leaf, ConsentIs | Subscribed)
        ),
        memberships=any(isinstance(leaf, InSegment) for leaf in leaves),
        interests=any(isinstance(leaf, Interested) for leaf in leaves),
        zones=is_daily or _has_local_days(questions),
        turns=Turns(
            events=_event_turns(questions),
            stages=frozenset(delta for leaf in leaves for delta in _stage_turns(leaf)),
            daily=is_daily,
            fades=frozenset(fade for leaf in leaves for fade in _fades(leaf)),
        ),
    )


def names_read(question: Question) -> dict[str, frozenset[str]]:
    """The names of the events that a question looks at, with the keys of their properties."""
    own = _keys(question.where)
    if isinstance(question, Sequel):
        same = frozenset(path_of(name)[0] for name in question.same)
        own, then = own | same, _keys(question.then.where) | same
        if question.then.name == question.name:
            return {question.name: own | then}
        return {question.name: own, question.then.name: then}
    measured = frozenset(path_of(question.property)[:1]) if question.property else frozenset()
    return {question.name: own | measured}


def _keys(requirements: Iterable[Requirement]) -> frozenset[str]:
    """The top-level keys of the properties that resolved requirements look at."""
    found: set[str] = set()
    for each in requirements:
        match each:
            case Comparison():
                found.add(path_of(each.name)[0])
            case Place():
                found.update(path_of(name)[0] for name in names_of(each))
            case AnyOf():
                found |= _keys(each.of)
    return frozenset(found)


def _events(questions: Iterable[Question], now: datetime) -> dict[str, EventUse]:
    by_name: dict[str, list[tuple[Question, frozenset[str]]]] = {}
    for question in questions:
        for name, props in names_read(question).items():
            by_name.setdefault(name, []).append((question, props))
    return {
        name: EventUse(
            since_of([question for question, _ in uses], now),
            frozenset().union(*(props for _, props in uses)),
        )
        for name, uses in by_name.items()
    }


def _event_turns(questions: Iterable[Question]) -> dict[str, frozenset[timedelta]]:
    turns: dict[str, set[timedelta]] = {}
    for question in questions:
        for name in names_read(question):
            turns.setdefault(name, {_AT_ONCE})
        own = turns[question.name]
        if question.within is not None and question.within.exact is not None:
            own.add(question.within.exact)
        if isinstance(question, Sequel) and not question.came and question.after is not None:
            own.add(question.after)
    return {name: frozenset(deltas) for name, deltas in turns.items()}


def _stage_turns(leaf: Condition) -> list[timedelta]:
    if not isinstance(leaf, StageIs):
        return []
    return [each.delta for each in (leaf.at_least, leaf.less_than) if each is not None]


def _fades(leaf: Condition) -> list[tuple[str, float]]:
    if not isinstance(leaf, Interested):
        return []
    return [(fold_tag(tag), leaf.at_least) for tag in leaf.tags]


def _is_daily(leaves: Iterable[Condition], questions: Iterable[Question]) -> bool:
    """Dates are days of a zone, also when they are fixed: a day begins elsewhere at another time."""
    dated = any(isinstance(leaf, DateIs | Anniversary | InSegment) for leaf in leaves)
    return dated or any(_moves(question.within) for question in questions)


def _moves(window: Window | None) -> bool:
    """Whether the window goes along with the calendar."""
    return window is not None and bool(
        window.calendar_days or window.calendar_weeks or window.calendar_months
    )


def _has_local_days(questions: Iterable[Question]) -> bool:
    return any(one.within is not None and one.within.exact is None for one in questions)


def _traits(leaf: Condition) -> Iterable[str]:
    if isinstance(leaf, TraitIs | DateIs | Anniversary):
        return [path_of(leaf.name)[0]]
    return [path_of(name)[0] for name in names_of(leaf)] if isinstance(leaf, Place) else []
