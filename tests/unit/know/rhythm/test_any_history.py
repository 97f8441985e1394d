"""Whatever was bought, and whenever: everything told of it is finite and within its bounds.

Histories of 0 to 10,000 events over 20 years, spread or all at one instant, with amounts of any
size and sign, go from the events to the last number that anybody is shown.
"""

import datetime as dt
from functools import cache

import msgspec
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dangol.errors import InputError
from dangol.know.rhythm.calendar import OpenDays
from dangol.know.rhythm.explain import StageRow, explain_all
from dangol.know.rhythm.fit import fit
from dangol.know.rhythm.forecast import expected_orders
from dangol.know.rhythm.habit import describe
from dangol.know.rhythm.history import Histories, from_days, group
from dangol.know.rhythm.model import FREQUENT, ModelKind, Params, RhythmModel, Spend
from dangol.know.rhythm.orderlog import OrderLog
from dangol.know.rhythm.outlook import outlook_of_all
from dangol.know.rhythm.rfm import grade
from dangol.know.rhythm.score import score
from dangol.know.rhythm.sentence import sentence
from dangol.know.rhythm.spend import amounts, expected_amount, fit_spend
from dangol.know.rhythm.stage import STAGES, UNKNOWN, restage
from dangol.model.event import Cause
from tests.unit.know.rhythm.crowd import SHOP

START, DAYS = 12_000, 7_305  # from 2002-11-09 on, 20 years
UNTIL = START + DAYS
TODAY = dt.date.fromordinal(UNTIL + dt.date(1970, 1, 1).toordinal())
SUNDAYS = OpenDays(weekly=(7,), closed=(TODAY - dt.timedelta(3), TODAY))
NOW = dt.datetime.combine(TODAY, dt.time(), dt.UTC)
SPREADS = ("over all years", "on one day", "on two days", "on the last day", "each day once")
PAID = ("usual", "nothing", "refunds", "huge", "tiny", "unknown", "all of it")
KNOWN = RhythmModel(version=1, kind=ModelKind.MBG, params=SHOP, fitted_at=NOW, as_of=TODAY,
                    customers=400, repeaters=300, log_likelihood=-1.0, calendar=SUNDAYS)  # fmt: skip


@cache
def _log(events: int, people: int, spread: str, paid: str, seed: int) -> OrderLog:
    rng = np.random.default_rng(seed)
    day = {
        "over all years": rng.integers(0, DAYS + 1, events),
        "on one day": np.full(events, int(rng.integers(0, DAYS + 1))),
        "on two days": rng.choice([0, int(rng.integers(1, DAYS + 1))], events),
        "on the last day": np.full(events, DAYS),
        "each day once": np.arange(events) % (DAYS + 1),
    }[spread]
    amount = {
        "usual": rng.gamma(4, 5_000, events),
        "nothing": np.zeros(events),
        "refunds": rng.normal(0, 20_000, events),
        "huge": rng.gamma(4, 2e14, events),
        "tiny": rng.gamma(4, 1e-9, events),
        "unknown": np.full(events, np.nan),
        "all of it": 10 ** rng.uniform(-9, 15, events) * rng.choice([-1, 1, np.nan], events),
    }[paid]
    names = [str(one) for one in range(people)]
    return OrderLog(names, rng.integers(0, people, events), START + day, amount)


def _model(rows: Histories, kind: ModelKind, spend: object) -> RhythmModel:
    """What is learned of them; a known model where nobody came back."""
    try:
        found = fit(rows, kind)
    except InputError:
        assert rows.repeaters == 0
        return msgspec.structs.replace(KNOWN, kind=kind, spend=spend)
    learned = {"params": found.params, "covariance": found.covariance, "thresholds": FREQUENT}
    return msgspec.structs.replace(KNOWN, kind=kind, spend=spend, **learned)


