"""After each turn of Live: who came into a segment by it, and who left. Read `Standing.follow`.

One thread calls it, the one that runs Live; the scans of the lake happen in another. All that is
kept in memory can be lost at any line: what waits are rows, and sets are compared with what is stored.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from pyroaring import BitMap64

from dangol.engine.leases import Lease, bucket_ranges, hold
from dangol.engine.standing.cache import Cache
from dangol.engine.standing.calendar import Calendar
from dangol.engine.standing.judging import Judge
from dangol.engine.standing.kept import (
    Kept,
    active_versions,
    load_kept,
    names_heard,
    views_of,
)
from dangol.engine.standing.people import People
from dangol.engine.standing.reasons import Reasons, add_dues, add_merged, reasons_of
from dangol.engine.standing.rounds import Chunk, Rounds
from dangol.engine.standing.shelving import Merged, Shelving
from dangol.engine.standing.telling import Listening, Told
from dangol.engine.standing.writing import Found, Reason, write
from dangol.know.segment.membership.sets import as_set, difference
from dangol.know.segment.membership.store import (
    SQL,
    as_members,
    load_members,
    take_work,
)
from dangol.know.segment.membership.watch import NOTHING, Watch, together
from dangol.model.customer import BUCKETS
from dangol.model.event import Cause
from dangol.settings import Settings
from dangol.store.brand import read_brand

_MOST_WORK = 20_000
_LOOK_AGAIN, _RELOAD = timedelta(seconds=5), timedelta(hours=1)
"""How often segments are read anew though nobody edited them: what they name may have changed."""
_MICRO = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Standing:
    """Keeps the active segments current for the partitions that this engine holds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._people = People(settings)
        self._judge = Judge(settings)
        self._cache = Cache()
        self._kept: dict[UUID, Kept] = {}
        self._versions: list[tuple[UUID, int, str]] = []
        self._zone = "UTC"
        self._seats: dict[int, Lease] = {}
        self._members: dict[UUID, BitMap64] = {}
        self._current: dict[UUID, np.ndarray] = {}
        self._rounds = Rounds()
        self._calendar = Calendar()
        self._shelving = Shelving(settings, self._cache)
        self._merged: list[Merged] = []
        self._last = self._look_at = _EPOCH
        self.listening: Listening | None = None

    # -- what Live needs ---------------------------------------------------------------

    def hear(self, events: Sequence[Told]) -> None:
        """What the turn that was just committed applied."""
        if events and self.listening:
            rows = self._cache.tell(events)
            self._calendar.add(rows, self._cache.names)

    def follow(self, conn: psycopg.Connection, leases: Sequence[Lease], now: datetime) -> bool:
        """Bring every membership of these partitions up to date; whether there is more to do.

        Each step is a transaction of its own on `conn`.

        Raises:
            LeaseLost: another worker took over a partition; nothing of that step was done.
        """
        now = self._last = max(now, self._last + _MICRO)
        try:
            self._look(conn, now)
            if not self._kept:
                return False
            self._sit(conn, leases, now)
            self._collect(conn, now)
            more = self._catch_up(conn, now)
            return self._go_round(conn, now) or more
        except BaseException:
            self._stand_up()
            raise

    def is_due(self, now: datetime) -> bool:
        """Whether time or a scan that is done calls for a look; asked by another thread."""
        return (
            self._calendar.is_due(now)
            or self._shelving.is_done
            or (bool(self._kept) and now >= self._look_at)
        )

    def settle(self) -> bool:
        """Wait for the scans that are under way; whether there were any."""
        return self._shelving.settle()

    def close(self) -> None:
        """Let go of everything."""
        self._stand_up()
        self._cache.clear()
        self._people.close()
        self._judge.close()
        self._shelving.close()

    # -- what is kept, and for whom ----------------------------------------------------

    def _look(self, conn: psycopg.Connection, now: datetime) -> None:
        """Notice segments that are new, changed or put away."""
        with conn.transaction():
            versions = active_versions(conn)
            if versions == self._versions and now < self._look_at:
                return
            before, self._kept = self._kept, load_kept(conn, now)
            zone, self._zone = self._zone, read_brand(conn).zone
            is_moving = any(one.is_moving for one in self._kept.values())
            self._versions = versions
            self._look_at = now + (_LOOK_AGAIN if is_moving else _RELOAD)
            if self._kept == before and self._zone == zone:
                return
            self._calendar.plan(conn, self._kept.values(), self._zone, now)
        for gone in before.keys() - self._kept.keys():
            self._members.pop(gone, None)
            self._current.pop(gone, None)
        self._listen()
        for one, kept in self._kept.items():
            if one not in before or before[one].condition != kept.condition or zone != self._zone:
                self._unsettle(one, before)
        if not self._kept:
            self._stand_up()
            self._cache.clear()
            self._people.close()
            self._judge.close()

    def _listen(self) -> None:
        names, detailed = names_heard(self._kept.values())
        counted = tuple(sorted(self._watch.events))
        self.listening = Listening(tuple(names), counted, tuple(detailed)) if self._kept else None
        if not counted:
            self._cache.clear()

    def _unsettle(self, one: UUID, before: Mapping[UUID, Kept]) -> None:
        """A segment asks something else: it is evaluated anew for everyone."""
        kept = self._kept[one]
        if one not in before or before[one].definition != kept.definition:
            self._current[one] = np.zeros(BUCKETS, bool)
        self._members.setdefault(one, BitMap64())
        self._rounds.begin(self._seats.values(), [one])

    @property
    def _watch(self) -> Watch:
        return together(one.watch for one in self._kept.values()) if self._kept else NOTHING

    def _sit(self, conn: psycopg.Connection, leases: Sequence[Lease], now: datetime) -> None:
        """Take what is stored of partitions that are new to us; forget those that are gone."""
        held = {lease.partition: lease for lease in leases}
        lost = [one for one, lease in self._seats.items() if held.get(one) != lease]
        for partition in lost:
            self._leave(partition)
        fresh = [lease for one, lease in held.items() if one not in self._seats]
        if fresh:
            with conn.transaction():
                hold(conn, fresh)
                for lease in fresh:
                    conn.execute(SQL.drop_members, {"lo": lease.bucket_lo, "hi": lease.bucket_hi})
                    self._load(conn, lease)
            self._seats |= {lease.partition: lease for lease in fresh}
            self._rounds.begin(fresh, list(self._kept))
        self._shelving.ask(self._seats.values(), self._watch, now)

    def _load(self, conn: psycopg.Connection, lease: Lease) -> None:
        parts: defaultdict[UUID, list[np.ndarray]] = defaultdict(list)
        for one in self._kept:
            self._current.setdefault(one, np.zeros(BUCKETS, bool))
            self._current[one][lease.bucket_lo : lease.bucket_hi + 1] = False
        for one, bucket, digest, ids in load_members(conn, lease.bucket_lo, lease.bucket_hi):
            if one in self._kept:
                parts[one].append(ids)
                self._current[one][bucket] = digest == self._kept[one].definition
        for one in self._kept:
            self._members[one] = self._members.get(one, BitMap64()) | as_members(parts[one])

    def _leave(self, partition: int) -> None:
        lease = self._seats.pop(partition)
        self._cache.shelves.pop(partition, None)
        self._calendar.forget(partition)
        self._rounds.drop(partition)
        for one, members in self._members.items():
            self._members[one] = members - _in_buckets(members, lease.bucket_lo, lease.bucket_hi)

    def _stand_up(self) -> None:
        """Forget what was read of the sets: it is read again."""
        self._seats.clear()
        self._members.clear()
        self._current.clear()
        self._rounds.clear()
        self._merged.clear()

    # -- the cache ---------------------------------------------------------------------

    def _collect(self, conn: psycopg.Connection, now: datetime) -> None:
        """Use the scans that are done; look for merges whose histories have followed."""
        filled, has_failed = self._shelving.collect(self._seats.values(), now)
        for partition in filled:
            self._calendar.forget(partition)
        if has_failed:
            self._merged = []
        self._shelving.ask(self._seats.values(), self._watch, now)
        if not self._merged:
            self._read_merged(conn, now)

    def _read_merged(self, conn: psycopg.Connection, now: datetime) -> None:
        ready = self._ready()
        with conn.transaction():
            self._merged = [
                row
                for lo, hi in bucket_ranges(ready)
                for row in conn.execute(SQL.list_merged, {"lo": lo, "hi": hi})
            ]
        if self._merged and self._watch.events:
            self._shelving.read_people(ready, self._merged, now)

    # -- evaluating --------------------------------------------------------------------

    def _ready(self) -> list[Lease]:
        """Partitions of which something can be evaluated."""
        needs = bool(self._watch.events)
        return [
            lease
            for lease in self._seats.values()
            if not needs or lease.partition in self._cache.shelves
        ]

    def _catch_up(self, conn: psycopg.Connection, now: datetime) -> bool:
        """Evaluate whom something happened to, and who is due; whether more work waits."""
        ready = self._ready()
        if not ready:
            return False
        self._calendar.foresee(conn, ready, self._cache, now)
        dues, alarmed = self._calendar.take(now)
        self._rounds.begin(self._seats.values(), alarmed)
        with conn.transaction():
            hold(conn, ready)
            work = [
                row
                for lo, hi in bucket_ranges(ready)
                for row in take_work(conn, lo, hi, _MOST_WORK)
            ]
            reasons = reasons_of(self._kept.values(), work, now)
            add_dues(reasons, dues, now)
            self._add_merged(conn, reasons, now)
            found = self._evaluate(reasons, now)
            self._save(conn, found, now)
        self._accept(found)
        return len(work) >= _MOST_WORK

    def _add_merged(
        self, conn: psycopg.Connection, reasons: dict[UUID, Reasons], now: datetime
    ) -> None:
        """Winners whose histories were read anew."""
        if not self._merged or self._shelving.is_reading_people:
            return
        buckets, customers, events = (list(column) for column in zip(*self._merged, strict=True))
        conn.execute(
            SQL.finish_merged, {"buckets": buckets, "customers": customers, "events": events}
        )
        add_merged(reasons, customers, now)
        self._merged = []

    def _evaluate(
        self, reasons: Mapping[UUID, Reasons], now: datetime
    ) -> tuple[list[Found], BitMap64]:
        """What changes for the people with a reason; and which of them exist."""
        wanted = {
            one: self._settled(self._kept[one], np.fromiter(each, np.int64, len(each)))
            for one, each in reasons.items()
            if each
        }
        wanted = {one: ids for one, ids in wanted.items() if len(ids)}
        if not wanted:
            return [], BitMap64()
        everyone = np.unique(np.concatenate(list(wanted.values())))
        tables = self._people.of_ids(everyone, views_of(self._kept[one] for one in wanted))
        found = []
        for names, group in _by_names(self._kept[one] for one in wanted):
            ids = np.unique(np.concatenate([wanted[one.id] for one in group]))
            self._lay(tables, ids, names)
            for one in group:
                inside = as_set(self._judge.inside(one.condition, now, self._zone))
                among = as_set(wanted[one.id])
                changes = difference(self._members[one.id], among, inside & among)
                found.append(Found(one, changes, reasons[one.id].__getitem__))
        return found, as_set(tables["customers"]["customer_id"].to_numpy())

    def _settled(self, kept: Kept, ids: np.ndarray) -> np.ndarray:
        """Those in buckets where the segment was evaluated by its present definition already."""
        if kept.watch.events:
            covered = np.zeros(BUCKETS, bool)
            for shelf in self._cache.shelves.values():
                covered[shelf.buckets[0] : shelf.buckets[1] + 1] = shelf.watch.covers(kept.watch)
            ids = ids[covered[ids % BUCKETS]]
        return ids[self._current[kept.id][ids % BUCKETS]]

    def _lay(self, tables: Mapping[str, pa.Table], ids: np.ndarray, names: Sequence[str]) -> None:
        chosen = pa.array(ids)
        laid = {
            view: table.filter(pc.is_in(table["customer_id"], value_set=chosen))
            for view, table in tables.items()
        }
        if names:
            laid["events"] = self._cache.events(self._cache.lookup(ids, names))
        self._judge.lay(laid)

    def _save(
        self, conn: psycopg.Connection, evaluated: tuple[list[Found], BitMap64], now: datetime
    ) -> None:
        found, present = evaluated
        if any(each.difference.entered or each.difference.left or each.buckets for each in found):
            write(conn, found, present, now)

    def _accept(self, evaluated: tuple[list[Found], BitMap64]) -> None:
        """After the commit: what is in memory is what is stored."""
        for each in evaluated[0]:
            members = self._members[each.kept.id]
            self._members[each.kept.id] = (members | each.difference.entered) - each.difference.left
            self._current[each.kept.id][list(each.buckets)] = True

    # -- everyone, a few buckets at a time ---------------------------------------------

    def _go_round(self, conn: psycopg.Connection, now: datetime) -> bool:
        """Evaluate one chunk of those who are evaluated as a whole; whether more can follow."""
        chunk = self._rounds.take(self._can_evaluate)
        if chunk is None:
            return False
        with conn.transaction():
            hold(conn, [self._seats[chunk.partition]])
            found = self._evaluate_all(chunk, now)
            self._save(conn, found, now)
        self._accept(found)
        self._rounds.done(chunk, len(found[1]))
        return True

    def _can_evaluate(self, partition: int, one: UUID) -> bool:
        kept = self._kept.get(one)
        return kept is not None and (
            not kept.watch.events or self._shelving.covers(partition, kept.watch)
        )

    def _evaluate_all(self, chunk: Chunk, now: datetime) -> tuple[list[Found], BitMap64]:
        kept = [self._kept[one] for one in chunk.segments if one in self._kept]
        tables = self._people.of_buckets((chunk.lo, chunk.hi), views_of(kept))
        ids = tables["customers"]["customer_id"].to_numpy()
        found = []
        for names, group in _by_names(kept):
            self._lay(tables, ids, names)
            for one in group:
                inside = as_set(self._judge.inside(one.condition, now, self._zone))
                held = _in_buckets(self._members[one.id], chunk.lo, chunk.hi)
                changes = difference(held, held | inside, inside)
                found.append(self._whole(one, chunk, changes, now))
        return found, as_set(ids)

    def _whole(self, one: Kept, chunk: Chunk, changes, now: datetime) -> Found:
        span = range(chunk.lo, chunk.hi + 1)
        current = self._current[one.id].copy()

        def why(customer: int) -> Reason:
            is_same = current[customer % BUCKETS]
            return Reason(str(Cause.TIME if is_same else Cause.DEFINITION), now)

        return Found(one, changes, why, [bucket for bucket in span if not current[bucket]])


def _by_names(kept: Iterable[Kept]) -> Iterable[tuple[list[str], list[Kept]]]:
    """Segments that look at the same events, together."""
    groups: defaultdict[tuple[str, ...], list[Kept]] = defaultdict(list)
    for one in kept:
        groups[tuple(sorted(one.watch.events))].append(one)
    return [(list(names), group) for names, group in groups.items()]


def _in_buckets(members: BitMap64, lo: int, hi: int) -> BitMap64:
    ids = np.asarray(members.to_array(), np.int64)
    return as_set(ids[(ids % BUCKETS >= lo) & (ids % BUCKETS <= hi)])
