"""A stage moves up by an own order and down by silence, and by nothing else."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from dangol.know.rhythm.explain import StageReason, StageRow, explain
from dangol.know.rhythm.fit import fit
from dangol.know.rhythm.history import from_days, histories
from dangol.know.rhythm.model import FREQUENT, USUAL, Basis, ModelKind, Params, RhythmModel
from dangol.know.rhythm.score import first_horizon, score
from dangol.know.rhythm.stage import (
    ACTIVE,
    INACTIVE,
    LAPSING,
    LOYAL,
    NEW,
    STAGES,
    UNKNOWN,
    choose_thresholds,
    is_held,
    keep_thresholds,
    restage,
)
from dangol.model.customer import CustomerId
from dangol.model.event import Cause
from dangol.model.stage import Stage
from tests.unit.know.rhythm.crowd import SHOP, simulate

CDNOW = Params(r=0.525, alpha=6.183, a=0.891, b=1.614)
GROCER = Params(r=1.406, alpha=1.372, a=0.0256, b=24.48)
"""Of a grocery chain (completejourney): half of all gaps are below a week."""
START, DAY = dt.date(2025, 1, 1), dt.timedelta(1)
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
LEVEL = {UNKNOWN: 0, INACTIVE: 1, LAPSING: 2, ACTIVE: 3, LOYAL: 4, NEW: 3}


def _model(r=0.525, alpha=6.183, a=0.891, b=1.614, thresholds=USUAL):
    return RhythmModel(
        version=1,
        kind=ModelKind.MBG,
        params=Params(r=r, alpha=alpha, a=a, b=b),
        fitted_at=NOW,
        as_of=NOW.date(),
        customers=1000,
        repeaters=400,
        log_likelihood=-1.0,
        thresholds=thresholds,
    )


def _stage(model, x, last, age, old=UNKNOWN, acted=False):
    row = histories([x], [last], [age])
    return int(restage(model, row, np.array([old], np.int8), np.array([acted])).codes[0])


def _p(model, x, last, age):
    return float(score(model.params, model.kind, histories([x], [last], [age])).p[0])


def test_clockwork_customer_becomes_loyal_and_fades():
    """Every 14 days for two years, then nothing."""
    model, last = _model(), 51 * 14
    assert _stage(model, 51, last, last) == LOYAL
    seen = [_stage(model, 51, last, last + quiet) for quiet in (0, 14, 60, 120)]
    assert [LEVEL[code] for code in seen] == sorted((LEVEL[c] for c in seen), reverse=True)
    assert seen[-1] == INACTIVE


def test_one_timer_is_new_until_the_newcomers_horizon_and_then_judged():
    model = _model()
    horizon = int(first_horizon(model.params))
    assert _stage(model, 0, 0, 0) == NEW
    assert _stage(model, 0, 0, horizon) == NEW
    assert _stage(model, 0, 0, horizon + 1, old=NEW) in {LAPSING, INACTIVE}


@pytest.mark.parametrize(
    ("params", "lines"),
    [
        (CDNOW, USUAL),
        (SHOP, USUAL),
        (Params(r=1.8, alpha=9, a=0.9, b=4.5), USUAL),
        (GROCER, FREQUENT),
    ],
)
def test_who_comes_every_sixty_days_is_loyal_after_sixty_weeks_and_stays_so(params, lines):
    """Looked at every day, by the models of four shops; the gap is far from what is usual there."""
    model, code, seen = _model(*structs.astuple(params), lines), UNKNOWN, []
    for today in range(14 * 60):
        x, last = today // 60, today // 60 * 60
        code = _stage(model, x, last, today, old=code, acted=today == last)
        seen.append(code)
    assert set(seen[60 * 7 :]) == {LOYAL}
    assert LOYAL not in seen[: 60 * 3]


def test_everybody_may_be_loyal_at_once():
    rows = histories([20] * 50, [20 * 14] * 50, [20 * 14 + 3] * 50)
    nobody = np.zeros(50, np.int8)
    assert set(restage(_model(), rows, nobody, nobody).codes) == {LOYAL}


def test_two_returns_are_never_loyal():
    eager = _model(r=30, alpha=60, a=0.01, b=10)
    assert _p(eager, 2, 28, 28) > 0.65
    assert _stage(eager, 2, 28, 28) == ACTIVE
    assert _stage(eager, 3, 42, 42) == LOYAL


def test_without_a_model_everybody_is_unknown():
    assert _stage(None, 9, 90, 95, old=LOYAL) == UNKNOWN


@given(
    x=st.integers(0, 60),
    last=st.integers(1, 700),
    quiet=st.integers(0, 700),
    old=st.integers(1, 5),
    r=st.floats(0.1, 5),
    alpha=st.floats(0.5, 60),
    a=st.floats(0.05, 5),
    b=st.floats(0.05, 5),
)
@settings(max_examples=300, deadline=None)
def test_time_and_refit_never_lift_and_orders_never_lower(x, last, quiet, old, r, alpha, a, b):
    model, last = _model(r, alpha, a, b), last if x else 0
    silent = _stage(model, x, last, last + quiet, old=old, acted=False)
    acted = _stage(model, x, last, last + quiet, old=old, acted=True)
    assert LEVEL[silent] <= LEVEL[old]
    fewest = min(LEVEL[old], 3) if x < 3 else LEVEL[old]
    assert LEVEL[acted] >= fewest
    assert LEVEL[acted] >= LEVEL[_stage(model, x, last, last + quiet)]
    for code in (silent, acted):
        assert code != LOYAL or x >= 3
        assert code != NEW or x == 0


@given(x=st.integers(1, 60), last=st.integers(1, 700), quiet=st.integers(0, 400))
@settings(deadline=None)
def test_a_stage_is_lost_only_a_band_below_its_line(x, last, quiet):
    model = _model()
    p = _p(model, x, last, last + quiet)
    kept = _stage(model, x, last, last + quiet, old=ACTIVE)
    assert (kept == ACTIVE) == (p >= 0.5 - 0.05)
    if x >= 3:
        kept = _stage(model, x, last, last + quiet, old=LOYAL)
        assert (kept == LOYAL) == (p >= 0.60)
        entered = _stage(model, x, last, last + quiet, old=ACTIVE, acted=True)
        assert (entered == LOYAL) == (p >= 0.65)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_day_by_day_a_life_never_swings_without_an_order(gaps):
    """Replay a life daily: every rise falls on an order's day, every fall on a silent one."""
    model = _model()
    orders = sorted({int(day) for day in np.cumsum(gaps)})
    orders = [day - orders[0] for day in orders]
    code = UNKNOWN
    for today in range(orders[-1] + 120):
        done = [day for day in orders if day <= today]
        acted = today in orders
        after = _stage(model, len(done) - 1, done[-1], today, old=code, acted=acted)
        if code != UNKNOWN:
            assert LEVEL[after] >= LEVEL[code] if acted else LEVEL[after] <= LEVEL[code]
        code = after


