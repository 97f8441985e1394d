"""Rows of text out of a file: CSV of any common encoding and delimiter, JSON lines, Parquet.

Standard library only for CSV and JSON lines, so that the web process can preview a file; one pass,
bounded memory. A row that cannot be read is yielded as `Unreadable` and the rest goes on.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dangol.errors import InputError

_SAMPLE_BYTES = 256 * 1024
_DELIMITERS = ",\t;|"
_LARGEST_CELL = 1024 * 1024
_MOST_COLUMNS = 2_000


class Row(NamedTuple):
    """One row: where it stands in the file, and a text or None per column."""

    line: int
    values: list[str | None]


class Unreadable(NamedTuple):
    """A row that does not fit the file's own form."""

    line: int
    text: str
    why: str


class Source(NamedTuple):
    """A file whose form is known."""

    path: Path
    form: str
    """`csv`, `jsonl` or `parquet`."""
    columns: tuple[str, ...]
    encoding: str = "utf-8"
    delimiter: str = ","


def open_source(path: Path) -> Source:
    """Find out the form of the file at `path`: kind, encoding, delimiter, columns.

    Raises:
        InputError: it cannot be read, is empty, or has no usable header.
    """
    try:
        with path.open("rb") as file:
            sample = file.read(_SAMPLE_BYTES)
    except OSError as error:
        raise InputError(
            "{file} cannot be read: {error}.", file=path.name, error=error.strerror
        ) from None
    if not sample.strip(b"\xef\xbb\xbf \t\r\n"):
        raise InputError("{file} is empty.", file=path.name)
    if sample.startswith(b"PAR1"):
        return Source(path, "parquet", _parquet_columns(path))
    if sample.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError(
            "{file} is a spreadsheet; save it as CSV (UTF-8) and import that.", file=path.name
        )
    encoding = _encoding(path, sample)
    if sample.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return Source(path, "jsonl", _json_columns(path, encoding), encoding)
    return _csv_source(path, encoding, sample)


def read_rows(source: Source) -> Iterator[Row | Unreadable]:
    """Every row of the file in order; lines count from 1 and include the header."""
    if source.form == "parquet":
        return _parquet_rows(source)
    if source.form == "jsonl":
        return _json_rows(source)
    return _csv_rows(source)


# -- CSV -------------------------------------------------------------------------------------


def _csv_source(path: Path, encoding: str, sample: bytes) -> Source:
    text = sample.decode(encoding, errors="replace").lstrip("\ufeff")
    first = text.splitlines()[0] if text.splitlines() else ""
    delimiter = max(_DELIMITERS, key=first.count)
    header = next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), [])
    return Source(path, "csv", _named(path, header), encoding, delimiter)


def _csv_rows(source: Source) -> Iterator[Row | Unreadable]:
    csv.field_size_limit(_LARGEST_CELL)
    width = len(source.columns)
    with source.path.open(encoding=source.encoding, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=source.delimiter)
        next(reader, None)
        line = reader.line_num + 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Unreadable(line, "", f"It is no CSV ({error}); is a quote left open?")
                cells = []
            if cells is None:
                return
            if not any(cells):
                pass  # an empty line says nothing, and nothing wrong
            elif len(cells) == width:
                yield Row(line, [cell or None for cell in cells])
            else:
                why = f"It has {len(cells)} columns, the header has {width}."
                yield Unreadable(line, source.delimiter.join(cells)[:4096], why)
            line = reader.line_num + 1


def _encoding(path: Path, sample: bytes) -> str:
    """UTF-8 if all of the file is; else Korean Windows if all of it is; else UTF-8 with losses."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding in ("utf-8-sig", "cp949"):
        try:
            with path.open(encoding=encoding, newline="") as file:
                while file.read(1 << 20):
                    pass
            return encoding
        except UnicodeDecodeError:
            continue
    return "utf-8-sig"


def _named(path: Path, header: list[str]) -> tuple[str, ...]:
    """The header as names, each once.

    Raises:
        InputError: there is none, or two columns have one name.
    """
    names = [name.strip() or f"column {place}" for place, name in enumerate(header, 1)]
    if not any(name.strip() for name in header):
        raise InputError("{file} has no header line with the names of its columns.", file=path.name)
    if len(names) > _MOST_COLUMNS:
        raise InputError(
            "{file} has {columns} columns; at most {most} work.",
            file=path.name,
            columns=len(names),
            most=_MOST_COLUMNS,
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            "{file} has two columns named {column!r}; rename one of them.",
            file=path.name,
            column=twice[0],
        )
    return tuple(names)


# -- JSON lines ------------------------------------------------------------------------------


def _json_columns(path: Path, encoding: str) -> tuple[str, ...]:
    """Every name that any line uses, in order of first use."""
    names: dict[str, None] = {}
    with path.open(encoding=encoding, errors="replace") as file:
        for line in file:
            item = _json_object(line)
            if item is not None:
                names.update(dict.fromkeys(item))
    if not names:
        raise InputError("{file} has no line that is a JSON object.", file=path.name)
    return _named(path, list(names))


def _json_rows(source: Source) -> Iterator[Row | Unreadable]:
    with source.path.open(encoding=source.encoding, errors="replace") as file:
        for number, line in enumerate(file, 1):
            item = _json_object(line)
            if item is not None:
                yield Row(number, [_as_text(item.get(name)) for name in source.columns])
            elif line.strip():
                yield Unreadable(number, line[:4096], "It is no JSON object.")


def _json_object(line: str) -> dict[str, object] | None:
    """The line's fields; `properties` and `traits` count as if they stood beside the others."""
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(item, dict):
        return None
    for inner in ("properties", "traits"):
        if isinstance(nested := item.get(inner), dict):
            item = nested | {name: value for name, value in item.items() if name != inner}
    return {name.strip(): value for name, value in item.items() if name.strip()}


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=False)


# -- Parquet ---------------------------------------------------------------------------------


def _parquet_columns(path: Path) -> tuple[str, ...]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return _named(path, parquet.read_schema(path).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            "{file} is a damaged Parquet file: {error}.", file=path.name, error=error
        ) from None


def _parquet_rows(source: Source) -> Iterator[Row | Unreadable]:
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    try:
        for batch in parquet.ParquetFile(source.path).iter_batches(20_000):
            columns = [_text_column(column) for column in batch.columns]
            for values in zip(*columns, strict=True):
                number += 1
                yield Row(number, list(values))
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            "{file} is damaged after row {number}: {error}.",
            file=source.path.name,
            number=number,
            error=error,
        ) from None


def _text_column(column: object) -> list[str | None]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz))
        return [None if value is None else value.isoformat() for value in column.to_pylist()]
    if pa.types.is_nested(kind):
        return [None if one is None else json.dumps(one, default=str) for one in column.to_pylist()]
    return [value or None for value in column.cast(pa.string()).to_pylist()]