@given(
    events=st.integers(0, 10_000),
    people=st.sampled_from([1, 2, 40, 3_000]),
    spread=st.sampled_from(SPREADS),
    paid=st.sampled_from(PAID),
    kind=st.sampled_from(ModelKind),
    seed=st.integers(0, 2**32 - 1),
)
@example(0, 1, "on one day", "usual", ModelKind.MBG, 0)
@example(10_000, 1, "over all years", "all of it", ModelKind.MBG, 0)
@example(10_000, 1, "each day once", "huge", ModelKind.BG, 0)
@example(10_000, 1, "on one day", "refunds", ModelKind.MBG, 0)
@example(10_000, 40, "on two days", "huge", ModelKind.MBG, 1)
@example(58, 40, "each day once", "usual", ModelKind.MBG, 58)
@settings(max_examples=12, deadline=None)
def test_any_history_is_told_in_finite_numbers(events, people, spread, paid, kind, seed):
    log = _log(events, people, spread, paid, seed)
    who, rows = from_days(log.customer, log.day, UNTIL, SUNDAYS)
    known = amounts(*log.spent(TODAY))
    assert len(who) == len(rows) == len(known.orders) == len(np.unique(log.customer))
    spend = fit_spend(known, "KRW")
    model = _model(rows, kind, spend)
    _params_are_finite(model.params)
    _scores_are_bounded(model, rows)
    whole, orders, money = outlook_of_all(model, rows, known, 365)
    assert np.isfinite(orders).all()
    assert (orders >= 0).all()
    if isinstance(spend, Spend):
        assert np.isfinite([*expected_amount(spend, known), *money]).all()
    for told in (whole.orders, whole.spend) if whole else ():
        assert told is None or (0 <= told.low <= told.high < np.inf and np.isfinite(told.mean))
    _sentences_are_whole(model, log, who)


def _params_are_finite(params: Params) -> None:
    numbers = msgspec.structs.astuple(params)
    assert np.isfinite(numbers).all()
    assert min(numbers) > 0


def _scores_are_bounded(model: RhythmModel, rows: Histories) -> None:
    found = score(model.params, model.kind, rows)
    for share in (found.p, found.p_alive, found.silence):
        assert ((share >= 0) & (share <= 1)).all()
    assert (found.gap_days > 0).all()
    assert np.isfinite(found.gap_days).all()
    assert ((found.horizon_days >= 7) & (found.horizon_days <= 364)).all()
    nobody = np.zeros(len(rows), np.int8)
    assert UNKNOWN not in restage(model, rows, nobody, nobody).codes
    grades = grade(rows.age - rows.last, rows.repeats + 1, found.p)
    assert all(set(one) <= {1, 2, 3, 4, 5} for one in (grades.recency, grades.frequency))
    alike = group(rows)
    assert np.isfinite(expected_orders(model.params, model.kind, alike, 3650)).all()


def _sentences_are_whole(model: RhythmModel, log: OrderLog, who: np.ndarray) -> None:
    """Of the first and the last customer, with every stage that might be written down."""
    for one in {int(who[0]), int(who[-1])} if who.size else ():
        days = sorted(
            {dt.date(1970, 1, 1) + dt.timedelta(int(d)) for d in log.day[log.customer == one]}
        )
        habit = describe(days)
        assert habit.burstiness is None or abs(habit.burstiness) <= 1 + 1e-9
        stages = [stage for stage in STAGES if stage.value != "unknown"]
        rows = [_row(days, stage) for stage in stages]
        for told in map(sentence, explain_all(rows, model, TODAY)):
            values = [
                n for part in (*told.own, *told.model, *told.verdict) for n in part.values.values()
            ]
            assert all(isinstance(n, int) and n >= 0 for n in values)


def _row(days: list[dt.date], stage: object) -> StageRow:
    return StageRow(
        bucket=0, customer_id=1, stage=stage, since=NOW, previous=None, cause=Cause.TIME,
        repeats=len(days) - 1, first_day=days[0], last_day=days[-1], p=None, model_version=1,
        scored_at=NOW,
    )  # fmt: skip
