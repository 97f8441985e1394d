"""Sets of customers as roaring bitmaps: stored per bucket, compared per partition.

In a bucket all customer ids have the same remainder, so a set holds the *place* of each,
`customer_id // 1024`: dense, and small.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from pyroaring import BitMap, BitMap64

from dangol.model.customer import BUCKETS

_SMALL = 64
"""Bytes of flips that are kept apart whatever the base is."""


class Stored(NamedTuple):
    """A bucket's set as it is kept: members are in `base` or in `flips`, but not in both."""

    base: bytes
    flips: bytes


class Difference(NamedTuple):
    """Who came and who went."""

    entered: BitMap64
    left: BitMap64


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


def ids_of(bucket: int, places: BitMap) -> np.ndarray:
    """Customer ids (int64) of the members of one bucket.

    >>> ids_of(7, BitMap([0, 2])).tolist()
    [7, 2055]
    """
    return np.asarray(places.to_array(), dtype=np.int64) * BUCKETS + bucket


def by_bucket(ids: BitMap64) -> Iterator[tuple[int, list[int]]]:
    """The places of `ids` for each bucket that occurs.

    >>> list(by_bucket(BitMap64([7, 2055, 8])))
    [(7, [0, 2]), (8, [0])]
    """
    found = as_array(ids)
    found = found[np.argsort(found % BUCKETS, kind="stable")]
    buckets, starts = np.unique(found % BUCKETS, return_index=True)
    for bucket, part in zip(buckets.tolist(), np.split(found, starts[1:]), strict=False):
        yield bucket, (part // BUCKETS).tolist()


def difference(members: BitMap64, among: BitMap64, inside: BitMap64) -> Difference:
    """What changes when of the people `among` exactly those `inside` are members."""
    return Difference(inside - members, (members & among) - inside)


def as_set(ids: np.ndarray) -> BitMap64:
    """Customer ids as a set."""
    return BitMap64(ids.astype(np.uint64))


def as_array(ids: BitMap64) -> np.ndarray:
    """The set's customer ids, ascending, int64."""
    return np.asarray(ids.to_array(), dtype=np.int64)
