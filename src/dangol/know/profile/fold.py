"""Traits as a fold of statements: the later statement of each trait wins, whatever comes first.

Pure. A statement is one `Profile Updated` event; its stamp orders it among all others.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

_EPOCH_SHIFT = 1 << 63


class Statement(NamedTuple):
    """What one event said about one customer."""

    stamp: str
    traits: dict[str, Any]


class Folded(NamedTuple):
    """The traits that hold, and per trait (also an unset one) the stamp that won."""

    traits: dict[str, Any]
    stamps: dict[str, str]


def stamp_of(micros: int, event_id: UUID) -> str:
    """The sortable stamp of an event: its time in µs since 1970, then its id, 48 hex digits.

    Text order is time order, also before 1970; two events of one instant are told apart by id.

    >>> stamp_of(-1, UUID(int=0)) < stamp_of(0, UUID(int=0)) < stamp_of(0, UUID(int=1))
    True
    """
    return f"{micros + _EPOCH_SHIFT:016x}{event_id.hex}"


def fold(known: Folded, statements: Iterable[Statement]) -> Folded:
    """`known` with `statements` added; the same result for every order, batching and repetition.

    A null unsets a trait and is remembered as such, so that an older statement cannot bring it
    back.
    """
    traits, stamps = dict(known.traits), dict(known.stamps)
    for stamp, stated in statements:
        for name, value in stated.items():
            if stamp <= stamps.get(name, ""):
                continue
            stamps[name] = stamp
            if value is None:
                traits.pop(name, None)
            else:
                traits[name] = value
    return Folded(traits, stamps)