def test_stages_of_a_shop_do_not_flicker():
    """Two years of weekly restaging and monthly refits: no rise without an order, no fall by one,
    and nobody goes there and back within four weeks unless an own order undoes a fall."""
    crowd = simulate(SHOP, 2000, 730, 9)
    codes = np.zeros(2000, np.int8)
    before, since = codes.copy(), np.zeros(2000, int)
    fell_back = undone = 0
    for week, today in enumerate(range(120, 731, 7)):
        who, rows = from_days(crowd.customer, crowd.day, today)
        if week % 4 == 0:
            model = _model(*structs.astuple(fit(rows).params))
        acted = np.isin(who, crowd.customer[(crowd.day > today - 7) & (crowd.day <= today)])
        old, was = codes[who], before[who]
        held = is_held(old, was, today - since[who])
        after = restage(model, rows, old, acted, held).codes
        level, new = np.array([LEVEL[c] for c in old]), np.array([LEVEL[c] for c in after])
        judged = level > 0
        assert not (judged & (new > level) & ~acted).any()
        assert not (judged & (new < level) & acted).any()
        back = judged & (after == was) & (after != old) & (today - since[who] < 28)
        fell_back += int((back & (new < level)).sum())
        undone += int((back & acted).sum())
        assert not (back & ~acted).any()
        moved = who[after != old]
        before[moved], since[moved] = codes[moved], today
        codes[who] = after
    assert fell_back == 0
    assert undone > 0


def test_silence_does_not_take_back_within_weeks_what_an_order_gave():
    model = _model()
    row = histories([6], [300], [390])
    loyal, active = np.array([LOYAL], np.int8), np.array([ACTIVE], np.int8)
    assert restage(model, row, loyal, np.array([False])).codes[0] < LOYAL
    for days, held in [(27.9, True), (28, False)]:
        assert is_held(loyal, active, days)[0] == held
        assert not is_held(active, loyal, days)[0]
        assert not is_held(loyal, np.array([UNKNOWN], np.int8), days)[0]
    assert restage(model, row, loyal, np.array([False]), np.array([True])).codes[0] == LOYAL


def test_scoring_in_one_go_equals_scoring_each():
    rng = np.random.default_rng(2)
    last = rng.integers(0, 300, 200)
    x = np.where(last > 0, rng.integers(1, 20, 200), 0)
    age = last + rng.integers(0, 300, 200)
    old = rng.integers(0, 6, 200).astype(np.int8)
    acted = rng.random(200) < 0.5
    together = restage(_model(), histories(x, last, age), old, acted).codes
    each = [_stage(_model(), *row) for row in zip(x, last, age, old, acted, strict=True)]
    assert together.tolist() == each


