"""What the models need to know of a customer: how often, how long ago last, how long ago first.

Days are open days: see `calendar`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dangol.know.rhythm.calendar import ALWAYS, OpenDays

_DAYS_BITS = 21
_LARGEST = (1 << _DAYS_BITS) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """One row per customer, or per `weight` customers alike; integer arrays of one length."""

    repeats: NDArray[np.int64]
    """x: days with an order, the first one not counted."""
    last: NDArray[np.int64]
    """t_x: days from the first order to the last; 0 when there is one only."""
    age: NDArray[np.int64]
    """T: days from the first order to the day of looking."""
    weight: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.repeats)

    @property
    def customers(self) -> int:
        """How many customers the rows stand for."""
        return int(self.weight.sum())

    @property
    def repeaters(self) -> int:
        """How many of them came back at least once."""
        return int(self.weight[self.repeats > 0].sum())


def histories(repeats: object, last: object, age: object, weight: object = None) -> Histories:
    """Histories from anything array-like; without `weight` each row is one customer.

    Raises:
        ValueError: lengths differ, or a row is impossible (needs 0 <= last <= age, and a last
            order on the first day exactly when nobody came back).
    """
    x, t, age_ = (np.asarray(column, dtype=np.int64) for column in (repeats, last, age))
    w = np.ones_like(x) if weight is None else np.asarray(weight, dtype=np.int64)
    if not x.shape == t.shape == age_.shape == w.shape or x.ndim != 1:
        raise ValueError("repeats, last, age and weight are columns of one length")
    fits = (x >= 0) & (t >= 0) & (t <= age_) & ((x == 0) == (t == 0)) & (w >= 0)
    if not fits.all():
        at = int(np.argmin(fits))
        raise ValueError(f"row {at} is impossible: repeats {x[at]}, last {t[at]}, age {age_[at]}")
    if x.size and max(int(x.max()), int(age_.max())) > _LARGEST:
        raise ValueError(f"more than {_LARGEST} days or repeats cannot be counted")
    return Histories(x, t, age_, w)


def group(rows: Histories) -> Histories:
    """The same customers with equal rows added up: any likelihood stays as it was.

    A million customers of two years collapse to about a third: those who came once differ by
    age only.
    """
    packed = _packed(rows)
    if (rows.weight == 1).all():
        keys, weight = np.unique(packed, return_counts=True)
        return _unpacked(keys, weight)
    return group_each(rows)[0]


def group_each(rows: Histories) -> tuple[Histories, NDArray[np.int64]]:
    """The same, and which group each row went into."""
    keys, of = np.unique(_packed(rows), return_inverse=True)
    return _unpacked(keys, np.bincount(of, weights=rows.weight, minlength=len(keys))), of


def _packed(rows: Histories) -> NDArray[np.int64]:
    return (rows.repeats << 2 * _DAYS_BITS) | (rows.last << _DAYS_BITS) | rows.age


def _unpacked(keys: NDArray[np.int64], weight: NDArray[np.float64]) -> Histories:
    return Histories(
        keys >> 2 * _DAYS_BITS,
        (keys >> _DAYS_BITS) & _LARGEST,
        keys & _LARGEST,
        weight.astype(np.int64),
    )


def from_dates(
    repeats: object, days: tuple[object, object], today: object, calendar: OpenDays = ALWAYS
) -> Histories:
    """Histories in open days from `repeats` and the first and last of the `days`.

    Days are numbers since 1970-01-01. Looked at on `today`, or on the last day where that lies
    ahead. Who came back is at least one open day away from the first day, even if the shop was
    closed in between.
    """
    first, last = (np.asarray(day, dtype=np.int64) for day in days)
    looked = np.maximum(np.asarray(today, dtype=np.int64), last)
    x = np.asarray(repeats, dtype=np.int64)
    start = calendar.positions(first)
    until = np.maximum(calendar.positions(last) - start, x > 0)
    return histories(x, until, np.maximum(calendar.positions(looked) - start, until))


def from_days(
    customer: object, day: object, until: int, calendar: OpenDays = ALWAYS
) -> tuple[NDArray[np.int64], Histories]:
    """Customers (sorted) and their histories from a log of (customer code, day number).

    Several orders of a customer on one day count once; what lies after `until` is not looked at.
    """
    who, when = (np.asarray(column, dtype=np.int64) for column in (customer, day))
    seen = when <= until
    who, when = who[seen], when[seen]
    order = np.lexsort((when, who))
    who, when = who[order], when[order]
    if not who.size:
        none = np.zeros(0, np.int64)
        return none, Histories(none, none, none, none)
    new_customer = np.r_[True, who[1:] != who[:-1]]
    new_day = new_customer | np.r_[True, when[1:] != when[:-1]]
    start = np.flatnonzero(new_customer)
    end = np.r_[start[1:], who.size] - 1
    days = np.add.reduceat(new_day.astype(np.int64), start)
    return who[start], from_dates(days - 1, (when[start], when[end]), until, calendar)
