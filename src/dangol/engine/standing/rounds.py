"""Everyone, a few buckets at a time: what segments still have to be evaluated as a whole."""

from collections.abc import Callable, Iterable
from typing import NamedTuple
from uuid import UUID

from dangol.engine.leases import Lease

_PEOPLE = 20_000
"""About so many are evaluated in one transaction."""


class Chunk(NamedTuple):
    """Some buckets of a partition, both ends included, and who asks about them."""

    partition: int
    lo: int
    hi: int
    segments: tuple[UUID, ...]


class Rounds:
    """How far each segment has come in each partition; chunks adapt to how many people they have."""

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}
        self._next: dict[int, dict[UUID, int]] = {}
        self._width = 4

    def begin(self, leases: Iterable[Lease], segments: Iterable[UUID]) -> None:
        """Evaluate these segments for everyone of these partitions, from the first bucket on."""
        asked = list(segments)
        for lease in leases:
            self._ends[lease.partition] = lease.bucket_hi
            waiting = self._next.setdefault(lease.partition, {})
            waiting |= dict.fromkeys(asked, lease.bucket_lo)

    def take(self, can_evaluate: Callable[[int, UUID], bool]) -> Chunk | None:
        """The next chunk of those who can be evaluated; None when there is none."""
        for partition, waiting in self._next.items():
            able = {one: at for one, at in waiting.items() if can_evaluate(partition, one)}
            if not able:
                continue
            lo = min(able.values())
            later = [at for at in able.values() if at > lo]
            hi = min([lo + self._width - 1, self._ends[partition], *(at - 1 for at in later)])
            return Chunk(partition, lo, hi, tuple(one for one, at in able.items() if at == lo))
        return None

    def done(self, chunk: Chunk, people: int) -> None:
        """The chunk was evaluated, and had so many people."""
        waiting = self._next.get(chunk.partition, {})
        for one in chunk.segments:
            if chunk.hi >= self._ends[chunk.partition]:
                waiting.pop(one, None)
            else:
                waiting[one] = chunk.hi + 1
        width = chunk.hi - chunk.lo + 1
        if people * 2 < _PEOPLE:
            self._width = max(self._width, width * 2)
        elif people > _PEOPLE:
            self._width = max(1, width // 2)

    def drop(self, partition: int) -> None:
        """The partition is somebody else's."""
        self._next.pop(partition, None)

    def clear(self) -> None:
        """Nothing waits."""
        self._next.clear()
        self._ends.clear()
