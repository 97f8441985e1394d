"""Lists: one page of rows with its total, the way on and back, and the whole as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from dangol.web.answer import Download
from dangol.web.visit import Visit

PAGE = 50
CSV_ROWS = 1_000_000


class Figure(msgspec.Struct, frozen=True):
    """A number and the list whose length it equals."""

    count: int
    url: str


class ListPage(msgspec.Struct, frozen=True):
    """A page of a list, ready for `ui.pager`."""

    rows: list[Any]
    total: int
    offset: int
    path: str
    query: dict[str, str]
    size: int = PAGE

    @property
    def first(self) -> int:
        """The number of the first row shown."""
        return self.offset + 1

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.offset + len(self.rows)

    @property
    def previous_url(self) -> str:
        """The page before, or empty."""
        return self._url(max(self.offset - self.size, 0)) if self.offset else ""

    @property
    def next_url(self) -> str:
        """The page after, or empty."""
        return self._url(self.offset + self.size) if self.last < self.total else ""

    @property
    def csv_url(self) -> str:
        """The whole list as a file."""
        return list_url(f"{self.path}.csv", self.query)

    def _url(self, offset: int) -> str:
        return list_url(self.path, self.query | ({"from": str(offset)} if offset else {}))


def list_url(path: str, query: dict[str, str]) -> str:
    """`path` with what is set in `query`."""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def offset_of(visit: Visit) -> int:
    """Where the asked page begins."""
    text = visit.query("from")
    return min(int(text), 10**7) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def paged(visit: Visit, rows: Sequence[Any], path: str, query: dict[str, str]) -> ListPage:
    """One page of rows that are all at hand, for lists that stay short."""
    offset = offset_of(visit)
    return ListPage(list(rows[offset : offset + PAGE]), len(rows), offset, path, query)


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Download:
    """A CSV file that spreadsheets open as UTF-8 and never take for formulas."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return Download(("\ufeff" + out.getvalue()).encode("utf-8", "replace"), name)


def _cell(value: Any) -> str:
    """A value as text; what a spreadsheet would compute gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
