"""Why somebody is (not) in a segment: the oracle's answer, leaf by leaf, with the values it saw.

Every leaf is answered by `oracle.evaluate`, so an explanation can never say something else than the
oracle does. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

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
    Interested,
    Last,
    Measured,
    Not,
    NotFollowed,
    Place,
    Regularly,
    Share,
    StageIs,
    Subscribed,
    TraitIs,
    parts_of,
)
from dangol.know.segment.oracle import (
    Case,
    Happening,
    Person,
    count_steps,
    evaluate,
    list_followed,
    measured,
)
from dangol.know.segment.place import find_told, names_of
from dangol.know.segment.share import unit
from dangol.know.segment.terms import Take
from dangol.know.segment.value import path_of
from dangol.model.consent import ConsentState
from dangol.model.tag import fold_tag

_Windowed = Did | DidNot | Measured | First | Last


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found of a person where a question looked; `kind` says which fields are meant."""

    kind: str
    """trait, events, stage, consent, interest or share; `none` where there is nothing to show."""
    name: str = ""
    value: Any = None
    """The trait's value, the stage, the answer; of events the sum (average …) that is compared, or
    in how many weeks (days, months) they fell; of a share where the customer lies, 0 to 100."""
    times: int = 0
    """How many events counted: those of the name, in the window, with the properties, (not) followed."""
    ever: int = 0
    """How many of that name there are at all."""
    last_at: datetime | None = None
    """When the last of those happened."""


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """A node or leaf with its answer; a leaf has what was seen, a node its parts."""

    condition: Condition
    answer: bool
    seen: Seen | None = None
    parts: tuple["Explained", ...] = ()


def explain(
    condition: Condition,
    person: Person,
    events: Sequence[Happening],
    now: datetime,
    zone: str = "UTC",
) -> Explained:
    """The answer of `evaluate` to a resolved condition, with that of each of its parts."""
    parts = tuple(explain(part, person, events, now, zone) for part in parts_of(condition))
    answers = [part.answer for part in parts]
    match condition:
        case All():
            return Explained(condition=condition, answer=all(answers), parts=parts)
        case AnyOf():
            return Explained(condition=condition, answer=any(answers), parts=parts)
        case Not():
            return Explained(condition=condition, answer=not answers[0], parts=parts)
    answer = evaluate(condition, person, events, now, zone)
    seen = _seen(condition, Case(person, events, now, zone))
    return Explained(condition=condition, answer=answer, seen=seen)


def leaves_of(explained: Explained) -> Iterator[Explained]:
    """Every leaf, in reading order."""
    if not explained.parts and explained.seen is not None:
        yield explained
    for part in explained.parts:
        yield from leaves_of(part)


def _seen(leaf: Condition, case: Case) -> Seen:
    person = case.person
    match leaf:
        case TraitIs() | DateIs() | Anniversary():
            path = path_of(leaf.name)
            return Seen(kind="trait", name=".".join(path), value=_at(person.traits, path))
        case StageIs():
            return Seen(kind="stage", value=str(person.stage), last_at=person.stage_since)
        case ConsentIs():
            answer = person.consents.get(leaf.channel, ConsentState.UNKNOWN)
            return Seen(kind="consent", name=str(leaf.channel), value=str(answer))
        case Subscribed():
            said = person.topics.get((leaf.channel, leaf.topic), ConsentState.UNKNOWN)
            return Seen(kind="consent", name=leaf.topic, value=str(said))
        case Interested():
            weights = [person.interests.get(fold_tag(tag), 0.0) for tag in leaf.tags]
            return Seen(kind="interest", value=round(max(weights, default=0.0), 1))
        case Place():
            keys = ", ".join(".".join(path_of(name)) for name in names_of(leaf)[:2])
            return Seen(kind="trait", name=keys, value=_told(leaf, person.traits))
        case Share():
            return Seen(kind="share", value=round(100 * unit(leaf.of, person.customer_id), 2))
        case Regularly():
            seen = _seen_events(leaf.name, case.matching(leaf.name, leaf.where, None), case)
            return msgspec.structs.replace(seen, value=count_steps(leaf, case))
        case Followed() | NotFollowed():
            return _seen_events(leaf.name, list_followed(leaf, case), case)
    if isinstance(leaf, _Windowed):
        seen = _seen_events(leaf.name, case.matching(leaf.name, leaf.where, leaf.within), case)
        is_sum = isinstance(leaf, Measured)
        return msgspec.structs.replace(seen, value=_amount(leaf, case)) if is_sum else seen
    return Seen(kind="none")


def _amount(leaf: Measured, case: Case) -> int | float | None:
    """The number that is compared, as people write it."""
    found = measured(leaf, case)
    if found is None or leaf.take not in (Take.SUM, Take.AVERAGE):
        return None if found is None else float(found)
    return float(found / 1_000_000)


def _seen_events(name: str, counted: Sequence[Happening], case: Case) -> Seen:
    ever = [event.time for event in case.events if event.name == name and event.time <= case.now]
    last = max([event.time for event in counted] or ever, default=None)
    return Seen(kind="events", name=name, times=len(counted), ever=len(ever), last_at=last)


def _told(leaf: Place, traits: Mapping[str, Any]) -> str | None:
    found = find_told(leaf, traits)
    return ", ".join(f"{number:.9g}" for number in found) if isinstance(found, tuple) else found


def _at(traits: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(traits, dict):
            return None
        traits = traits.get(key)
    return traits
