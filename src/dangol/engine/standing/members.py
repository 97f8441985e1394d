"""The sets of the partitions held, in memory as they are stored: compared with, and written from."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np
import psycopg
from pyroaring import BitMap64

from dangol.engine.leases import Lease
from dangol.engine.standing.kept import Kept
from dangol.engine.standing.writing import Found
from dangol.know.segment.membership.sets import Difference, as_set, difference, ids_of
from dangol.know.segment.membership.store import SQL, Place, load_members
from dangol.know.segment.membership.stored import NOBODY, Stored, places_of
from dangol.model.customer import BUCKETS


class Members:
    """Who is in each segment, and where that was found by its present definition."""

    def __init__(self) -> None:
        self.stored: dict[Place, Stored] = {}
        self._sets: defaultdict[UUID, BitMap64] = defaultdict(BitMap64)
        self._current: defaultdict[UUID, np.ndarray] = defaultdict(lambda: np.zeros(BUCKETS, bool))

    def load(self, conn: psycopg.Connection, lease: Lease, kept: Mapping[UUID, Kept]) -> None:
        """Take over what is stored of a partition; sets that nobody keeps are removed."""
        span = (lease.bucket_lo, lease.bucket_hi)
        conn.execute(SQL.drop_members, {"lo": span[0], "hi": span[1]})
        for one in kept:
            self._current[one][span[0] : span[1] + 1] = False
        for place, digest, stored in load_members(conn, *span):
            one, bucket = place
            if one in kept:
                self.stored[place] = stored
                self._current[one][bucket] = digest == kept[one].definition
        for one in kept:
            self._sets[one] |= self.within(one, span)

    def leave(self, lease: Lease) -> None:
        """The partition is somebody else's."""
        span = (lease.bucket_lo, lease.bucket_hi)
        for one, members in self._sets.items():
            members -= self.within(one, span)
        self.stored = {
            place: stored for place, stored in self.stored.items() if not _is_in(place[1], span)
        }

    def forget(self, one: UUID) -> None:
        """The segment is not kept any more."""
        self._sets.pop(one, None)
        self._current.pop(one, None)
        self.stored = {place: stored for place, stored in self.stored.items() if place[0] != one}

    def unsettle(self, one: UUID) -> None:
        """The segment has another definition."""
        self._current.pop(one, None)

    def clear(self) -> None:
        """Hold nothing: it is read again."""
        self.stored = {}
        self._sets.clear()
        self._current.clear()

    def settled(self, one: UUID, customers: np.ndarray) -> np.ndarray:
        """For each of these people, whether their bucket was evaluated by the present definition."""
        return self._current[one][customers % BUCKETS]

    def unsettled(self, one: UUID, span: tuple[int, int]) -> list[int]:
        """The buckets (both ends included) that were not."""
        current = self._current[one]
        return [bucket for bucket in range(span[0], span[1] + 1) if not current[bucket]]

    def within(self, one: UUID, span: tuple[int, int]) -> BitMap64:
        """The members in these buckets."""
        parts = [
            ids_of(bucket, places_of(self.stored.get((one, bucket), NOBODY)))
            for bucket in range(span[0], span[1] + 1)
        ]
        return as_set(np.concatenate(parts))

    def compare(self, one: UUID, among: BitMap64, inside: BitMap64) -> Difference:
        """What changes when of the people `among` exactly those `inside` are members."""
        return difference(self._sets[one], among, inside)

    def accept(self, found: Sequence[Found], written: Mapping[Place, Stored]) -> None:
        """This was committed."""
        self.stored |= written
        for each in found:
            members = self._sets[each.kept.id]
            members |= each.difference.entered
            members -= each.difference.left
            self._current[each.kept.id][list(each.buckets)] = True


def _is_in(bucket: int, span: tuple[int, int]) -> bool:
    return span[0] <= bucket <= span[1]
