"""Rewrites before SQL: the same question, asked with as little work as possible.

Each rewrite is a small pure function from condition to condition; then every event question
becomes a counter, so that the history is read once whatever the condition asks.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from dangol.know.segment.condition import (
    EVERYONE,
    All,
    AnyOf,
    Comparison,
    Condition,
    ConsentIs,
    CountOp,
    Did,
    DidNot,
    Not,
    StageIs,
    TimesClause,
    parts_of,
)


class Counter(NamedTuple):
    """How many events of a name, in a window, with these properties."""

    name: str
    days: int | None
    where: tuple[Comparison, ...]


class Plan(msgspec.Struct, frozen=True):
    """What the compiler needs: the condition, its counters, and where the history may be cut."""

    where: Condition
    counters: tuple[Counter, ...]
    since: datetime | None
    """No event at or before it matters; None when some question asks for the whole history."""


def plan(condition: Condition, now: datetime) -> Plan:
    """The rewritten `condition` and one counter for each different event question in it."""
    for rewrite in REWRITES:
        condition = _bottom_up(condition, rewrite)
    counters = tuple(dict.fromkeys(_counters(condition)))
    return Plan(condition, counters, _since(counters, now))


def plan_counters(counters: Sequence[Counter], now: datetime) -> Plan:
    """A plan that only counts."""
    return Plan(EVERYONE, tuple(counters), _since(counters, now))


def _since(counters: Sequence[Counter], now: datetime) -> datetime | None:
    days = [counter.days for counter in counters]
    longest = None if not days or None in days else max(day for day in days if day)
    return now - timedelta(days=longest) if longest else None


def counter_of(leaf: Did) -> Counter:
    """The counter that a question compares."""
    return Counter(leaf.name, leaf.within.days if leaf.within else None, leaf.where)


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


def _counters(condition: Condition) -> list[Counter]:
    if isinstance(condition, Did):
        return [counter_of(condition)]
    return [counter for part in parts_of(condition) for counter in _counters(part)]


class Needs(NamedTuple):
    """What of a lake snapshot has to be loaded to answer a condition."""

    views: tuple[str, ...]
    since: datetime | None


def needs_of(condition: Condition, now: datetime) -> Needs:
    """The views that the SQL of a resolved `condition` reads, and since when it needs history."""
    planned = plan(condition, now)
    kinds = {type(leaf) for leaf in _leaves(planned.where)}
    views = ["customers"]
    views += ["events"] if planned.counters else []
    views += ["stages"] if StageIs in kinds else []
    views += ["consents"] if ConsentIs in kinds else []
    return Needs(tuple(views), planned.since)


def _leaves(condition: Condition) -> list[Condition]:
    if isinstance(condition, All | AnyOf | Not):
        return [leaf for part in parts_of(condition) for leaf in _leaves(part)]
    return [condition]
