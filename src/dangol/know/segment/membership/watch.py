"""What a condition looks at, and when its answer may change by itself.

Pure: a resolved condition in, a `Watch` out. Everything that keeps memberships current follows from
it: which events a change of which concerns whom, what the cache has to hold, who is due when.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from dangol.know.segment.condition import Condition
from dangol.know.segment.reads import EventUse, reads_of

_MICRO = timedelta(microseconds=1)
_MARGIN = timedelta(days=33)
"""What moves along with the calendar reaches back a month more than it does today."""
_GRAIN = timedelta(days=8)
"""A window that begins on a fixed day reaches back further every day; the cache grows in steps."""


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
    has_memberships: bool = False
    has_interests: bool = False
    has_zones: bool = False
    """Where the customer's clock stands matters."""
    is_daily: bool = False
    """The answer may change at any local midnight."""
    fades: frozenset[tuple[str, float]] = frozenset()
    """(tag, score): an interest changes the answer when it falls below."""

    def covers(self, other: "Watch") -> bool:
        """Whether a cache made for this holds all that `other` looks at."""
        return all(
            name in self.events
            and _reaches(self.events[name], since)
            and other.props.get(name, frozenset()) <= self.props.get(name, frozenset())
            for name, since in other.events.items()
        )


NOTHING = Watch()


def watch_of(condition: Condition, now: datetime) -> Watch:
    """What a resolved condition looks at, from `now` on.

    Raises:
        TypeError: it still names another segment, a message or a moment.
    """
    reads = reads_of(condition, now)
    return Watch(
        events={name: _back(use, now, moves=reads.zones) for name, use in reads.events.items()},
        props={name: use.props for name, use in reads.events.items()},
        traits=reads.traits,
        has_stage=reads.stages,
        has_consent=bool(reads.channels),
        turns=frozenset(
            (name, age // _MICRO)
            for name, ages in reads.turns.events.items()
            for age in ages
            if age
        ),
        stage_turns=frozenset(age // _MICRO for age in reads.turns.stages),
        has_memberships=reads.memberships,
        has_interests=reads.interests,
        has_zones=reads.zones,
        is_daily=reads.turns.daily,
        fades=reads.turns.fades,
    )


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
        has_memberships=one.has_memberships or other.has_memberships,
        has_interests=one.has_interests or other.has_interests,
        has_zones=one.has_zones or other.has_zones,
        is_daily=one.is_daily or other.is_daily,
        fades=one.fades | other.fades,
    )


def _back(use: EventUse, now: datetime, *, moves: bool) -> int | None:
    """How far back, in microseconds; what goes by local days reaches further on other days."""
    if use.since is None:
        return None
    if not moves:
        return (now - use.since) // _MICRO
    reach = now - use.since + _MARGIN
    return -(-reach // _GRAIN) * (_GRAIN // _MICRO)


def _reaches(known: int | None, wanted: int | None) -> bool:
    return known is None or (wanted is not None and wanted <= known)
