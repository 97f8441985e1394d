"""Sets of customers in memory: those of many buckets as one bitmap, compared in one operation."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from pyroaring import BitMap, BitMap64

from dangol.model.customer import BUCKETS


class Difference(NamedTuple):
    """Who came and who went."""

    entered: BitMap64
    left: BitMap64


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
