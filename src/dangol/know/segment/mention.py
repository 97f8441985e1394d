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
    Last,
    Measured,
    Name,
    NotFollowed,
    Place,
    Regularly,
    TraitIs,
)
from dangol.know.segment.place import names_of


class Mention(NamedTuple):
    """A name in a leaf."""

    at: str
    """The path below the leaf: `.where[0]`."""
    name: Name | None
    """A trait, or a property of `event`; None for the event itself."""
    event: str | None = None
    test: Comparison | None = None
    """What is asked of it, where it is a comparison."""
    key: str = ".name"
    """Where the name stands, below `at`."""


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
    """Only traits that were named; the usual ones need not all be there."""
    for key in ("latitude", "longitude", "postcode"):
        name = getattr(leaf, key)
        if name is not None and name in names_of(leaf):
            yield Mention("", name, key=f".{key}")


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


def _where(event: str, where: Sequence[Comparison], at: str) -> Iterator[Mention]:
    for index, test in enumerate(where):
        yield Mention(f"{at}[{index}]", test.name, event, test)
