"""A plain file of orders (customer_id, date) as histories: no server and no database needed."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from dangol.errors import InputError
from dangol.know.rhythm.history import Histories, from_days

_EPOCH = date(1970, 1, 1).toordinal()
_COLUMNS = ("customer_id", "date")


@dataclass(frozen=True, slots=True, eq=False)
class OrderLog:
    """Who ordered on which day; rows that could not be read are counted, not lost silently."""

    customers: list[str]
    customer: NDArray[np.int64]
    """Index into `customers`, one per order."""
    day: NDArray[np.int64]
    """Days since 1970-01-01, one per order."""
    unreadable: int
    example: str | None
    """The first value that was no date, or the first line that had other columns."""

    def histories(self, until: date) -> tuple[list[str], Histories]:
        """Who had ordered by `until`, and their histories as of that day, row by row."""
        who, rows = from_days(self.customer, self.day, until.toordinal() - _EPOCH)
        return [self.customers[i] for i in who], rows


def read_orders(path: Path) -> OrderLog:
    """The orders in a CSV file with the columns customer_id and date, others being ignored.

    Dates are ISO (1997-09-30, 19970930, or with a time of day, which is cut off).

    Raises:
        InputError: there is no such file, it is no CSV in UTF-8, or a column is missing.
    """
    broken: list[str] = []

    def skip(row: csv.InvalidRow) -> str:
        broken.append(row.text or "")
        return "skip"

    try:
        table = csv.read_csv(
            path,
            parse_options=csv.ParseOptions(invalid_row_handler=skip),
            convert_options=csv.ConvertOptions(
                include_columns=_COLUMNS, column_types=dict.fromkeys(_COLUMNS, pa.string())
            ),
        )
    except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise InputError(
            "{path} cannot be read: {error}. It takes a CSV file in UTF-8 whose first line "
            "names the columns customer_id and date.",
            path=path,
            error=error,
        ) from None
    return _log(table, broken)


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
        unreadable=int((~good).sum()) + len(broken),
        example=next(iter(bad + broken), None),
    )


_UNREADABLE = np.iinfo(np.int64).min


def _day_number(text: str) -> int:
    try:
        return datetime.fromisoformat(text.strip()).date().toordinal() - _EPOCH
    except ValueError:
        return int(_UNREADABLE)
