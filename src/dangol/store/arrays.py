"""Columns of a batch as PostgreSQL array parameters, encoded as a whole instead of value by value.

psycopg encodes lists element by element in Python, which costs more than the statement; these go out
in the binary array format (PostgreSQL, `array_send`): a header, then length and value of each element.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import pack

import numpy as np
import psycopg
from psycopg import pq
from psycopg.adapt import Buffer, Dumper

_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NULL = pack(">i", -1)


class Column:
    """One encoded array; make it with the functions below."""

    __slots__ = ("payload",)

    def __init__(self, payload: bytes) -> None:
        self.payload = payload


class IntColumn(Column):
    """bigint[]"""


class TextColumn(Column):
    """text[]"""


class FloatColumn(Column):
    """float8[]"""


class OctetColumn(Column):
    """bytea[]"""


class UuidColumn(Column):
    """uuid[]"""


class TimeColumn(Column):
    """timestamptz[]"""


def ints(values: Sequence[int] | np.ndarray) -> IntColumn:
    """Whole numbers without nulls."""
    return IntColumn(_fixed(np.asarray(values, np.int64), 20, ">i8"))


def floats(values: Sequence[float] | np.ndarray) -> FloatColumn:
    """Numbers without nulls."""
    return FloatColumn(_fixed(np.asarray(values, np.float64), 701, ">f8"))


def uuids(values: Sequence[bytes]) -> UuidColumn:
    """Identities of 16 bytes each."""
    return UuidColumn(_fixed(np.frombuffer(b"".join(values), "V16"), 2950, "V16"))


def times(values: Sequence[datetime | None]) -> TimeColumn:
    """Instants; None stays null."""
    if any(value is None for value in values):
        return TimeColumn(_varying([_instant(value) for value in values], 1184))
    known = {value: (value - _POSTGRES_EPOCH) // _MICROSECOND for value in set(values) if value}
    us = [known[value] for value in values if value is not None]
    return TimeColumn(_fixed(np.array(us, np.int64), 1184, ">i8"))


def texts(values: Iterable[str | None]) -> TextColumn:
    """Texts; None stays null."""
    return TextColumn(_varying([None if one is None else one.encode() for one in values], 25))


def octets(values: Iterable[bytes | None]) -> OctetColumn:
    """Byte strings; None stays null."""
    return OctetColumn(_varying(list(values), 17))


def coded(values: Sequence[str | None]) -> tuple[IntColumn, TextColumn]:
    """Few different texts many times: for each its place (from 1) among the different ones."""
    places: dict[str | None, int] = {}
    codes = [places.setdefault(value, len(places) + 1) for value in values]
    return ints(codes), texts(places)


def _fixed(values: np.ndarray, oid: int, kind: str) -> bytes:
    out = np.empty(len(values), np.dtype([("size", ">i4"), ("value", kind)]))
    out["size"] = out.dtype["value"].itemsize
    out["value"] = values
    return _header(len(values), oid, has_null=False) + out.tobytes()


def _varying(values: list[bytes | None], oid: int) -> bytes:
    parts = [_NULL if one is None else pack(">i", len(one)) + one for one in values]
    return _header(len(values), oid, has_null=True) + b"".join(parts)


def _header(size: int, oid: int, *, has_null: bool) -> bytes:
    if size == 0:
        return pack(">iiI", 0, 0, oid)
    return pack(">iiIii", 1, int(has_null), oid, size, 1)


def _instant(value: datetime | None) -> bytes | None:
    return None if value is None else pack(">q", (value - _POSTGRES_EPOCH) // _MICROSECOND)


class _ColumnDumper(Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: Column) -> Buffer:
        return obj.payload


def _register(column: type[Column], array_oid: int) -> None:
    dumper = type(f"_{column.__name__}Dumper", (_ColumnDumper,), {"oid": array_oid})
    psycopg.adapters.register_dumper(column, dumper)


for _column, _oid in (
    (IntColumn, 1016),
    (FloatColumn, 1022),
    (TextColumn, 1009),
    (OctetColumn, 1001),
    (UuidColumn, 2951),
    (TimeColumn, 1185),
):
    _register(_column, _oid)
