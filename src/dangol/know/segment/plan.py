"""Rewrites before SQL: the same question, asked with as little work as possible.

Each rewrite is a small pure function from condition to condition; then every event question
becomes counters, so that each event is read once whatever the condition asks of it. Only "A, then B"
needs another pass, over the rows that are A or B.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import singledispatch
from typing import NamedTuple

import msgspec

from dangol.know.segment.condition import (
    EVERYONE,
    All,
    AnyOf,
    Condition,
    ConsentIs,
    Did,
    DidNot,
    First,
    Followed,
    Happens,
    InSegment,
    Interested,
    Last,
    Measured,
    Name,
    Not,
    NotFollowed,
    Regularly,
    Requirement,
    StageIs,
    Subscribed,
    TimesClause,
    is_node,
    parts_of,
)
from dangol.know.segment.terms import CountOp, Step, Take
from dangol.know.segment.window import Window, earliest


class Tally(StrEnum):
    """What is kept of the events that count, one value per customer."""

    COUNT = "count"
    SUM = "sum"
    """In millionths (`value.millionths`), so that it is exact."""
    NUMBERS = "numbers"
    """How many had a number that is summed."""
    MIN = "min"
    MAX = "max"
    DISTINCT = "distinct"
    FIRST = "first"
    """The time of the first."""
    LAST = "last"
    STEPS = "steps"
    """In how many of the calendar days, weeks or months of the window."""


class Counter(NamedTuple):
    """One value about the events of a name, in a window, with these properties."""

    name: str
    within: Window | None
    where: tuple[Requirement, ...]
    tally: Tally = Tally.COUNT
    property: Name | None = None


class Sequel(NamedTuple):
    """How many events of a name were followed by another in time, or were not (and time is up).

    Enough of them are counted to tell whether there is any.
    """

    name: str
    within: Window | None
    where: tuple[Requirement, ...]
    then: Happens
    after: timedelta | None
    """None is up to now."""
    came: bool
    same: tuple[Name, ...] = ()


Question = Counter | Sequel


class Plan(msgspec.Struct, frozen=True):
    """What the compiler needs: the condition, its counters, and where the history may be cut."""

    where: Condition
    counters: tuple[Counter, ...]
    sequels: tuple[Sequel, ...]
    since: datetime | None
    """No event before it matters; None when some question asks for the whole history."""

    @property
    def questions(self) -> tuple[Question, ...]:
        """All that is asked of the history."""
        return self.counters + self.sequels


def plan(condition: Condition, now: datetime) -> Plan:
    """The rewritten `condition` and one question for each different thing it asks of the history."""
    for rewrite in REWRITES:
        condition = _bottom_up(condition, rewrite)
    asked = tuple(dict.fromkeys(q for leaf in leaves_of(condition) for q in questions_of(leaf)))
    return _plan(condition, asked, now)


def plan_questions(questions: Sequence[Question], now: datetime) -> Plan:
    """A plan that only counts."""
    return _plan(EVERYONE, questions, now)


def _plan(condition: Condition, asked: Sequence[Question], now: datetime) -> Plan:
    counters = tuple(one for one in asked if isinstance(one, Counter))
    sequels = tuple(one for one in asked if isinstance(one, Sequel))
    return Plan(condition, counters, sequels, since_of(asked, now))


def since_of(asked: Iterable[Question], now: datetime) -> datetime | None:
    """The earliest instant that any of the questions looks at."""
    starts = [earliest(one.within, now) if one.within else None for one in asked]
    known = [start for start in starts if start is not None]
    return min(known) if known and len(known) == len(starts) else None


# -- questions -----------------------------------------------------------------------------


@singledispatch
def questions_of(leaf: Condition) -> tuple[Question, ...]:
    """What a leaf asks of the history, in the order in which its test reads the answers."""
    return ()


@questions_of.register
def _(leaf: Did) -> tuple[Question, ...]:
    return (Counter(leaf.name, leaf.within, leaf.where),)


@questions_of.register
def _(leaf: Measured) -> tuple[Question, ...]:
    tallies = {
        Take.SUM: (Tally.SUM,),
        Take.AVERAGE: (Tally.SUM, Tally.NUMBERS),
        Take.MIN: (Tally.MIN,),
        Take.MAX: (Tally.MAX,),
        Take.DISTINCT: (Tally.DISTINCT,),
    }
    return tuple(
        Counter(leaf.name, leaf.within, leaf.where, tally, leaf.property)
        for tally in tallies[leaf.take]
    )


@questions_of.register
def _(leaf: First) -> tuple[Question, ...]:
    return _edge(leaf, Tally.FIRST, None)


@questions_of.register
def _(leaf: Last) -> tuple[Question, ...]:
    return _edge(leaf, Tally.LAST, opened(leaf.within))


def _edge(leaf: First | Last, tally: Tally, within: Window | None) -> tuple[Question, ...]:
    """The first or last of all; and of those with the properties, which has to be as early or late."""
    edge = Counter(leaf.name, within, leaf.where, tally)
    return (edge, edge._replace(where=leaf.where + leaf.has)) if leaf.has else (edge,)


def opened(within: Window | None) -> Window | None:
    """The window without its end: what came after it decides what is last."""
    if within is None or within.last is None:
        return within
    return Window(first=within.first) if within.first else None


@questions_of.register(Followed | NotFollowed)
def _(leaf: Followed | NotFollowed) -> tuple[Question, ...]:
    came = isinstance(leaf, Followed)
    after = None if leaf.after is None else leaf.after.delta
    return (Sequel(leaf.name, leaf.within, leaf.where, leaf.then, after, came, leaf.same),)


@questions_of.register
def _(leaf: Regularly) -> tuple[Question, ...]:
    return (Counter(leaf.name, steps_window(leaf.step, leaf.of_last), leaf.where, Tally.STEPS),)


def steps_window(step: Step, of_last: int) -> Window:
    """The calendar window that has so many steps."""
    match step:
        case Step.DAY:
            return Window(calendar_days=of_last)
        case Step.WEEK:
            return Window(calendar_weeks=of_last)
        case Step.MONTH:
            return Window(calendar_months=of_last)


# -- rewrites ------------------------------------------------------------------------------


def count_absence(condition: Condition) -> Condition:
    """`did_not` is `did` zero times."""
    if not isinstance(condition, DidNot):
        return condition
    none = TimesClause(op=CountOp.EQ, value=0)
    return Did(name=condition.name, times=none, within=condition.within, where=condition.where)


def cancel_double_not(condition: Condition) -> Condition:
    """Not of not is the thing itself."""
    if isinstance(condition, Not) and isinstance(condition.of, Not):
        return condition.of.of
    return condition


def flatten(condition: Condition) -> Condition:
    """An `all` in an `all` (`any` in `any`) dissolves into it, repeats go, one alone stands free."""
    if not isinstance(condition, All | AnyOf):
        return condition
    kind = type(condition)
    groups = (part.of if isinstance(part, kind) else (part,) for part in condition.of)
    parts = tuple(dict.fromkeys(part for group in groups for part in group))
    return parts[0] if len(parts) == 1 else kind(of=parts)


REWRITES: tuple[Callable[[Condition], Condition], ...] = (
    count_absence,
    cancel_double_not,
    flatten,
)


def _bottom_up(condition: Condition, rewrite: Callable[[Condition], Condition]) -> Condition:
    if isinstance(condition, Not):
        condition = Not(of=_bottom_up(condition.of, rewrite))
    elif isinstance(condition, All | AnyOf):
        condition = type(condition)(of=tuple(_bottom_up(part, rewrite) for part in condition.of))
    return rewrite(condition)


def leaves_of(condition: Condition) -> list[Condition]:
    """Every leaf, in reading order."""
    if not is_node(condition):
        return [condition]
    return [leaf for part in parts_of(condition) for leaf in leaves_of(part)]


# -- needs ---------------------------------------------------------------------------------


class Needs(NamedTuple):
    """What of a lake snapshot has to be loaded to answer a condition."""

    views: tuple[str, ...]
    since: datetime | None


def needs_of(condition: Condition, now: datetime) -> Needs:
    """The views that the SQL of a resolved `condition` reads, and since when it needs history."""
    planned = plan(condition, now)
    kinds = {type(leaf) for leaf in leaves_of(planned.where)}
    views = ["customers"]
    views += ["events"] if planned.questions else []
    views += ["stages"] if StageIs in kinds else []
    views += ["consents"] if kinds & {ConsentIs, Subscribed} else []
    views += ["memberships"] if InSegment in kinds else []
    views += ["interests"] if Interested in kinds else []
    return Needs(tuple(views), planned.since)