def test_lines_follow_the_pace_of_the_shop():
    assert choose_thresholds(histories([10, 10, 1], [30, 40, 60], [90, 90, 90])) is FREQUENT
    assert choose_thresholds(histories([2, 1], [60, 50], [90, 90])) is USUAL
    assert choose_thresholds(histories([0], [0], [90])) is USUAL


def test_lines_hold_for_a_year_and_go_with_their_event():
    often, seldom = histories([10], [30], [90]), histories([2], [60], [90])
    start = dt.date(2026, 1, 1)
    first = keep_thresholds(None, "Order", often, start)
    assert first == structs.replace(FREQUENT, since=start)
    model = structs.replace(_model(thresholds=first), basis=Basis(event="Order"))
    almost, over = start + dt.timedelta(364), start + dt.timedelta(365)
    assert keep_thresholds(model, "Order", seldom, almost) == first
    assert keep_thresholds(model, "Order", seldom, over) == structs.replace(USUAL, since=over)
    assert keep_thresholds(model, "Lesson", seldom, almost).active == USUAL.active


def _shares_of_regulars(better):
    """Half-yearly shares of the loyal in all customers; from the third year on, who comes first
    leaves `better` times as often as those before. The lines stay those of the second year."""
    before = simulate(SHOP, 3000, 1460, seed=1, joined=730)
    after = simulate(structs.replace(SHOP, a=SHOP.a * better), 3000, 729, seed=2)
    day = np.r_[before.day, after.day + 731]
    who = np.r_[before.customer, after.customer + 3000]
    lines, shares = None, []
    for until in (730, 912, 1094, 1277, 1460):
        rows = from_days(who, day, until)[1]
        lines = lines or keep_thresholds(None, "Order", rows, START)
        model = _model(*structs.astuple(fit(rows).params), thresholds=lines)
        nobody = np.zeros(len(rows), np.int8)
        shares.append(float((restage(model, rows, nobody, nobody).codes == LOYAL).mean()))
    return shares


def test_when_the_shop_improves_the_line_of_regulars_rises():
    better, same = _shares_of_regulars(0.5), _shares_of_regulars(1)
    assert better == sorted(better)
    assert better[-1] > better[0] * 1.4
    assert abs(same[-1] / same[0] - 1) < 0.15


@given(
    x=st.integers(0, 60), last=st.integers(1, 700), quiet=st.integers(0, 700), old=st.integers(1, 5)
)
@settings(deadline=None)
def test_in_a_fast_shop_who_comes_seldom_is_judged_as_anywhere_else(x, last, quiet, old):
    last = last if x else 0
    fast, slow = (_model(*structs.astuple(GROCER), lines) for lines in (FREQUENT, USUAL))
    only = _model(*structs.astuple(GROCER), structs.replace(FREQUENT, slow=None))
    gap = score(GROCER, ModelKind.MBG, histories([x], [last], [last + quiet])).gap_days[0]
    for acted in (False, True):
        asked = {"x": x, "last": last, "age": last + quiet, "old": old, "acted": acted}
        assert _stage(fast, **asked) == _stage(slow if gap >= 28 else only, **asked)


def test_lines_stand_in_order():
    for lines in (USUAL, FREQUENT):
        assert lines.lapsing < lines.active < lines.loyal_stay < lines.loyal_enter
        assert lines.active - lines.band < lines.loyal_stay
        assert lines.lapsing < lines.active - lines.band


def test_explanation_keeps_own_facts_apart_from_the_models():
    row = StageRow(
        bucket=1,
        customer_id=CustomerId(1),
        stage=Stage.LAPSING,
        since=NOW,
        previous=Stage.ACTIVE,
        cause=Cause.TIME,
        repeats=2,
        first_day=dt.date(2025, 9, 1),
        last_day=dt.date(2025, 12, 31),
        p=0.3,
        model_version=1,
        scored_at=NOW,
    )
    told = explain(row, _model(), dt.date(2026, 3, 1))
    assert told.own.order_days == 3
    assert told.own.average_gap_days == pytest.approx(60.5)
    assert told.own.quiet_days == 60
    assert told.reason is StageReason.LESS_LIKELY, "60 days are less than the own gap"
    later = explain(row, _model(), dt.date(2026, 3, 3))
    assert later.reason is StageReason.QUIETER_THAN_USUAL
    assert told.model
    assert told.model.p == pytest.approx(_p(_model(), 2, 121, 181))
    assert explain(row, None, dt.date(2026, 3, 1)).model is None


def test_every_code_names_a_stage():
    assert set(STAGES) == set(Stage)
