"""Plain files of orders (customer_id, date, perhaps amount): no server and no database needed."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from dangol.errors import InputError
from dangol.know.rhythm.calendar import ALWAYS, EPOCH, OpenDays, number_of
from dangol.know.rhythm.history import Histories, from_days

_NEEDED = ("customer_id", "date")
_AMOUNT = "amount"


@dataclass(frozen=True, slots=True, eq=False)
class OrderLog:
    """Who ordered on which day; rows that could not be read are counted, not lost silently."""

    customers: list[str]
    customer: NDArray[np.int64]
    """Index into `customers`, one per order."""
    day: NDArray[np.int64]
    """Days since 1970-01-01, one per order."""
    amount: NDArray[np.float64] | None
    """One per order, NaN where it is no number; None where no file has the column."""
    unreadable: int
    example: str | None
    """The first value that was no date, or the first line that had other columns."""

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


def read_orders(*paths: Path) -> OrderLog:
    """The orders in CSV files with the columns customer_id, date and perhaps amount.

    Dates are ISO (1997-09-30, 19970930, or with a time of day, which is cut off). Other columns
    are ignored; several files are read as one.

    Raises:
        InputError: there is no such file, it is no CSV in UTF-8, or a column is missing.
    """
    broken: list[str] = []
    tables = [_read(path, broken) for path in paths]
    table = pa.concat_tables(tables, promote_options="default")
    return _log(table, broken)


def _read(path: Path, broken: list[str]) -> pa.Table:
    def skip(row: csv.InvalidRow) -> str:
        broken.append(row.text or "")
        return "skip"

    columns = (*_NEEDED, _AMOUNT)
    try:
        table = csv.read_csv(
            path,
            parse_options=csv.ParseOptions(invalid_row_handler=skip),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string())),
        )
        return table.select([*_NEEDED, *({_AMOUNT} & set(table.column_names))])
    except (OSError, pa.ArrowInvalid, pa.ArrowKeyError, KeyError) as error:
        raise InputError(
            "{path} cannot be read: {error}. It takes a CSV file in UTF-8 whose first line "
            "names the columns customer_id and date.",
            path=path,
            error=error,
        ) from None


def _log(table: pa.Table, broken: list[str]) -> OrderLog:
    customer = table["customer_id"].combine_chunks().dictionary_encode()
    dates = table["date"].combine_chunks().dictionary_encode()
    texts = dates.dictionary.to_pylist()
    known = np.array([_day_number(text) for text in texts] + [_UNREADABLE], dtype=np.int64)
    day = known[dates.indices.fill_null(len(texts)).to_numpy()]
    who = customer.indices.fill_null(-1).to_numpy().astype(np.int64)
    good = (day != _UNREADABLE) & (who >= 0)
    bad = [text for text, number in zip(texts, known, strict=False) if number == _UNREADABLE]
    return OrderLog(
        customers=customer.dictionary.to_pylist(),
        customer=who[good],
        day=day[good],
        amount=_amounts(table)[good] if _AMOUNT in table.column_names else None,
        unreadable=int((~good).sum()) + len(broken),
        example=next(iter(bad + broken), None),
    )


_UNREADABLE = np.iinfo(np.int64).min
_NUMBER = r"^\s*-?[0-9]{1,15}(\.[0-9]{1,12})?\s*$"


def _amounts(table: pa.Table) -> NDArray[np.float64]:
    text = table[_AMOUNT].combine_chunks()
    is_number = pc.fill_null(pc.match_substring_regex(text, _NUMBER), False)
    numbers = pc.utf8_trim_whitespace(pc.if_else(is_number, text, "nan")).cast(pa.float64())
    return numbers.to_numpy(zero_copy_only=False)


def _day_number(text: str) -> int:
    try:
        return datetime.fromisoformat(text.strip()).date().toordinal() - EPOCH
    except ValueError:
        return int(_UNREADABLE)
