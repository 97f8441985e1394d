"""Lists: one page of rows with its total, the way on and back, and the whole as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from dangol.model.cell import as_cell
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


class KeysetPage(msgspec.Struct, frozen=True):
    """A page of a list that goes on after its last row instead of counting rows."""

    rows: list[Any]
    total: int
    path: str
    after: str
    """Where the page after this one begins; empty at the end."""
    query: dict[str, str] = {}
    is_first: bool = True
    first: int = 0
    """Unknown: pages are not numbered."""

    @property
    def previous_url(self) -> str:
        """Back to the beginning."""
        return "" if self.is_first else list_url(self.path, self.query)

    @property
    def next_url(self) -> str:
        """The page after, or empty."""
        return list_url(self.path, self.query | {"from": self.after}) if self.after else ""

    @property
    def csv_url(self) -> str:
        """The whole list as a file."""
        return list_url(f"{self.path}.csv", self.query)


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
    writer.writerows([as_cell(value) for value in row] for row in rows)
    return Download(("\ufeff" + out.getvalue()).encode("utf-8", "replace"), name)
