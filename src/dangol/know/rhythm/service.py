"""Load, decide, save: learn the model anew, and keep everybody's stage true.

The caller owns the transaction. `stages_of` locks the rows it decides about; `rescore` reads
everything unlocked and then leaves alone what changed in between: Live knows more.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from dangol.know.rhythm import store
from dangol.know.rhythm.calendar import ALWAYS, OpenDays, number_of
from dangol.know.rhythm.changes import stage_changes
from dangol.know.rhythm.first import is_unjudged, judge_unjudged, must_wait
from dangol.know.rhythm.fresh import fresh_rows, present_news
from dangol.know.rhythm.history import Histories, from_dates, group
from dangol.know.rhythm.lookup import find_last_model, find_model, find_stage, read_basis
from dangol.know.rhythm.minimum import find_shortage
from dangol.know.rhythm.model import ModelKind, NoModel, RhythmModel, Spend, SpendProblem
from dangol.know.rhythm.opening import resolve
from dangol.know.rhythm.stage import (
    STAGES,
    UNKNOWN,
    Codes,
    Staged,
    is_held,
    keep_thresholds,
    restage,
)
from dangol.model.event import Cause
from dangol.store.brand import read_brand
from dangol.store.bulk import copy_arrow

__all__ = ["find_model", "find_stage", "judge", "refit", "rescore", "stages_of"]

CALENDAR_AHEAD = timedelta(days=3 * 365)
"""How far ahead closed days are resolved; a model is learned anew every week."""
_P_MOVED = 0.01
_NAMES = pa.array([stage.value for stage in STAGES])


def refit(
    conn: psycopg.Connection, today: date, now: datetime, kind: ModelKind = ModelKind.MBG
) -> RhythmModel | None:
    """Learn a model from every relationship day up to `today` and store it as a new version.

    None while fewer than 30 customers came back or less than 90 days are known: then that is what
    is stored, and everybody is unknown. Rescore with cause REFIT afterwards, in both cases.
    """
    counted, basis = store.count_histories(conn, today), read_basis(conn)
    since = pc.min(counted["first_day"]).as_py() or today
    calendar = resolve(basis.opening, since, today + CALENDAR_AHEAD)
    rows = _counted(counted, today, calendar)
    if find_shortage(rows.repeaters, (today - since).days):
        nothing = NoModel(
            fitted_at=now,
            as_of=today,
            customers=rows.customers,
            repeaters=rows.repeaters,
            known_since=since if len(rows) else None,
            basis=basis,
        )
        store.add_none(conn, nothing)
        return None
    before = find_last_model(conn)
    model = msgspec.structs.replace(
        _learn(rows, kind, today, now),
        thresholds=keep_thresholds(before, basis.event, rows, today),
        basis=basis,
        calendar=calendar,
        spend=_learn_spend(conn, today),
    )
    return store.add_model(conn, model, since)


def _learn(rows: Histories, kind: ModelKind, today: date, now: datetime) -> RhythmModel:
    from dangol.know.rhythm.fit import as_model, fit  # scipy: only where it is needed

    return as_model(fit(rows, kind), today, now)


def _learn_spend(conn: psycopg.Connection, today: date) -> Spend | SpendProblem:
    from dangol.know.rhythm.spend import amounts, fit_spend

    known = store.count_amounts(conn, today)
    rows = amounts(known["orders"].to_numpy(), known["total"].to_numpy())
    return fit_spend(rows, read_brand(conn).currency)


def _counted(counted: pa.Table, today: date, calendar: OpenDays) -> Histories:
    days = _days(counted, "first_day"), _days(counted, "last_day")
    rows = from_dates(counted["repeats"].to_numpy(), days, number_of(today), calendar)
    weight = counted["weight"].to_numpy()
    return group(Histories(rows.repeats, rows.last, rows.age, weight))


def rescore(
    conn: psycopg.Connection,
    buckets: tuple[int, int],
    today: date,
    now: datetime,
    cause: Cause,
    judges: bool = True,
) -> int:
    """Bring every stage in `buckets` (first and last) up to `today`; returns how many changed.

    `cause` is TIME or REFIT. Being called unknown for the first time is no change. `Stage Changed`
    events go to `inbox`, so that Live applies them like anything heard. Who was never judged is
    judged as `judge` does it, or left alone where it `judges` nobody.
    """
    store.delete_orphans(conn, *buckets)
    store.add_unknown(conn, *buckets, now)
    model = find_model(conn)
    facts = store.read_buckets(conn, *buckets)
    if model is not None:
        facts = facts.filter(pc.invert(is_unjudged(facts)))
    events = _restage(conn, facts, [cause.value] * facts.num_rows, model, today, now)
    changed = copy_arrow(conn, "inbox", events.drop_columns(["recorded_at"]))
    return changed + (judge(conn, buckets, today, now) if judges else 0)


def judge(conn: psycopg.Connection, buckets: tuple[int, int], today: date, now: datetime) -> int:
    """Judge whoever in `buckets` waits for it, week by week from their first day on: see `first`.

    Returns how many were judged: nobody, while there is no model.
    """
    model = find_model(conn)
    if model is None:
        return 0
    events = judge_unjudged(conn, buckets, model, today, now)
    copy_arrow(conn, "inbox", events.drop_columns(["recorded_at"]))
    return pc.count_distinct(events["customer_id"]).as_py()


def stages_of(
    conn: psycopg.Connection,
    customers: pa.Table,
    model: RhythmModel | None,
    today: date,
    now: datetime,
) -> pa.Table:
    """Write the stages of `customers` and return their `Stage Changed` events, not yet stored.

    `customers` has bucket, customer_id and cause (behaviour, history or merge), one row each,
    with their relationship days already written. The events have `event_recent`'s columns. Who is
    judged for the first time and has a past waits as unknown: more of it may be on its way.
    """
    facts = store.read_asked(conn, customers)
    if model is not None:
        waits = must_wait(facts)
        waiting, facts = facts.filter(waits), facts.filter(pc.invert(waits))
        _restage(conn, waiting, waiting["cause"].to_pylist(), None, today, now)
    return _restage(conn, facts, facts["cause"].to_pylist(), model, today, now)


def _restage(
    conn: psycopg.Connection,
    facts: pa.Table,
    causes: Sequence[str],
    model: RhythmModel | None,
    today: date,
    now: datetime,
) -> pa.Table:
    rows = _histories(facts, today, model.calendar if model else ALWAYS)
    old = _codes(facts)
    acted = _has_acted(facts)
    staged = restage(model, rows, old, acted, _is_held(facts, old, now))
    changed = staged.codes != old
    news = present_news(facts, causes, changed, now)
    fresh = fresh_rows(facts, staged, news, model, now)
    fresh = fresh.filter(pa.array(_is_worth_writing(facts, staged, changed | acted, model)))
    written = store.write_stages(conn, fresh)
    told = [
        customer in written and is_changed
        for customer, is_changed in zip(facts["customer_id"].to_pylist(), changed, strict=True)
    ]
    return stage_changes(facts, causes, staged, np.flatnonzero(told), model, now)


def _histories(facts: pa.Table, today: date, calendar: OpenDays) -> Histories:
    days = _days(facts, "first_day"), _days(facts, "last_day")
    return from_dates(facts["repeats"].to_numpy(), days, number_of(today), calendar)


def _days(facts: pa.Table, name: str) -> np.ndarray:
    return facts[name].combine_chunks().cast(pa.int32()).to_numpy(zero_copy_only=False)


def _codes(facts: pa.Table, name: str = "stage") -> Codes:
    found = pc.index_in(facts[name], value_set=_NAMES)
    return pc.fill_null(found, UNKNOWN).to_numpy().astype(np.int8)


def _is_held(facts: pa.Table, old: Codes, now: datetime) -> np.ndarray:
    since = pc.fill_null(facts["since"].cast(pa.int64()), 0).to_numpy()
    days = (int(now.timestamp() * 1e6) - since) / 86_400e6
    return is_held(old, _codes(facts, "previous"), days)


def _has_acted(facts: pa.Table) -> np.ndarray:
    """Whether the facts differ from those of the stage written down; True where none is."""
    same = pc.and_(
        pc.equal(facts["repeats"], facts["seen_repeats"]),
        pc.and_(
            pc.equal(facts["first_day"], facts["seen_first_day"]),
            pc.equal(facts["last_day"], facts["seen_last_day"]),
        ),
    )
    return ~pc.fill_null(same, False).to_numpy()


def _is_worth_writing(
    facts: pa.Table, staged: Staged, is_news: np.ndarray, model: RhythmModel | None
) -> np.ndarray:
    """News, another model version, or a p that moved by a hundredth; the rest stays as it is."""
    if staged.scores is None or model is None:
        return is_news
    before = pc.fill_null(facts["p"], -1.0).to_numpy()
    version = pc.fill_null(facts["model_version"], -1).to_numpy()
    moved = np.abs(staged.scores.p - before) >= _P_MOVED
    return is_news | moved | (version != model.version)
