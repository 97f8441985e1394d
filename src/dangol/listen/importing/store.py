"""What is kept of an import: how far it is, what it refused, and the parts that wait for Route.

Light: the web process lists imports and downloads refusals with it.
"""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from dangol.model.cell import as_cell
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class ImportRun(msgspec.Struct, frozen=True, kw_only=True):
    """One import as people see it."""

    id: UUID
    kind: str
    file_name: str
    options: dict[str, Any]
    state: str
    """`reading`, `applying`, `done` or `failed`."""
    rows_read: int
    rows_rejected: int
    rows_new: int
    """Events that came of it; a consent that a row states counts as one more."""
    rows_known: int
    created_at: datetime
    created_by: str
    finished_at: datetime | None
    error: str | None


def source_of(run_id: UUID) -> str:
    """What the events and the rejects of an import carry as their source."""
    return f"import:{run_id}"


def list_runs(conn: psycopg.Connection, limit: int = 50) -> list[ImportRun]:
    """Imports, latest first."""
    names = [field.name for field in msgspec.structs.fields(ImportRun)]
    rows = conn.execute(SQL.list_runs, {"limit": limit})
    return [ImportRun(**dict(zip(names, row, strict=True))) for row in rows]


def write_refusals(conn: psycopg.Connection, run_id: UUID) -> Iterator[str]:
    """The reject file of an import as CSV text, piece by piece: line, value, reason, detail."""
    yield _csv_line(("line", "value", "reason", "detail"))
    for row in conn.execute(SQL.list_refusals, {"source": source_of(run_id)}):
        yield _csv_line(row)


def _csv_line(values: tuple) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(map(as_cell, values))
    return buffer.getvalue()
