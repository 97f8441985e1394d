"""The ledger as a pure fold over one person's entries, and over many people's at once.

Between entries the level returns to its rest: A(t) = A0 + (A(s) - A0)·e^(-(t-s)/τ). What arrives
late adds what would be left of it by now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REST = 10.0
"""A0: where everybody starts and returns to."""
HIGHEST = 20.0
RETURN_DAYS = 14.0
"""τ: after so many days of quiet, all but a third (1/e) of a difference is gone."""
COMPLAINT_LOCK_DAYS = 90.0
LOOK_BACK_DAYS = 180.0
"""What is older has faded to e^-13 of itself and need not be counted."""


class Kind(IntEnum):
    """What an entry does to the level; `amount` is never negative."""

    SENT = 0
    """Something of ours arrived: spends `amount`, never below nothing."""
    GIVEN = 1
    """Their own act, or their answer to something sent: adds `amount`, up to the highest."""
    LEFT_CHANNEL = 2
    """They ended one channel or topic: half a rest is gone."""
    COMPLAINED = 3
    """Nothing is left, and nothing is sent for 90 days."""


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Entries of many people; arrays of one length."""

    person: NDArray[np.int64]
    """Any number that tells people apart."""
    days: Array
    """Time of each entry in days, from any common origin."""
    kind: NDArray[np.int8]
    amount: Array


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """What is left for each of `person`, in ascending order, at the asked time."""

    person: NDArray[np.int64]
    level: Array
    locked_until: Array
    """Days as in `Entries`; -inf for people who never complained."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Ledgers of many people between entries; arrays of one length."""

    level: Array
    """As of `at`."""
    at: Array
    """Days; -inf for people of whom nothing is known: they are at rest."""
    locked_until: Array


def at_rest(people: int) -> State:
    """The beginning."""
    never = np.full(people, -np.inf)
    return State(np.full(people, REST), never, never.copy())


def advance(state: State, entries: Entries) -> State:
    """The ledgers after more entries; `entries.person` is a row of `state`.

    What comes late counts as what is left of it by now, so without the bounds at nothing and at the
    highest the order would not matter; with them the order is that of arrival.
    """
    order = np.lexsort((entries.kind, entries.days, entries.person))
    person, days, kind, amount = (
        column[order] for column in (entries.person, entries.days, entries.kind, entries.amount)
    )
    people, starts = np.unique(person, return_index=True)
    lengths = np.diff(np.append(starts, person.size))
    level, at, locked = state.level.copy(), state.at.copy(), state.locked_until.copy()
    # the n-th entry of everybody in one step; who has fewer is done already
    longest_first = np.argsort(-lengths, kind="stable")
    for n in range(lengths.max(initial=0)):
        known = longest_first[: np.searchsorted(-lengths[longest_first], -n)]
        entry, rows = starts[known] + n, people[known]
        after = np.maximum(at[rows], days[entry])
        left = amount[entry] * _remaining(after - days[entry])
        level[rows] = _entered(
            faded(level[rows], after - at[rows]), kind[entry], left, after - days[entry]
        )
        at[rows] = after
        complained = kind[entry] == Kind.COMPLAINED
        until = days[entry][complained] + COMPLAINT_LOCK_DAYS
        locked[rows[complained]] = np.maximum(locked[rows[complained]], until)
    return State(level, at, locked)


def levels(entries: Entries, now: float) -> Levels:
    """The ledger of everybody at `now` (days); entries after it are not known yet."""
    known = entries.days <= now
    people, rows = np.unique(entries.person[known], return_inverse=True)
    told = Entries(rows, entries.days[known], entries.kind[known], entries.amount[known])
    state = advance(at_rest(people.size), told)
    return Levels(people, faded(state.level, now - state.at), state.locked_until)


def faded(level: Array, days: Array) -> Array:
    """The level after so many quiet days."""
    return REST + (level - REST) * _remaining(days)


def _remaining(days: Array) -> Array:
    return np.exp(-np.maximum(days, 0.0) / RETURN_DAYS)


def _entered(level: Array, kind: NDArray[np.int8], amount: Array, late: Array) -> Array:
    after = np.select(
        [kind == Kind.SENT, kind == Kind.GIVEN, kind == Kind.LEFT_CHANNEL],
        [level - amount, level + amount, level - REST / 2 * _remaining(late)],
        default=faded(np.zeros_like(level), late),
    )
    return np.clip(after, 0.0, HIGHEST)


def level_of(entries: Sequence[tuple[float, Kind, float]], now: float) -> float:
    """The same for one person's (days, kind, amount)."""
    level, at = REST, -np.inf
    for days, kind, amount in sorted(entry for entry in entries if entry[0] <= now):
        level = REST + (level - REST) * float(np.exp(-(days - at) / RETURN_DAYS))
        level += {Kind.SENT: -amount, Kind.GIVEN: amount, Kind.LEFT_CHANNEL: -REST / 2}.get(
            kind, -level
        )
        level, at = min(max(level, 0.0), HIGHEST), days
    return REST + (level - REST) * float(np.exp(-(now - at) / RETURN_DAYS))


def sustainable_per_week(
    gain: float, acts_per_day: float, cost: float, engaged: float, floor: float
) -> float:
    """Messages a week that keep the level at `floor`, for somebody with so many own acts a day.

    m* = (τ·g·v + A0 - Amin)/(τ·c·(1-π)); `engaged` is π, the share of messages they react to.
    """
    daily = (RETURN_DAYS * gain * acts_per_day + REST - floor) / (
        RETURN_DAYS * cost * (1 - engaged)
    )
    return 7 * daily
