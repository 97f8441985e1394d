"""The loop, one turn of it. Read this first.

What was heard waits in `inbox`. One turn takes a batch of it and, in one transaction, brings
everything that is known up to date, decides what follows, and makes the batch history. Killed at
any line, nothing of the turn has happened; committed, all of it has, once.

Every step is a few statements over the whole batch, staged in the temporary table `heard`
(columns of `inbox`). No step depends on the order in which events arrive.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
import psycopg
import pyarrow as pa
from psycopg import errors

from dangol.decide.campaign.reactions import note_reactions
from dangol.engine.leases import Lease, bucket_ranges, hold
from dangol.engine.standing.telling import Listening, Told, tell_heard, tell_stages
from dangol.know.attention.store import apply_acts
from dangol.know.consent.store import (
    apply_heard,
    suppress_changed_addresses,
    suppress_merged_addresses,
)
from dangol.know.giving import apply_referrals
from dangol.know.profile.store import apply_statements, meet_customers
from dangol.know.relation import apply_days, read_rates
from dangol.know.rhythm.service import find_model, stages_of
from dangol.model.event import EventName
from dangol.store.brand import Brand, read_brand
from dangol.store.bulk import copy_arrow
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

DEEPEST = 8
"""How many facts of our own making may follow from each other."""


_TRY_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)

_REACTIONS = {EventName.MESSAGE_OPENED, EventName.MESSAGE_CLICKED, EventName.MESSAGE_REPLIED}

_UNUSABLE = (psycopg.DataError, psycopg.IntegrityError, ValueError, msgspec.DecodeError)
"""What a row raises that no turn can apply, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a turn stands on besides the database."""

    keyring: Keyring
    journal: Journal
    listening: Listening | None = None
    """What active segments look at; None when there is none."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did."""

    taken: int
    """Rows taken out of the inbox."""
    applied: int
    """Events that are history now, and were not before."""
    last_bucket: int | None
    """Where a full batch ended; None when nothing was left waiting."""
    told: Sequence[Told] = ()
    """Events of the batch that segments count."""


def live(
    conn: psycopg.Connection,
    leases: Sequence[Lease],
    ground: Ground,
    now: datetime,
    batch: "Batch",
) -> Turn:
    """Take a batch, know, decide, remember: one whole transaction.

    Raises:
        LeaseLost: another worker took over one of the partitions; nothing was done.
    """
    with conn.transaction():
        hold(conn, leases)
        taken, last_bucket = _take(conn, batch)
        if taken == 0:
            return Turn(0, 0, None)

        # listen: who it belongs to, and whether it is new
        newcomers = meet_customers(conn, now)
        _send_on_those_who_left(conn, now)
        applied = _append(conn, now)

        # know: traits and address, attention, consent, orders, who brought whom, stage
        said = _names(conn)
        brand = read_brand(conn)
        if EventName.PROFILE_UPDATED in said:
            apply_statements(conn, ground.keyring)
            suppress_changed_addresses(conn, ground.journal)
        came_back = note_reactions(conn) if said & _REACTIONS else []
        apply_acts(conn, brand.relationship_event, came_back, now)
        if EventName.CONSENT_CHANGED in said:
            apply_heard(conn, ground.journal, now)
        if EventName.CUSTOMERS_MERGED in said:
            suppress_merged_addresses(conn, ground.journal)
        ordered = apply_days(conn, brand, read_rates(conn, brand.currency))
        if ordered or said & {EventName.REFERRAL_USED, EventName.PROFILE_UPDATED}:
            apply_referrals(conn, ground.keyring, brand.relationship_event, now)
        told = tell_heard(conn, ground.listening, newcomers, now)
        if ordered or EventName.CUSTOMERS_MERGED in said:
            told += _restage(conn, brand, now, ground.listening)

        # decide and speak: a campaign is planned by its own job when it is launched, and the
        # dispatcher asks the guard once more at the hand-off; nothing reacts to an event yet
    return Turn(taken, applied, last_bucket, told)


@dataclass(frozen=True, slots=True)
class Batch:
    """How much to take, and from where on."""

    ranges: Sequence[tuple[int, int]]
    """Inclusive bucket ranges in the order in which they are asked."""
    limit: int


