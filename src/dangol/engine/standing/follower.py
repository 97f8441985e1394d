"""After each turn of Live: who came into a segment by it, and who left. Read `Standing.follow`.

One thread calls it, the one that runs Live; the scans of the lake happen in another. All that is
kept in memory can be lost at any line: what waits are rows, and sets are compared with what is stored.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import numpy as np
import psycopg
from pyroaring import BitMap64

from dangol.engine.leases import Lease, bucket_ranges, hold
from dangol.engine.standing.cache import Cache
from dangol.engine.standing.calendar import Calendar
from dangol.engine.standing.evaluating import Evaluator
from dangol.engine.standing.keeping import Keeping, Noticed
from dangol.engine.standing.kept import Kept
from dangol.engine.standing.members import Members
from dangol.engine.standing.reasons import (
    DEFINITION,
    EPOCH,
    MICRO,
    Reasons,
    micros_of,
    reasons,
    reasons_of,
    strongest,
)
from dangol.engine.standing.rounds import Chunk, Rounds
from dangol.engine.standing.shelving import Merged, Shelving
from dangol.engine.standing.telling import Listening, Told
from dangol.engine.standing.writing import Found, write
from dangol.know.segment.membership.sets import as_set
from dangol.know.segment.membership.store import SQL, Place, take_work
from dangol.know.segment.membership.stored import Stored
from dangol.know.segment.membership.watch import Watch
from dangol.model.customer import BUCKETS
from dangol.model.event import Cause
from dangol.settings import Settings

_MOST_WORK = 20_000


class Standing:
    """Keeps the active segments current for the partitions that this engine holds."""

    def __init__(self, settings: Settings) -> None:
        self._cache = Cache()
        self._evaluator = Evaluator(settings, self._cache)
        self._keeping = Keeping()
        self._seats: dict[int, Lease] = {}
        self._members = Members()
        self._rounds = Rounds()
        self._calendar = Calendar()
        self._shelving = Shelving(settings, self._cache)
        self._merged: list[Merged] = []
        self._last = EPOCH

    @property
    def listening(self) -> Listening | None:
        """What Live leaves work for, and tells us."""
        return self._keeping.listening

    # -- what Live needs ---------------------------------------------------------------

    def hear(self, events: Sequence[Told]) -> None:
        """What the turn that was just committed applied."""
        if events and self.listening:
            self._calendar.add(self._cache.tell(events))

    def follow(self, conn: psycopg.Connection, leases: Sequence[Lease], now: datetime) -> bool:
        """Bring every membership of these partitions up to date; whether there is more to do.

        Each step is a transaction of its own on `conn`.

        Raises:
            LeaseLost: another worker took over a partition; nothing of that step was done.
        """
        now = self._last = max(now, self._last + MICRO)
        try:
            self.look(conn, now)
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
        return self._calendar.is_due(now) or self._shelving.is_done or self._keeping.is_due(now)

    def settle(self) -> bool:
        """Wait for the scans that are under way; whether there were any."""
        return self._shelving.settle()

    def close(self) -> None:
        """Let go of everything."""
        self._stand_up()
        self._cache.clear()
        self._evaluator.close()
        self._shelving.close()

    # -- what is kept, and for whom ----------------------------------------------------

    def look(self, conn: psycopg.Connection, now: datetime) -> bool:
        """Notice segments that are new, changed or put away; whether any is."""
        try:
            noticed = self._notice(conn, now)
        except BaseException:
            self._keeping = Keeping()
            self.start_over()
            raise
        if noticed is None:
            return False
        for one in noticed.gone:
            self._members.forget(one)
        for one in noticed.redefined:
            self._members.unsettle(one)
        self._rounds.begin(self._seats.values(), noticed.unsettled)
        if self.listening:
            self._cache.narrow(self.listening)
        if not self._watch.events:
            self._cache.clear()
        if not self._kept:
            self._stand_up()
            self._evaluator.close()
        return True

    def _notice(self, conn: psycopg.Connection, now: datetime) -> Noticed | None:
        with conn.transaction():
            noticed = self._keeping.look(conn, now)
            if noticed is not None:
                self._calendar.plan(conn, self._kept.values(), self._zone, now)
                for lease in self._seats.values() if noticed.new else ():
                    self._members.load(conn, lease, noticed.new)  # kept in the past, perhaps
            return noticed

    @property
    def _kept(self) -> Mapping[UUID, Kept]:
        return self._keeping.kept

    @property
    def _zone(self) -> str:
        return self._keeping.zone

    @property
    def _watch(self) -> Watch:
        return self._keeping.watch

    def _sit(self, conn: psycopg.Connection, leases: Sequence[Lease], now: datetime) -> None:
        """Take what is stored of partitions that are new to us; forget those that are gone."""
        held = {lease.partition: lease for lease in leases}
        lost = [one for one, lease in self._seats.items() if held.get(one) != lease]
        for partition in lost:
            self._members.leave(self._seats.pop(partition))
            self._rounds.drop(partition)
        self._put_away(held)
        fresh = [lease for one, lease in held.items() if one not in self._seats]
        if fresh:
            with conn.transaction():
                hold(conn, fresh)
                for lease in fresh:
                    self._members.load(conn, lease, self._kept)
            self._seats |= {lease.partition: lease for lease in fresh}
            for lease in fresh:
                self._calendar.forget(lease.partition)
            self._rounds.begin(fresh, list(self._kept))
        self._shelving.ask(self._seats.values(), self._watch, now)

    def _put_away(self, held: Mapping[int, Lease]) -> None:
        """Shelves of partitions that somebody else held since: what was heard there is not on them."""
        shelves = self._cache.shelves
        for partition in [one for one, shelf in shelves.items() if held.get(one) != shelf.lease]:
            del shelves[partition]
            self._calendar.forget(partition)

    def start_over(self) -> None:
        """Forget sets and events: a turn may have been committed without being told here."""
        self._stand_up()
        self._cache.clear()

    def _stand_up(self) -> None:
        """Forget what was read of the sets: it is read again."""
        self._seats.clear()
        self._members.clear()
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
                each
                for lo, hi in bucket_ranges(ready)
                for each in take_work(conn, lo, hi, _MOST_WORK)
            ]
            whys = reasons_of(self._kept.values(), work, now)
            for one, due in dues.items():
                whys[one].append(due)
            self._add_merged(conn, whys, now)
            done = self._save(conn, self._evaluate(whys, now), now)
        self._members.accept(*done)
        return sum(len(each.customers) for each in work) >= _MOST_WORK

    def _add_merged(
        self, conn: psycopg.Connection, whys: Mapping[UUID, list[Reasons]], now: datetime
    ) -> None:
        """Winners whose histories were read anew, for every segment."""
        if not self._merged or self._shelving.is_reading_people:
            return
        buckets, customers, events = (list(column) for column in zip(*self._merged, strict=True))
        conn.execute(
            SQL.finish_merged, {"buckets": buckets, "customers": customers, "events": events}
        )
        why = reasons(np.array(customers, np.int64), Cause.MERGE, micros_of(now))
        for one in self._kept:
            whys[one].append(why)
        self._merged = []

    def _evaluate(
        self, whys: Mapping[UUID, Sequence[Reasons]], now: datetime
    ) -> tuple[list[Found], BitMap64]:
        """What changes for the people with a reason; and which of them exist."""
        wanted = {one: self._settled(self._kept[one], parts) for one, parts in whys.items()}
        kept = [self._kept[one] for one, ids in wanted.items() if len(ids)]
        if not kept:
            return [], BitMap64()
        everyone = np.unique(np.concatenate([wanted[one.id] for one in kept]))
        answers = self._evaluator.of_people(kept, everyone, now, self._zone)
        if answers.interests is not None:
            self._calendar.weigh(answers.interests)
        found = []
        for one in kept:
            among = as_set(wanted[one.id])
            changes = self._members.compare(one.id, among, answers.inside[one.id] & among)
            found.append(Found(one, changes, partial(strongest, whys[one.id])))
        return found, answers.present

    def _settled(self, kept: Kept, parts: Sequence[Reasons]) -> np.ndarray:
        """Those in buckets where the segment was evaluated by its present definition already."""
        ids = np.unique(np.concatenate([part.customer for part in parts]))
        ids = ids[self._members.settled(kept.id, ids)]
        if kept.watch.events:
            covered = np.zeros(BUCKETS, bool)
            for shelf in self._cache.shelves.values():
                covered[shelf.lease.bucket_lo : shelf.lease.bucket_hi + 1] = shelf.watch.covers(
                    kept.watch
                )
            ids = ids[covered[ids % BUCKETS]]
        return ids

    def _save(
        self, conn: psycopg.Connection, evaluated: tuple[list[Found], BitMap64], now: datetime
    ) -> tuple[list[Found], dict[Place, Stored]]:
        """Write what changes; the sets as they are then, for when it is committed."""
        found, present = evaluated
        if any(each.difference.entered or each.difference.left or each.buckets for each in found):
            return found, write(conn, found, present, self._members.stored, now)
        return found, {}

    # -- everyone, a few buckets at a time ---------------------------------------------

    def _go_round(self, conn: psycopg.Connection, now: datetime) -> bool:
        """Evaluate one chunk of those who are evaluated as a whole; whether more can follow."""
        chunk = self._rounds.take(self._can_evaluate)
        if chunk is None:
            return False
        with conn.transaction():
            hold(conn, [self._seats[chunk.partition]])
            evaluated = self._evaluate_all(chunk, now)
            done = self._save(conn, evaluated, now)
        self._members.accept(*done)
        self._rounds.done(chunk, len(evaluated[1]))
        return True

    def _can_evaluate(self, partition: int, one: UUID) -> bool:
        kept = self._kept.get(one)
        return kept is not None and (
            not kept.watch.events or self._shelving.covers(partition, kept.watch)
        )

    def _evaluate_all(self, chunk: Chunk, now: datetime) -> tuple[list[Found], BitMap64]:
        span = (chunk.lo, chunk.hi)
        kept = [self._kept[one] for one in chunk.segments if one in self._kept]
        answers = self._evaluator.of_buckets(kept, span, now, self._zone)
        found = []
        for one in kept:
            inside, unsettled = answers.inside[one.id], self._members.unsettled(one.id, span)
            changes = self._members.compare(one.id, self._members.within(one.id, span), inside)
            found.append(Found(one, changes, _as_a_whole(unsettled, now), unsettled))
        return found, answers.present


def _as_a_whole(unsettled: Sequence[int], now: datetime) -> Callable[[np.ndarray], Reasons]:
    """Why people come and go when all are asked: a new definition, or time that nobody counted."""

    def why(customers: np.ndarray) -> Reasons:
        is_new = np.isin(customers % BUCKETS, unsettled)
        found = reasons(customers, Cause.TIME, micros_of(now))
        return found._replace(cause=np.where(is_new, DEFINITION, found.cause))

    return why
