"""Questions about the rhythm of everyone: stages over time, who moved and why, what is to come."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa

from dangol.engine.query.found import Bar, Base, Caused, Move, Moves, Sizes
from dangol.engine.query.page import MAX_PAGE
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import AsOf, Warm
from dangol.know.rhythm import store
from dangol.know.rhythm.calendar import number_of
from dangol.know.rhythm.history import Histories, from_dates
from dangol.know.rhythm.lookup import find_model, find_none
from dangol.know.rhythm.minimum import Shortage
from dangol.know.rhythm.model import RhythmModel
from dangol.know.rhythm.outlook import Outlook, outlook_of_all
from dangol.know.rhythm.spend import amounts
from dangol.model.stage import Stage
from dangol.store.pool import connect

MOST_INSTANTS = 400
YEAR = timedelta(days=365)
GAPS = (7, 14, 21, 30, 45, 60, 90, 120, 180, 364)
"""Where the columns of the rhythm of the base end, in open days."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STAGES = tuple(stage.value for stage in Stage)


class SizesAsked(msgspec.Struct, frozen=True, kw_only=True):
    """From one instant to another, in so many equal steps; both ends are told."""

    since: datetime
    until: datetime
    steps: int = 52


class MovesAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of stage after one instant up to another; narrower where more is given."""

    since: datetime
    until: datetime
    was: str = ""
    stage: str = ""
    cause: str = ""
    after: int = 0
    limit: int = 50


class BaseAsked(msgspec.Struct, frozen=True):
    """No values."""


class StageValue(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of the people of one stage together."""

    people: int
    orders: float
    spend: float | None


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """What the next 365 days are expected to bring; `missing` where nothing can be said."""

    total: Outlook | None
    stages: dict[str, StageValue]
    people: int
    without_amount: int
    """Customers none of whose orders has an amount that is known: counted with everybody's mean."""
    missing: Shortage | None


@answers("stage_sizes", SizesAsked)
def stage_sizes(warm: Warm, asked: SizesAsked) -> Sizes:
    """Sizes over time, from the present ones and what changed since."""
    steps = min(max(asked.steps, 1), MOST_INSTANTS)
    step = (asked.until - asked.since) / steps
    instants = [asked.since + step * n for n in range(steps + 1)]
    snapshot = warm.as_of().snapshot
    sizes = dict.fromkeys(_STAGES, 0)
    for row in snapshot.query("select stage, count(*) as n from stages group by 1").to_pylist():
        sizes[row["stage"]] = row["n"]
    later = _changes_by_step(warm, instants, step)
    told: dict[str, list[int]] = {stage: [] for stage in _STAGES}
    for place in reversed(range(len(instants))):
        for stage in _STAGES:
            sizes[stage] -= later.get((place, stage), 0)
            told[stage].append(max(sizes[stage], 0))
    return Sizes(instants=instants, stages={k: v[::-1] for k, v in told.items()})


