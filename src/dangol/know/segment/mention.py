"""Which events, properties and traits a leaf speaks of, and where it does."""

from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import NamedTuple

from dangol.know.segment.condition import (
    Anniversary,
    Comparison,
    Condition,
    DateIs,
    Did,
    DidNot,
    First,
    Followed,
    InMoment,
    Last,
    Measured,
    Name,
    NotFollowed,
    Place,
    Regularly,
    Requirement,
    TraitIs,
)
from dangol.know.segment.place import names_of


class Mention(NamedTuple):
    """A name in a leaf, or several of which one will do."""

    at: str
    """The path below the leaf: `.where[0]`."""
    name: Name | None
    """A trait, or a property of `event`; None for the event itself."""
    event: str | None = None
    test: Comparison | None = None
    """What is asked of it, where it is a comparison."""
    key: str = ".name"
    """Where the name stands, below `at`."""
    others: tuple[Name, ...] = ()
    """Names that would do as well."""


@singledispatch
def mentions_of(leaf: Condition) -> Iterator[Mention]:
    """Every name, in reading order."""
    return iter(())


@mentions_of.register
def _(leaf: TraitIs) -> Iterator[Mention]:
    yield Mention("", leaf.name, None, leaf.comparison)


@mentions_of.register(DateIs | Anniversary)
def _(leaf: DateIs | Anniversary) -> Iterator[Mention]:
    yield Mention("", leaf.name)


@mentions_of.register
def _(leaf: Place) -> Iterator[Mention]:
    yield from _position(leaf, "", None)


@mentions_of.register
def _(leaf: InMoment) -> Iterator[Mention]:
    yield from _position(leaf, "", None)


def _position(leaf: Place | InMoment, at: str, event: str | None) -> Iterator[Mention]:
    """The names that were told, else the usual ones, of which one has to be there."""
    told = [key for key in ("latitude", "longitude", "postcode") if getattr(leaf, key) is not None]
    for key in told:
        yield Mention(at, getattr(leaf, key), event, key=f".{key}")
    if not told and isinstance(leaf, Place):
        usual, *others = names_of(leaf)
        yield Mention(at, usual, event, key="", others=tuple(others))


@mentions_of.register(Did | DidNot | Measured | First | Last | Followed | NotFollowed | Regularly)
def _(leaf: Did) -> Iterator[Mention]:
    yield Mention("", None, leaf.name)
    yield from _where(leaf.name, leaf.where, ".where")
    if isinstance(leaf, Measured):
        yield Mention("", leaf.property, leaf.name, key=".property")
    elif isinstance(leaf, First | Last):
        yield from _where(leaf.name, leaf.has, ".has")
    elif isinstance(leaf, Followed | NotFollowed):
        yield Mention(".then", None, leaf.then.name)
        yield from _where(leaf.then.name, leaf.then.where, ".then.where")
        for event in dict.fromkeys((leaf.name, leaf.then.name)):
            for index, name in enumerate(leaf.same):
                yield Mention(f".same[{index}]", name, event, key="")


def _where(event: str, where: Sequence[Requirement], at: str) -> Iterator[Mention]:
    for index, item in enumerate(where):
        if isinstance(item, Comparison):
            yield Mention(f"{at}[{index}]", item.name, event, item)
        elif isinstance(item, Place | InMoment):
            yield from _position(item, f"{at}[{index}]", event)
