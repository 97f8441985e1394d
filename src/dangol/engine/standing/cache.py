"""The events that active segments look at, of the partitions held: what a turn may ask at once.

A shelf per partition comes from one scan of the lake; what Live hears later stands in `late` runs,
merged as they grow. Everything may be dropped at any moment and is scanned again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from dangol.engine.leases import Lease
from dangol.engine.standing.runs import (
    Mark,
    Rows,
    Run,
    gather,
    join,
    keep,
    key_of,
    make_run,
    merge,
    no_rows,
)
from dangol.engine.standing.telling import Listening, Told
from dangol.know.segment.membership.watch import Watch
from dangol.model.customer import BUCKETS

_MOST_LATE = 500_000
_LATE_SHARE = 8
_MOST_HIDDEN = 50_000


class Request(NamedTuple):
    """What is to be scanned: a partition, or a few people of one."""

    lease: Lease
    """By which the partition is held: what is heard under it is told here."""
    watch: Watch
    names: Mapping[str, int]
    turn: int
    """Whatever was told up to this turn is in the scan."""
    at: datetime
    customers: tuple[int, ...] | None = None


class Scanned(NamedTuple):
    """What was found, and which of it may have been told of as well."""

    request: Request
    run: Run
    recent: np.ndarray
    """int64: idents of the events that were recorded lately."""


@dataclass(frozen=True)
class Shelf:
    """One partition as it was scanned."""

    lease: Lease
    watch: Watch
    run: Run
    at: datetime
    hidden: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    """Keys of people whose history was rewritten since: theirs stands in a late run."""


class Cache:
    """Shelves and what came later; used by one thread."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.shelves: dict[int, Shelf] = {}
        self.late: list[Run] = []
        self.turn = 0

    def clear(self) -> None:
        """Hold nothing."""
        self.shelves.clear()
        self.late.clear()

    def code(self, name: str) -> int:
        """The number by which rows name an event."""
        return self.names.setdefault(name, len(self.names))

    def tell(self, events: Sequence[Told]) -> Rows:
        """Add what a turn applied; the same as rows."""
        self.turn += 1
        rows = join([no_rows(), *(_rows(each, self.code(each.name)) for each in events)])
        if events:
            idents = np.concatenate([each.ident for each in events])
            self._add(make_run(rows, Mark(idents, np.full(len(idents), self.turn, np.int64))))
        return rows

    def narrow(self, listening: Listening) -> None:
        """Shelves answer for what is still listened to: the rest goes on without being told here."""
        for partition, shelf in self.shelves.items():
            events, props = shelf.watch.events, shelf.watch.props
            watch = msgspec.structs.replace(
                shelf.watch,
                events={name: events[name] for name in events.keys() & {*listening.counted}},
                props={name: props[name] for name in props.keys() & {*listening.detailed}},
            )
            self.shelves[partition] = replace(shelf, watch=watch)

    def request(self, lease: Lease, watch: Watch, at: datetime) -> Request:
        """A scan of a partition that can be installed later."""
        for name in watch.events:
            self.code(name)
        return Request(lease, watch, dict(self.names), self.turn, at)

    def install(self, scanned: Scanned) -> None:
        """Use what was scanned; what it holds is no longer late."""
        asked = scanned.request
        if asked.customers is None:
            self._drop_late(scanned, _in_range(asked.lease.buckets))
            shelf = Shelf(asked.lease, asked.watch, scanned.run, asked.at)
            self.shelves[asked.lease.partition] = shelf
            return
        keys = np.sort(key_of(np.array(asked.customers, np.int64)))
        self._drop_late(scanned, lambda run: np.isin(key_of(run.rows.customer), keys))
        shelf = self.shelves.get(asked.lease.partition)
        if shelf is not None:
            hidden = np.union1d(shelf.hidden, keys)
            self.shelves[asked.lease.partition] = replace(shelf, hidden=hidden)
        if len(scanned.run):
            idents = np.zeros(len(scanned.run), np.int64)
            turns = np.full(len(scanned.run), asked.turn, np.int64)
            self._add(replace(scanned.run, mark=Mark(idents, turns)))

    def is_worn(self, partition: int) -> bool:
        """Whether a scan would make lookups of this partition noticeably cheaper."""
        shelf = self.shelves[partition]
        late = sum(len(run) for run in self.late)
        held = sum(len(each.run) for each in self.shelves.values())
        return len(shelf.hidden) > _MOST_HIDDEN or late > max(_MOST_LATE, held // _LATE_SHARE)

    def lookup(self, customers: np.ndarray, names: Iterable[str]) -> Rows:
        """All events with these names of these people."""
        codes = np.array([self.code(name) for name in names], np.int16)
        keys = np.unique(key_of(customers))
        parts = [no_rows()]
        for shelf in self.shelves.values():
            mine = _within(keys, shelf.lease.buckets)
            mine = mine[~np.isin(mine, shelf.hidden)] if len(shelf.hidden) else mine
            if len(mine):
                parts.append(gather(shelf.run, mine, codes))
        parts += [gather(run, keys, codes) for run in self.late]
        return join(parts)

    def events(self, rows: Rows) -> pa.Table:
        """Rows as the view `events` of a snapshot, as far as conditions read it."""
        names = pa.array(list(self.names), pa.string())
        customer = pa.array(rows.customer)
        return pa.table(
            {
                "bucket": pa.array((rows.customer % BUCKETS).astype(np.int32)),
                "customer_id": customer,
                "name": pa.DictionaryArray.from_arrays(pa.array(rows.name.astype(np.int32)), names),
                "time": pa.array(rows.time).cast(pa.timestamp("us", "UTC")),
                "props": rows.props,
            }
        )

    def rows_of(self, partition: int) -> Iterator[Rows]:
        """Everything held of a partition."""
        shelf = self.shelves.get(partition)
        if shelf is not None:
            yield shelf.run.rows
            within = _in_range(shelf.lease.buckets)
            yield from (keep(run, within(run)).rows for run in self.late)

    def _add(self, run: Run) -> None:
        self.late.append(run)
        while len(self.late) > 1 and len(self.late[-2]) <= 2 * len(self.late[-1]):
            self.late[-2:] = [merge(self.late[-2:])]

    def _drop_late(self, scanned: Scanned, concerns: "Concerns") -> None:
        kept = []
        for run in self.late:
            assert run.mark is not None
            is_held = (run.mark.turn <= scanned.request.turn) | np.isin(
                run.mark.ident, scanned.recent
            )
            kept.append(keep(run, ~(is_held & concerns(run))))
        self.late = [run for run in kept if len(run)]


Concerns = Callable[[Run], np.ndarray]
"""Which rows of a run are meant."""


def _in_range(buckets: tuple[int, int]) -> Concerns:
    lo, hi = buckets
    return lambda run: (run.rows.customer % BUCKETS >= lo) & (run.rows.customer % BUCKETS <= hi)


def _rows(told: Told, code: int) -> Rows:
    size = len(told.customer)
    if told.props is None:
        codes = pa.array(np.zeros(size, np.int32))
        props = pa.DictionaryArray.from_arrays(codes, pa.array(["{}"]))
    else:
        props = pa.array(told.props, pa.string()).dictionary_encode()
    return Rows(told.customer, np.full(size, code, np.int16), told.time, props)


def _within(keys: np.ndarray, buckets: tuple[int, int]) -> np.ndarray:
    """The ascending `keys` of people in these buckets."""
    first, after = key_of(np.array([buckets[0]])), key_of(np.array([buckets[1]])) + _ONE_BUCKET
    return keys[np.searchsorted(keys, first[0]) : np.searchsorted(keys, after[0])]


_ONE_BUCKET = key_of(np.array([1]))