def _changes_by_step(
    warm: Warm, instants: list[datetime], step: timedelta
) -> dict[tuple[int, str], int]:
    """Entries less exits of each stage from the instant of that number until the next one."""
    rows = warm.as_of().snapshot.query(
        "with told as (select least((epoch_us(time) - $2) // $3, $4) as place,"
        " json_extract_string(props, '$.from') as was, json_extract_string(props, '$.to') as stage"
        " from events where name = 'Stage Changed' and time >= $1),"
        " turned as (select place, stage, 1 as n from told union all"
        " select place, coalesce(was, 'nobody'), -1 from told)"
        " select place, stage, sum(n)::bigint as n from turned group by 1, 2",
        [
            instants[0],
            (instants[0] - _EPOCH) // timedelta(microseconds=1),
            max(step // timedelta(microseconds=1), 1),
            len(instants) - 1,
        ],
    )
    return {(row["place"], row["stage"]): row["n"] for row in rows.to_pylist()}


_MOVED = """
with moved as (
    select customer_id, time, cause, coalesce(json_extract_string(props, '$.from'), 'nobody') as was,
        json_extract_string(props, '$.to') as stage, json_extract(props, '$.p')::double as p
    from events where name = 'Stage Changed' and time > $1 and time <= $2)
"""


@answers("stage_moves", MovesAsked)
def stage_moves(warm: Warm, asked: MovesAsked) -> Moves:
    """Counts by stages and cause, most first, and a page of the people behind them."""
    at: AsOf = warm.as_of()
    span = [asked.since, asked.until]
    why = at.snapshot.query(
        f"{_MOVED} select was, stage, cause, count(*) as changes from moved group by all"
        " order by 4 desc, 1, 2, 3",
        span,
    )
    page = at.snapshot.query(
        f"{_MOVED} select customer_id, json_extract_string(traits, '/name') as name,"
        " json_extract_string(traits, '/email') as email, was, stage, cause, time, p"
        " from moved join customers using (customer_id)"
        " where ($3 = '' or was = $3) and ($4 = '' or stage = $4) and ($5 = '' or cause = $5)"
        " order by time desc, customer_id limit $6 offset $7",
        [*span, asked.was, asked.stage, asked.cause, min(max(asked.limit, 1), MAX_PAGE),
         max(asked.after, 0)],
    )  # fmt: skip
    return Moves(
        why=[Caused(**row) for row in why.to_pylist()],
        page=[Move(**row) for row in page.to_pylist()],
        as_of=at.now,
    )


@answers("rhythm_base", BaseAsked)
def rhythm_base(warm: Warm, _: BaseAsked) -> Base:
    """Own gaps of everyone who came back, by column and stage."""
    with connect(warm.dsn, name="query") as conn:
        missing = _missing(conn)
    rows = warm.as_of().snapshot.query(
        "select stage, gap_days from stages where repeats > 0 and gap_days is not null"
    )
    once = warm.as_of().snapshot.query("select count(*) as n from stages where repeats = 0")
    came_once = once["n"][0].as_py()
    if missing is not None:
        return Base(bars=[], median_gap_days=None, came_once=came_once, missing=missing)
    gaps = rows["gap_days"].to_numpy()
    return Base(
        bars=_bars(rows["stage"], gaps),
        median_gap_days=float(np.median(gaps)) if len(gaps) else None,
        came_once=came_once,
        missing=None,
    )


def _bars(stage: pa.ChunkedArray, gaps: np.ndarray) -> list[Bar]:
    of = np.searchsorted(GAPS, gaps, side="left")
    codes = np.array([_STAGES.index(one) for one in stage.to_pylist()], int)
    counts = np.bincount(of * len(_STAGES) + codes, minlength=(len(GAPS) + 1) * len(_STAGES))
    bars = []
    for days, row in zip([*GAPS, None], counts.reshape(-1, len(_STAGES)), strict=True):
        named = {name: int(n) for name, n in zip(_STAGES, row, strict=True) if n}
        bars.append(Bar(days=days, people=int(row.sum()), stages=named))
    return bars


@answers("rhythm_value", BaseAsked)
def rhythm_value(warm: Warm, _: BaseAsked) -> Value:
    """Orders and spend of the next 365 days, of everyone together and by stage."""
    at = warm.as_of()
    today = at.now.astimezone(ZoneInfo(at.zone)).date()
    with connect(warm.dsn, name="query") as conn:
        missing, model = _missing(conn), find_model(conn)
        base = store.read_base(conn, today)
    if model is None:
        missing = missing or Shortage(repeaters=0, days=0)
        return Value(total=None, stages={}, people=base.num_rows, without_amount=0, missing=missing)
    paid = amounts(base["orders"].to_numpy(), base["total"].to_numpy())
    open_days = model.calendar.between(today, today + YEAR)
    total, orders, spend = outlook_of_all(model, _histories(base, model, today), paid, open_days)
    return Value(
        total=total,
        stages=_by_stage(base["stage"], orders, spend),
        people=base.num_rows,
        without_amount=int((paid.orders == 0).sum()),
        missing=None,
    )


def _by_stage(
    stage: pa.ChunkedArray, orders: np.ndarray, spend: np.ndarray | None
) -> dict[str, StageValue]:
    names = np.array(stage.to_pylist(), dtype=object)
    told = {}
    for name in _STAGES:
        are = names == name
        if are.any():
            told[name] = StageValue(
                people=int(are.sum()),
                orders=float(orders[are].sum()),
                spend=None if spend is None else float(spend[are].sum()),
            )
    return told


def _histories(base: pa.Table, model: RhythmModel, today: date) -> Histories:
    first, last = (
        base[name].combine_chunks().cast(pa.int32()).to_numpy(zero_copy_only=False)
        for name in ("first_day", "last_day")
    )
    return from_dates(base["repeats"].to_numpy(), (first, last), number_of(today), model.calendar)


def _missing(conn: object) -> Shortage | None:
    """What there is too little of; None where a model is in force, or nobody has looked yet."""
    nothing = find_none(conn)
    return None if nothing is None else nothing.shortage
