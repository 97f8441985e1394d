"""The first judgement of somebody who came more than once before anybody could judge.

Orders of years come in by one import, or a young shop learns its first rhythm. Whoever is then
known by the past only waits as unknown, is judged as of each week of that past, and is told as
having moved then: `time` is when it was so, `recorded_at` when it was learned.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from dangol.know.rhythm import store
from dangol.know.rhythm.calendar import EPOCH, number_of
from dangol.know.rhythm.changes import past_changes
from dangol.know.rhythm.fresh import News, fresh_rows, names_of
from dangol.know.rhythm.model import RhythmModel
from dangol.know.rhythm.past import Moves, OrderDays, look_back
from dangol.know.rhythm.stage import UNKNOWN
from dangol.model.event import Cause
from dangol.model.stage import Stage
from dangol.store.brand import read_brand

_INSTANT = pa.timestamp("us", "UTC")
_LOOKED_AT = time(0, 10)
"""When a day begins for stages: see the engine's schedule."""


def is_unjudged(facts: pa.Table) -> pa.Array:
    """Whether nothing was ever said of a customer's stage; `facts` has columns `store.FACTS`."""
    stage = facts["stage"].combine_chunks()
    is_first = pc.and_(pc.equal(stage, Stage.UNKNOWN), facts["previous"].combine_chunks().is_null())
    return pc.or_(stage.is_null(), pc.fill_null(is_first, False))


def must_wait(facts: pa.Table) -> pa.Array:
    """Whether a first judgement has to look back: all but that of a newcomer's live order."""
    known = pc.or_(facts["stage"].is_valid(), pc.equal(facts["cause"], Cause.HISTORY))
    came_before = pc.or_(known, pc.greater(facts["repeats"], 0)).combine_chunks()
    return pc.and_(is_unjudged(facts), came_before)


def judge_unjudged(
    conn: psycopg.Connection,
    buckets: tuple[int, int],
    model: RhythmModel,
    today: date,
    now: datetime,
) -> pa.Table:
    """Write the stage of everyone who waits for one; all their changes, not yet stored.

    The events have `event_recent`'s columns, effect and cause history.
    """
    facts = store.read_unjudged(conn, *buckets).sort_by("customer_id")
    days = _order_days(facts, store.read_unjudged_days(conn, *buckets))
    facts = facts.take(pa.array(np.unique(days.customer)))  # without a day there is no stage
    days = OrderDays(_renumbered(days.customer), days.day, facts.num_rows)
    moves, staged = look_back(model, days, number_of(today))
    times = _times(moves, ZoneInfo(read_brand(conn).zone), now)
    written = store.write_stages(
        conn, fresh_rows(facts, staged, _last_news(moves, times), model, now)
    )
    is_ours = pc.is_in(facts["customer_id"], pa.array(sorted(written), pa.int64()))
    ours = is_ours.to_numpy()[moves.customer]
    kept = Moves(*(getattr(moves, name)[ours] for name in Moves.__slots__))
    return past_changes(facts, kept, times.filter(pa.array(ours)), model, now)


def _order_days(facts: pa.Table, days: pa.Table) -> OrderDays:
    """The days of those in `facts`, by their row numbers there."""
    customers = facts["customer_id"].to_numpy()
    theirs = days["customer_id"].to_numpy()
    row = np.searchsorted(customers, theirs)
    known = (row < len(customers)) & np.isin(theirs, customers)
    day = days["day"].combine_chunks().cast(pa.int32()).to_numpy(zero_copy_only=False)
    row, day = row[known], day[known].astype(np.int64)
    order = np.lexsort((day, row))
    return OrderDays(row[order], day[order], len(customers))


def _renumbered(customers: np.ndarray) -> np.ndarray:
    return np.unique(customers, return_inverse=True)[1]


def _last_news(moves: Moves, times: pa.Array) -> News:
    """Of each customer, in order: all have moved at least once, for they were nobody before."""
    last = np.flatnonzero(np.r_[np.diff(moves.customer) != 0, np.ones(min(len(times), 1), bool)])
    was = names_of(moves.was[last])
    return News(
        since=times.take(pa.array(last)),
        previous=pc.if_else(pa.array(moves.was[last] == UNKNOWN), None, was),
        cause=pa.array([Cause.HISTORY.value] * len(last), pa.string()),
    )


def _times(moves: Moves, zone: ZoneInfo, now: datetime) -> pa.Array:
    """When each move was: at the end of the day of an order, or in the morning of a quiet one."""
    code = moves.day * 2 + moves.by_order
    found, place = np.unique(code, return_inverse=True)
    instants = list(_instants(found.tolist(), zone, now))
    return pa.array(instants, _INSTANT).take(pa.array(place))


def _instants(codes: Iterable[int], zone: ZoneInfo, now: datetime) -> Iterable[datetime]:
    for code in codes:
        day, by_order = divmod(code, 2)
        begins = date.fromordinal(EPOCH + day + by_order)
        local = datetime.combine(begins, time() if by_order else _LOOKED_AT, zone)
        yield min(local.astimezone(UTC) - by_order * timedelta(microseconds=1), now)
