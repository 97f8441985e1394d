"""The past of many at once is the past of each, walked through day by day."""

import datetime as dt

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.know.rhythm.calendar import OpenDays, number_of
from dangol.know.rhythm.history import from_dates
from dangol.know.rhythm.model import ModelKind, Params, RhythmModel
from dangol.know.rhythm.past import OrderDays, look_back
from dangol.know.rhythm.stage import _LEVEL, INACTIVE, NEW, UNKNOWN, is_held, restage

TODAY = number_of(dt.date(2026, 3, 5))  # a Thursday
MODEL = RhythmModel(
    version=1,
    kind=ModelKind.MBG,
    params=Params(r=0.9, alpha=6.0, a=0.7, b=2.0),
    fitted_at=dt.datetime(2026, 3, 5, tzinfo=dt.UTC),
    as_of=dt.date(2026, 3, 5),
    customers=100,
    repeaters=60,
    log_likelihood=-1.0,
    calendar=OpenDays(weekly=(7,), closed=(dt.date(2026, 2, 17),)),
)
_back = st.integers(-3, 700)
_shops = st.lists(st.lists(_back, min_size=1, max_size=12, unique=True), min_size=1, max_size=6)


def _days(shop: list[list[int]]) -> OrderDays:
    rows = sorted((who, TODAY - back) for who, days in enumerate(shop) for back in days)
    return OrderDays(
        np.array([who for who, _ in rows], np.int64),
        np.array([day for _, day in rows], np.int64),
        len(shop),
    )


def _walk(days: list[int]) -> tuple[list[tuple[int, bool, int, int]], int]:
    """One customer's moves (day, by an order, was, is) and stage today, a day at a time."""
    moves, code, previous, since = [], UNKNOWN, UNKNOWN, days[0]
    for day in range(days[0], max(days[-1], TODAY) + 1):
        asked = [False] * (day <= TODAY and (day % 7 == 4 or day == TODAY)) + [True] * (day in days)
        for by_order in sorted(asked, key=lambda one: one != (day == TODAY)):
            seen = [one for one in days if one < day or (by_order and one == day)]
            if day == TODAY and not by_order:
                seen = days
            if not seen or (not by_order and day != TODAY and code in (UNKNOWN, INACTIVE)):
                continue
            rows = from_dates([len(seen) - 1], ([seen[0]], [seen[-1]]), [day], MODEL.calendar)
            old = np.array([code], np.int8)
            held = is_held(old, np.array([previous], np.int8), day - since)
            now = int(restage(MODEL, rows, old, by_order, held).codes[0])
            if now != code:
                moves.append((day, by_order, code, now))
                previous, code, since = code, now, day
    return moves, code


@settings(max_examples=60, deadline=None)
@given(_shops.map(lambda shop: [[back for back in one if back >= 0] or [0] for one in shop]))
def test_everyone_is_walked_as_one_is(shop):
    days = _days(shop)
    moves, staged = look_back(MODEL, days, TODAY)
    for who, backs in enumerate(shop):
        own = moves.customer == who
        columns = (moves.day, moves.by_order, moves.was, moves.stage)
        told = list(zip(*(column[own].tolist() for column in columns), strict=True))
        assert (told, int(staged.codes[who])) == _walk(sorted(TODAY - back for back in backs))


@settings(max_examples=60, deadline=None)
@given(_shops)
def test_orders_lift_silence_lowers_and_every_move_follows_from_the_one_before(shop):
    days = _days(shop)
    moves, staged = look_back(MODEL, days, TODAY)
    ordered = set(zip(days.customer.tolist(), days.day.tolist(), strict=True))
    rises = _LEVEL[moves.stage] > _LEVEL[moves.was]
    assert not (rises & ~moves.by_order).any()
    for who, day, by_order in zip(moves.customer, moves.day, moves.by_order, strict=True):
        assert not by_order or (who, day) in ordered
    for who in range(len(shop)):
        own = moves.customer == who
        was, now = moves.was[own].tolist(), moves.stage[own].tolist()
        assert (was[0], now[0], now[-1]) == (UNKNOWN, NEW, staged.codes[who])
        assert was[1:] == now[:-1]
        assert (np.diff(moves.day[own]) >= 0).all()


def test_nobody_has_no_past():
    none = np.zeros(0, np.int64)
    moves, staged = look_back(MODEL, OrderDays(none, none, 0), TODAY)
    assert (len(moves.customer), len(staged.codes)) == (0, 0)
