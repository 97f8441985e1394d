"""What a history file holds: the columns of every event, and typed columns for its properties.

A JSON path over history costs 80 times a column, so scalar properties that are frequent or in
use get a column each. Its value is defined by one SQL expression on `props`, so a row answers
the same whether its file has the column or not.
"""

from collections.abc import Sequence
from enum import StrEnum
from hashlib import blake2b

import msgspec
import pyarrow as pa

FORMAT_VERSION = 1

_TIME = pa.timestamp("us", "UTC")

EVENT_SCHEMA = pa.schema(
    [
        pa.field("bucket", pa.int32(), nullable=False),
        pa.field("customer_id", pa.int64(), nullable=False),
        pa.field("event_id", pa.uuid(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("time", _TIME, nullable=False),
        pa.field("received_at", _TIME, nullable=False),
        pa.field("recorded_at", _TIME, nullable=False),
        pa.field("utc_offset_min", pa.int16()),
        pa.field("props", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("effect", pa.string(), nullable=False),
        pa.field("cause", pa.string(), nullable=False),
        pa.field("origin", pa.string()),
        pa.field("depth", pa.int16(), nullable=False),
    ]
)
"""Columns of every file and of the view `events`; `props` is JSON text."""

EVENT_COLUMNS = tuple(EVENT_SCHEMA.names)


class PropertyType(StrEnum):
    """The scalar types that get columns; names as in `catalogue_property.type`."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    BOOLEAN = "boolean"


_ARROW = {
    PropertyType.TEXT: pa.string(),
    PropertyType.NUMBER: pa.float64(),
    PropertyType.TIME: _TIME,
    PropertyType.BOOLEAN: pa.bool_(),
}

# `raw` is the property's JSON text, null when it is absent.
_VALUE = {
    PropertyType.TEXT: "case when starts_with({raw}, '\"') then {json} ->> '$' end",
    PropertyType.NUMBER: "case when isfinite(try_cast({raw} as double)) then cast({raw} as double) end",
    PropertyType.TIME: (
        "case when regexp_full_match({raw}, "
        "'\"\\d{{4}}-\\d{{2}}-\\d{{2}}T\\d{{2}}:\\d{{2}}(:\\d{{2}}(\\.\\d{{1,9}})?)?(Z|[+-]\\d{{2}}:\\d{{2}})\"') "
        "then try_cast(trim({raw}, '\"') as timestamptz) end"
    ),
    PropertyType.BOOLEAN: "case {raw} when 'true' then true when 'false' then false end",
}


class TypedColumn(msgspec.Struct, frozen=True, order=True):
    """One property of one type as a column of its own."""

    property: str
    type: PropertyType

    @property
    def name(self) -> str:
        """The column's name: same property and type, same name, in every file.

        Hashed because DuckDB's names ignore case and a property may be called anything.
        """
        digest = blake2b(f"{self.type}\0{self.property}".encode(), digest_size=8).hexdigest()
        return f"p_{self.type}_{digest}"

    @property
    def pointer(self) -> str:
        """The property as a JSON pointer (RFC 6901)."""
        return "/" + self.property.replace("~", "~0").replace("/", "~1")

    def expression(self, json: str) -> str:
        """SQL for its value, given SQL for the property's JSON (null when absent).

        Text is a JSON string, a number a finite JSON number as double, a boolean true or false,
        a time an ISO 8601 string with date, time and offset; anything else is null.
        """
        return _VALUE[self.type].format(json=f"({json})", raw=f"cast({json} as varchar)")


def quote(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def file_schema(typed: Sequence[TypedColumn]) -> pa.Schema:
    """The schema of a file with these typed columns."""
    fields = [pa.field(column.name, _ARROW[column.type]) for column in typed]
    return pa.schema([*EVENT_SCHEMA, *fields])


def select_with_typed(
    source: str, typed: Sequence[TypedColumn], present: Sequence[TypedColumn] = ()
) -> str:
    """SQL that reads events from `source` with every column of `typed`.

    Columns in `present` are read as they are, the others are computed from `props`, parsing it
    once per row.
    """
    base = ", ".join(EVENT_COLUMNS)
    missing = [column for column in typed if column not in present]
    kept = [column.name for column in typed if column in present]
    if not missing:
        return f"select {', '.join([base, *kept])} from {source}"
    paths = ", ".join(quote(column.pointer) for column in missing)
    made = [
        f"{column.expression(f'found[{index}]')} as {column.name}"
        for index, column in enumerate(missing, start=1)
    ]
    names = ", ".join([base, *kept, *made])
    inner = ", ".join([base, *kept, f"json_extract(props, [{paths}]) as found"])
    return f"select {names} from (select {inner} from {source})"
