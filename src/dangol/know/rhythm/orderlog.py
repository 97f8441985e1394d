"""Who ordered on which day, perhaps for how much: what models are learned from without a database."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dangol.know.rhythm.calendar import ALWAYS, EPOCH, OpenDays, number_of
from dangol.know.rhythm.history import Histories, from_days


class LeftOut(NamedTuple):
    """A row that could not be used."""

    value: str
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class OrderLog:
    """Orders; rows that could not be used are counted, not lost silently."""

    customers: list[str]
    customer: NDArray[np.int64]
    """Index into `customers`, one per order."""
    day: NDArray[np.int64]
    """Days since 1970-01-01, one per order."""
    amount: NDArray[np.float64] | None
    """One per order, NaN where it is not known; None where no amount is."""
    left_out: int = 0
    example: LeftOut | None = None
    """The first of those left out."""

    @property
    def first(self) -> date:
        """The day of the first order of all."""
        return date.fromordinal(int(self.day.min()) + EPOCH)

    @property
    def last(self) -> date:
        """The day of the last order of all."""
        return date.fromordinal(int(self.day.max()) + EPOCH)

    def histories(self, until: date, calendar: OpenDays = ALWAYS) -> tuple[list[str], Histories]:
        """Who had ordered by `until`, and their histories as of that day, row by row."""
        who, rows = from_days(self.customer, self.day, number_of(until), calendar)
        return [self.customers[i] for i in who], rows

    def spent(self, until: date) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Order days after the first with every amount known, and their sum; rows as `histories`.

        Raises:
            ValueError: there are no amounts.
        """
        if self.amount is None:
            raise ValueError("there is no column of amounts")
        kept = self.day <= number_of(until)
        pairs = np.stack([self.customer[kept], self.day[kept]], axis=1)
        days, of = np.unique(pairs, axis=0, return_inverse=True)
        total = np.bincount(of.ravel(), self.amount[kept], len(days))
        later = np.r_[False, days[1:, 0] == days[:-1, 0]] & ~np.isnan(total)
        _, row = np.unique(days[:, 0], return_inverse=True)
        rows = int(row.max(initial=-1)) + 1
        return np.bincount(row[later], minlength=rows), np.bincount(row[later], total[later], rows)


def order_log(
    customer: pa.ChunkedArray,
    day: NDArray[np.int64],
    amount: NDArray[np.float64] | None,
    left_out: tuple[int, LeftOut | None] = (0, None),
) -> OrderLog:
    """A log of columns of one length: names of customers, days since 1970-01-01, amounts."""
    coded = customer.combine_chunks().dictionary_encode()
    who = coded.indices.to_numpy().astype(np.int64)
    return OrderLog(coded.dictionary.to_pylist(), who, day, amount, *left_out)
