"""People and events at hand are laid out, and all conditions of a turn asked of them at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
import pyarrow as pa
from pyroaring import BitMap64

from dangol.engine.standing.cache import Cache
from dangol.engine.standing.judging import Judge
from dangol.engine.standing.kept import Kept, views_of
from dangol.engine.standing.people import People
from dangol.know.segment.membership.sets import as_set
from dangol.settings import Settings


class Answers(NamedTuple):
    """Who of some people is in which segment."""

    present: BitMap64
    """Those who exist: neither merged nor forgotten."""
    inside: Mapping[UUID, BitMap64]
    interests: pa.Table | None
    """Theirs, where somebody asks."""


class Evaluator:
    """Reads people of PostgreSQL and events of the cache; used by one thread."""

    def __init__(self, settings: Settings, cache: Cache) -> None:
        self._cache = cache
        self._people = People(settings)
        self._judge = Judge(settings)

    def of_people(
        self, kept: Sequence[Kept], customers: np.ndarray, now: datetime, zone: str
    ) -> Answers:
        """What is so of these customers (ascending)."""
        return self._ask(kept, self._people.of_ids(customers, views_of(kept)), now, zone)

    def of_buckets(
        self, kept: Sequence[Kept], buckets: tuple[int, int], now: datetime, zone: str
    ) -> Answers:
        """What is so of everyone in these buckets, both ends included."""
        return self._ask(kept, self._people.of_buckets(buckets, views_of(kept)), now, zone)

    def close(self) -> None:
        """Let go of connections and memory; they come back when they are needed."""
        self._people.close()
        self._judge.close()

    def _ask(
        self, kept: Sequence[Kept], tables: dict[str, pa.Table], now: datetime, zone: str
    ) -> Answers:
        present = tables["customers"]["customer_id"].to_numpy()
        names = {name for one in kept for name in one.watch.events}
        if names:
            tables["events"] = self._cache.events(self._cache.lookup(present, names))
        self._judge.lay(tables)
        inside = self._judge.inside([one.condition for one in kept], now, zone)
        answers = dict(zip((one.id for one in kept), inside, strict=True))
        return Answers(as_set(present), answers, tables.get("interests"))
