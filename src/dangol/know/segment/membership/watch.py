"""What a condition looks at, and when its answer may change by itself.

Pure: a resolved condition in, a `Watch` out. Everything that keeps memberships current follows from
it: which events a change of which concerns whom, what the cache has to hold, who is due when.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec

from dangol.know.segment.check import walk_leaves
from dangol.know.segment.condition import (
    Comparison,
    Condition,
    ConsentIs,
    Did,
    DidNot,
    StageIs,
    TraitIs,
)

_DAY = 24 * 3600 * 1_000_000


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What one condition, or several together, look at; times are microseconds."""

    events: Mapping[str, int | None] = {}
    """Names of events, and how far back they matter; None is all of history."""
    props: Mapping[str, frozenset[str]] = {}
    """For each name, the top-level properties that are looked at."""
    traits: frozenset[str] = frozenset()
    has_stage: bool = False
    has_consent: bool = False
    turns: frozenset[tuple[str, int]] = frozenset()
    """(name, offset): an event changes the answer when it is so old."""
    stage_turns: frozenset[int] = frozenset()
    """A stage changes the answer when it is so old."""
    is_daily: bool = False
    """The answer may change at any local midnight."""

    @property
    def depends_on_time(self) -> bool:
        """Whether time alone can change the answer."""
        return bool(self.events or self.turns or self.stage_turns or self.is_daily)

    def covers(self, other: "Watch") -> bool:
        """Whether a cache made for this holds all that `other` looks at."""
        return all(
            name in self.events
            and _reaches(self.events[name], since)
            and other.props.get(name, frozenset()) <= self.props.get(name, frozenset())
            for name, since in other.events.items()
        )


NOTHING = Watch()


def watch_of(condition: Condition) -> Watch:
    """What a resolved condition looks at.

    Raises:
        TypeError: it still names another segment.
    """
    return together(_watch_leaf(leaf) for leaf, _ in walk_leaves(condition))


def together(watches: Iterable[Watch]) -> Watch:
    """What any of them looks at."""
    found = NOTHING
    for each in watches:
        found = _both(found, each)
    return found


def _both(one: Watch, other: Watch) -> Watch:
    events = dict(one.events)
    for name, since in other.events.items():
        known = events.get(name, 0)
        events[name] = None if known is None or since is None else max(known, since)
    props = dict(one.props)
    for name, keys in other.props.items():
        props[name] = props.get(name, frozenset()) | keys
    return Watch(
        events=events,
        props=props,
        traits=one.traits | other.traits,
        has_stage=one.has_stage or other.has_stage,
        has_consent=one.has_consent or other.has_consent,
        turns=one.turns | other.turns,
        stage_turns=one.stage_turns | other.stage_turns,
        is_daily=one.is_daily or other.is_daily,
    )


def _watch_leaf(leaf: Condition) -> Watch:
    match leaf:
        case TraitIs():
            return Watch(traits=frozenset([leaf.name]))
        case Did() | DidNot():
            return _watch_event(leaf)
        case StageIs():
            return Watch(has_stage=True)
        case ConsentIs():
            return Watch(has_consent=True)
    raise TypeError(f"{type(leaf).__name__} must be resolved before it is watched")


def _watch_event(leaf: Did | DidNot) -> Watch:
    back = leaf.within.days * _DAY if leaf.within else None
    return Watch(
        events={leaf.name: back},
        props={leaf.name: _keys(leaf.where)},
        turns=frozenset([(leaf.name, back)] if back else []),
    )


def _keys(where: Iterable[Comparison]) -> frozenset[str]:
    return frozenset(item.name for item in where)


def _reaches(known: int | None, wanted: int | None) -> bool:
    return known is None or (wanted is not None and wanted <= known)


def span(micros: int) -> timedelta:
    """So many microseconds as a duration."""
    return timedelta(microseconds=micros)
