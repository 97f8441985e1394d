"""What the questions find: the shapes of answers, light enough for the process that serves them.

Whoever asks gets plain JSON data of exactly these fields; the REST API describes itself by them.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from dangol.know.rhythm.minimum import Shortage
from dangol.know.segment.check import NeverHeard
from dangol.know.segment.explain import Seen
from dangol.know.segment.service import Sampled


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """Who a condition means, exactly, as of an instant."""

    people: int
    of: int
    """All customers, whoever they are."""
    sample: list[Sampled]
    words: dict[str, str]
    """The condition as a sentence, by language."""
    never_heard: list[NeverHeard]
    sql: str
    as_of: datetime


class People(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the people of a condition, in order of customer id."""

    people: int
    page: list[Sampled]
    as_of: datetime


class Share(msgspec.Struct, frozen=True):
    """So many people have this value; None where they have none."""

    value: str | None
    people: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the condition: `all`, `any` or `not` with parts, or a leaf with what was seen."""

    kind: str
    answer: bool
    words: dict[str, str]
    """The part as a sentence, by language."""
    seen: Seen | None = None
    parts: list["Part"] = []


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer."""

    answer: bool
    why: Part
    as_of: datetime


class Flow(msgspec.Struct, frozen=True):
    """So many stood at `was` first and at `stage` later."""

    was: str
    stage: str
    people: int


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Scores are fifths, 5 best; equals stay together, so some columns may be empty."""

    people: int
    cells: list[list[int]]
    """`[recency - 1][frequency - 1]`."""
    money: list[int]
    """How many have each score of money, from 1; the rest has an amount without a rate."""
    moves: dict[str, list[list[int]]]
    """For `recency` and `frequency`: `[before][after]`, 0 being not in the table; empty without
    `since`."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are, and a page of them in order of customer id."""

    people: int
    page: list[Sampled]


class MeetingStep(StrEnum):
    """What a relationship goes through, in order."""

    SUBSCRIBED = "subscribed"
    FIRST_ORDER = "first_order"
    SECOND_ORDER = "second_order"
    """On another day than the first, as everywhere."""
    REGULAR = "regular"
    FAN = "fan"


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """One step: how many took it, for how many it was the last, and after how many days."""

    step: MeetingStep
    people: int
    stopped: int
    median_days: float | None
    """None where nobody took it, and for fans, of whom we do not know since when."""


class Meetings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one group; `met` = `nothing_yet` + all that stopped."""

    met: int
    """Old enough to be judged: first seen at least `days` ago."""
    too_young: int
    nothing_yet: int
    steps: list[Reached]
    as_of: datetime


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How many customers had each stage at each instant."""

    instants: list[datetime]
    stages: dict[str, list[int]]


class Caused(msgspec.Struct, frozen=True, kw_only=True):
    """So many changes from one stage to another had this cause."""

    was: str
    stage: str
    cause: str
    """behaviour, time, history, refit, merge."""
    changes: int


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one person."""

    customer_id: int
    name: str | None
    email: str | None
    was: str
    stage: str
    cause: str
    time: datetime
    p: float | None


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """What moved and why, and a page of who, newest first."""

    why: list[Caused]
    page: list[Move]
    as_of: datetime


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """People whose own gap is at most `days` and above the bar before; None: longer than all."""

    days: int | None
    people: int
    stages: dict[str, int]


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """How often people come, each by their own rhythm; `missing` where nothing can be said."""

    bars: list[Bar]
    median_gap_days: float | None
    came_once: int
    missing: Shortage | None
