"""A log of orders: who came on which days, and what the days after the first brought."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from dangol.know.rhythm.calendar import number_of
from dangol.know.rhythm.orderlog import order_log

FIRST = number_of(dt.date(1997, 1, 1))


def _log(*orders: tuple[str, int, float | None]):
    who, day, amount = zip(*orders, strict=True)
    known = (
        None if set(amount) == {None} else np.array([np.nan if a is None else a for a in amount])
    )
    return order_log(pa.chunked_array([list(who)]), FIRST + np.array(day), known)


def test_orders_of_one_day_are_one():
    log = _log(("007", 0, None), ("단골", 3, None), ("007", 3, None), ("007", 3, None))
    customers, rows = log.histories(dt.date(1997, 1, 10))
    assert customers == ["007", "단골"]
    assert (rows.repeats.tolist(), rows.last.tolist(), rows.age.tolist()) == (
        [1, 0],
        [3, 0],
        [9, 6],
    )
    assert (log.first, log.last) == (dt.date(1997, 1, 1), dt.date(1997, 1, 4))


def test_amounts_are_summed_per_day_after_the_first():
    log = _log(("a", 0, 5), ("a", 1, 2), ("a", 1, 3.5), ("a", 3, None), ("b", 0, 9), ("b", 31, 7))
    orders, total = log.spent(dt.date(1997, 1, 10))
    assert (orders.tolist(), total.tolist()) == ([1, 0], [5.5, 0])
    orders, total = log.spent(dt.date(1997, 3, 1))
    assert (orders.tolist(), total.tolist()) == ([1, 1], [5.5, 7])
    with pytest.raises(ValueError, match="no column"):
        _log(("a", 0, None)).spent(dt.date(1997, 3, 1))
