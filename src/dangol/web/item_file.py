"""A file of items, as it is uploaded at the desk or by the API: CSV or JSON lines."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from dangol.errors import InputError
from dangol.know.interest.items import MOST_AT_ONCE, Given
from dangol.listen.importing.source import Row, Unreadable, open_source, read_rows
from dangol.model.cell import from_cell

KINDS = ("product", "article")


def read_items(path: Path) -> list[Given]:
    """The items of a file, as they stand there.

    Raises:
        InputError: a column is missing, or a line cannot be read.
    """
    source = open_source(path)
    if source.form == "parquet" or not {"id", "title"} <= set(source.columns):
        raise InputError(
            "Items come as CSV or JSON lines with the columns id and title; kind, url and tags "
            "may be there too."
        )
    rows = islice(read_rows(source), MOST_AT_ONCE + 1)
    return [_from_row(source.columns, row) for row in rows]


def split_tags(text: str) -> tuple[str, ...]:
    """Tags as people write them: between commas or semicolons."""
    return tuple(tag.strip() for tag in text.replace(";", ",").split(",") if tag.strip())


def _from_row(columns: Sequence[str], row: Row | Unreadable) -> Given:
    if isinstance(row, Unreadable):
        raise InputError("Line {line} cannot be read: {why}", line=row.line, why=row.why)
    cells = zip(columns, row.values, strict=True)
    said = {name: from_cell((text or "").strip()) for name, text in cells}
    return Given(
        id=said["id"],
        title=said["title"],
        kind=said.get("kind") or KINDS[0],
        url=said.get("url") or None,
        tags=split_tags(said.get("tags", "")),
    )