class Pace:
    """Batches that take about half a second each, going round the buckets in turn.

    Taking always from the first bucket would let the last one wait for ever under load.
    """

    def __init__(self, smallest: int = 500, largest: int = 40_000) -> None:
        self._smallest, self._largest = smallest, largest
        self._limit = 4_000
        self._from = 0

    def next_batch(self, leases: Sequence[Lease]) -> Batch:
        """The batch to try next for the holder of `leases`."""
        return Batch(turned(bucket_ranges(leases), self._from), self._limit)

    def learn(self, turn: Turn, seconds: float) -> None:
        """Adapt to how long the last turn took."""
        self._from = 0 if turn.last_bucket is None else turn.last_bucket + 1
        if seconds > 1.0:
            self._limit = max(self._smallest, self._limit // 2)
        elif seconds < 0.4 and turn.last_bucket is not None:
            self._limit = min(self._largest, self._limit * 2)

    def shrink(self) -> bool:
        """Ask for fewer rows after a failure; False when it was a single row already."""
        was = self._limit
        self._limit = max(1, was // 8)
        return was > 1


def turned(ranges: Sequence[tuple[int, int]], start: int) -> list[tuple[int, int]]:
    """`ranges` beginning at bucket `start`, what lies before it at the end.

    >>> turned([(0, 63), (128, 191)], 32)
    [(32, 63), (128, 191), (0, 31)]
    """
    after = [(max(lo, start), hi) for lo, hi in ranges if hi >= start]
    before = [(lo, min(hi, start - 1)) for lo, hi in ranges if lo < start]
    return after + before


def turn_once(
    conn: psycopg.Connection,
    leases: Sequence[Lease],
    ground: Ground,
    now: datetime,
    pace: Pace,
) -> Turn:
    """One turn at the pace that suits the load; a row that cannot be applied is set aside.

    Raises:
        LeaseLost: another worker took over one of the partitions.
    """
    batch = pace.next_batch(leases)
    begun = time.monotonic()
    try:
        turn = live(conn, leases, ground, now, batch)
    except _TRY_AGAIN:
        return Turn(0, 0, batch.ranges[0][0] - 1)
    except _UNUSABLE as error:
        if not pace.shrink():
            _set_aside(conn, leases, batch, now, str(error))
        return Turn(0, 0, batch.ranges[0][0] - 1)
    pace.learn(turn, time.monotonic() - begun)
    return turn


def _take(conn: psycopg.Connection, batch: Batch) -> tuple[int, int | None]:
    """Move up to `batch.limit` rows into `heard`; how many, and where a full batch ended."""
    conn.execute(SQL.create_heard)
    taken = 0
    for lo, hi in batch.ranges:
        args = {"lo": lo, "hi": hi, "limit": batch.limit - taken}
        last = conn.execute(SQL.find_last_key, args).fetchone()
        if last is None:
            taken += conn.execute(SQL.take_all, args).rowcount
            if taken >= batch.limit:
                return taken, hi
            continue
        names = ("bucket", "received_at", "customer_id", "event_id")
        args |= dict(zip(names, last, strict=True))
        taken += conn.execute(SQL.take_until, args).rowcount
        return _analyzed(conn, taken), last[0]
    return _analyzed(conn, taken), None


def _analyzed(conn: psycopg.Connection, taken: int) -> int:
    """Tell the planner about a batch that is large enough to be planned wrongly."""
    if taken > 1_000:
        conn.execute("analyze heard (bucket, customer_id, event_id, name, time)")
    return taken


def _send_on_those_who_left(conn: psycopg.Connection, now: datetime) -> None:
    """Merged people's events go to the winner, forgotten people's nowhere, loops to the rejects."""
    if conn.execute(SQL.find_gone).fetchone()[0]:
        conn.execute(SQL.forward_merged)
        conn.execute(SQL.drop_erased)
    conn.execute(SQL.refuse_loops, {"now": now})


def _append(conn: psycopg.Connection, now: datetime) -> int:
    """Make the batch history; `heard` then holds exactly what was not history before."""
    waiting = conn.execute("select count(*) from heard").fetchone()[0]
    with conn.transaction() as attempt:
        added = conn.execute(SQL.append_events, {"now": now}).rowcount
        if added == waiting:
            return added
        raise psycopg.Rollback(attempt)
    conn.execute(SQL.drop_known)
    return conn.execute(SQL.append_events, {"now": now}).rowcount


def _names(conn: psycopg.Connection) -> set[str]:
    handled = [
        EventName.PROFILE_UPDATED,
        EventName.CONSENT_CHANGED,
        EventName.CUSTOMERS_MERGED,
        EventName.REFERRAL_USED,
        *_REACTIONS,
    ]
    return {name for name, _ in conn.execute(SQL.list_names, {"names": handled})}


def _restage(
    conn: psycopg.Connection, brand: Brand, now: datetime, listening: Listening | None
) -> list[Told]:
    """Bring the stages of those whose orders changed up to date, and remember what changed."""
    rows = conn.execute(SQL.list_restaged, {"event": brand.relationship_event}).fetchall()
    if not rows:
        return []
    columns = [list(column) for column in zip(*rows, strict=True)]
    types = (pa.int32(), pa.int64(), pa.string())
    customers = pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)],
        names=["bucket", "customer_id", "cause"],
    )
    changes = stages_of(conn, customers, find_model(conn), _today(brand, now), now)
    copy_arrow(conn, "event_recent", changes)
    return tell_stages(conn, listening, changes, now)


def _set_aside(
    conn: psycopg.Connection, leases: Sequence[Lease], batch: Batch, now: datetime, why: str
) -> None:
    """Move the one row that stops everything to the rejects."""
    with conn.transaction():
        hold(conn, leases)
        for lo, hi in batch.ranges:
            args = {"lo": lo, "hi": hi, "now": now, "detail": why[:500]}
            if conn.execute(SQL.refuse_first, args).rowcount:
                return


def _today(brand: Brand, now: datetime) -> date:
    return now.astimezone(ZoneInfo(brand.zone)).date()
