"""A bucket's set of members as it is stored: light enough for the web process.

In a bucket all customer ids have the same remainder, so a set holds the *place* of each,
`customer_id // 1024`: dense, and small.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pyroaring import BitMap

_SMALL = 64
"""Bytes of flips that are kept apart whatever the base is."""


class Stored(NamedTuple):
    """A bucket's set as it is kept: members are in `base` or in `flips`, but not in both."""

    base: bytes
    flips: bytes


NOBODY = Stored(BitMap().serialize(), BitMap().serialize())


def places_of(stored: Stored) -> BitMap:
    """The members' places.

    >>> places_of(flip(NOBODY, [3, 5]))
    BitMap([3, 5])
    """
    return BitMap.deserialize(stored.base) ^ BitMap.deserialize(stored.flips)


def flip(stored: Stored, places: Iterable[int]) -> Stored:
    """The set after each of `places` came or went; the base is rewritten when that pays.

    >>> places_of(flip(flip(NOBODY, [3, 5]), [5, 6]))
    BitMap([3, 6])
    """
    flips = BitMap.deserialize(stored.flips) ^ BitMap(places)
    packed = flips.serialize()
    if len(packed) <= max(_SMALL, len(stored.base) // 4):
        return Stored(stored.base, packed)
    return Stored((BitMap.deserialize(stored.base) ^ flips).serialize(), NOBODY.flips)
