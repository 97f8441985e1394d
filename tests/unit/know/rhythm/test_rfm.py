"""Fifths as published for CDNOW, and moves that account for everybody."""

from collections import defaultdict
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.know.rhythm.rfm import NOBODY, cells, fifths, grade, transitions

END = date(1997, 9, 30)


def _sample():
    spec = find_spec("lifetimes")
    folder = Path(spec.submodule_search_locations[0]) / "datasets"
    spent, later = defaultdict(lambda: defaultdict(float)), set()
    for line in (folder / "CDNOW_sample.txt").read_text().splitlines():
        who, _, day, _, amount = line.split()
        if date.fromisoformat(day) <= END:
            spent[who][date.fromisoformat(day)] += float(amount)
        else:
            later.add(who)
    return spent, np.array([who in later for who in spent])


def test_cdnow_falls_into_the_known_fifths():
    spent, came = _sample()
    graded = grade(
        [(END - max(days)).days for days in spent.values()],
        [len(days) for days in spent.values()],
        [sum(days.values()) for days in spent.values()],
    )
    assert np.bincount(graded.recency).tolist() == [0, 466, 475, 476, 467, 473]
    assert np.bincount(graded.frequency).tolist() == [0, 0, 1411, 0, 439, 507]
    assert np.bincount(graded.money).tolist() == [0, 480, 462, 472, 471, 472]
    rates = [round(float(came[graded.recency == score].mean()), 4) for score in range(1, 6)]
    assert rates == [0.1116, 0.1411, 0.1786, 0.3683, 0.6512]
    rates = [round(float(came[graded.money == score].mean()), 4) for score in range(1, 6)]
    assert rates == [0.125, 0.158, 0.2288, 0.3482, 0.5911]
    assert cells(graded).sum() == 2357
    assert cells(graded)[:, 0].sum() == 0


@given(st.lists(st.integers(-5, 5) | st.just(float("nan")), max_size=60))
@settings(deadline=None)
def test_scores_follow_the_order_and_equals_stay_together(values):
    scores = fifths(values)
    known = [(v, s) for v, s in zip(values, scores, strict=True) if not np.isnan(v)]
    assert all(s == NOBODY for v, s in zip(values, scores, strict=True) if np.isnan(v))
    for value, score in known:
        assert 1 <= score <= 5
        assert all(other <= score for v, other in known if v <= value)
        assert all(other == score for v, other in known if v == value)


def test_moves_account_for_everybody():
    before, after = np.array([0, 1, 5, 5, 2], np.int8), np.array([3, 1, 0, 4, 2], np.int8)
    moves = transitions(before, after)
    assert moves.sum() == 5
    assert moves[0, 3] == moves[1, 1] == moves[5, 0] == moves[5, 4] == moves[2, 2] == 1
