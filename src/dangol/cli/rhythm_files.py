"""Files of orders, read as `dangol import events` reads them, into an `OrderLog`: no server needed.

So any file that can be imported can be looked at first: CSV in UTF-8 or as Korean Windows writes
it, with commas, semicolons or tabs, days as people write them, headers in either language. Times
that say where they stand (2026-03-01T20:00:00+09:00) fall on their day in UTC.
"""

import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dangol.errors import InputError
from dangol.know.rhythm.orderlog import LeftOut, OrderLog, order_log
from dangol.listen.importing.fields import Field, settle
from dangol.listen.importing.shaping import FACTS, Setting, Shaper
from dangol.listen.importing.source import Row, Unreadable, open_source, read_rows
from dangol.settings import Settings
from dangol.store.lake import open_duckdb

_ANY_EVENT = "Order"
"""What rows without a name of their own are taken for; never shown."""
_NO_CURRENCY = "XXX"
_PART = 100_000
_DAY = 86_400_000_000
_ORDERS = """
select coalesce(user_id, email) as customer, name, time, key,
       try_cast(props->>'$.revenue' as double) as amount, props->>'$.currency' as currency
from facts order by line
"""


class _Refused:
    """What could not be used: how much, and the first of it."""

    def __init__(self) -> None:
        self.count = 0
        self.first: LeftOut | None = None

    def add(self, value: str, why: str) -> None:
        self.count += 1
        self.first = self.first or LeftOut(value, why)


def read_orders(
    paths: Sequence[Path], now: dt.datetime, mapping: Mapping[str, str] | None = None
) -> OrderLog:
    """The orders in all files as one log; a row that several files hold counts once.

    `mapping` is {column: field} where guesses would be wrong; `event:Lesson` as the field of the
    column of names counts only rows with that name. What lies after `now` is left out.

    Raises:
        InputError: a file cannot be read, or does not say who ordered when.
    """
    refused = _Refused()
    fields, event = _split(mapping or {})
    parts = [_read(path, fields, now, refused) for path in paths]
    table = pa.concat_tables(
        [_of_event(part, event, path) for part, path in zip(parts, paths, strict=True)]
    )
    if len(paths) > 1:
        _, firsts = np.unique(table["key"].to_pylist(), return_index=True)
        table = table.take(pa.array(np.sort(firsts)))
    day = table["time"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() // _DAY
    return order_log(table["customer"], day, _amounts(table), (refused.count, refused.first))


def _split(mapping: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Fields without the name of the event that counts, and that name."""
    parts = {column: field.partition(":") for column, field in mapping.items()}
    named = {column: name for column, (field, _, name) in parts.items() if field == Field.EVENT}
    return {**mapping, **dict.fromkeys(named, str(Field.EVENT))}, "".join(named.values())


def _read(path: Path, fields: dict[str, str], now: dt.datetime, refused: _Refused) -> pa.Table:
    """The rows of one file: customer, name, time, key, amount, currency."""
    source = open_source(path)
    try:
        options = settle(source.columns, "events", fields, {"event_name": _ANY_EVENT})
    except InputError as error:
        have = ", ".join(source.columns[:20])
        raise InputError(
            "{file} has the columns {have}. {problem}", file=path.name, have=have, problem=error
        ) from None
    setting = Setting("UTC", options.currency or _NO_CURRENCY, "file", now)
    with tempfile.TemporaryDirectory() as folder, open_duckdb(Settings(data=Path(folder))) as duck:
        shaper = Shaper(duck, options, setting)
        shaper.load(_readable(read_rows(source), refused), source.columns)
        shaper.shape()
        for one in shaper.refusals():
            refused.add(one.value, one.detail)
        duck.register("facts", pa.Table.from_batches(shaper.facts(_PART), FACTS))
        return duck.sql(_ORDERS).to_arrow_table()


def _of_event(orders: pa.Table, event: str, path: Path) -> pa.Table:
    """The rows of `event`; all of them where there is one event only and nothing is said.

    Raises:
        InputError: it is not said which of several counts.
    """
    if event:
        return orders.filter(pc.equal(orders["name"], event))
    names = pc.unique(orders["name"]).to_pylist()
    if len(names) > 1:
        raise InputError(
            "{file} holds several events: {names}. Say which one counts, such as "
            "`--map event=event:{first}`.",
            file=path.name,
            names=", ".join(sorted(names)[:20]),
            first=names[0],
        )
    return orders


def _readable(rows: Iterator[Row | Unreadable], refused: _Refused) -> Iterator[Row]:
    for row in rows:
        if isinstance(row, Unreadable):
            refused.add(row.text, row.why)
        else:
            yield row


def _amounts(table: pa.Table) -> np.ndarray | None:
    """Of the most frequent currency; NaN for the others, which cannot be added; None without any."""
    known = table.filter(pc.is_valid(table["amount"]))
    if not known.num_rows:
        return None
    counts = pc.value_counts(known["currency"]).to_pylist()
    usual = max(counts, key=lambda one: one["counts"])["values"]
    is_usual = pc.fill_null(pc.equal(table["currency"], usual), False)
    amount = pc.if_else(is_usual, table["amount"], None)
    return pc.fill_null(amount, np.nan).to_numpy()
