"""The one door: everything heard is first appended to `intake`, and acknowledged after that commit."""

from collections.abc import Mapping
from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb

from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

CHANNEL = "intake"
"""NOTIFY channel that wakes Route."""


def append_intake(
    conn: psycopg.Connection,
    *,
    kind: str,
    source: str,
    body: bytes,
    at: datetime,
    meta: Mapping[str, object] | None = None,
) -> None:
    """Append one row and wake Route when the caller commits."""
    values = {"at": at, "kind": kind, "source": source, "meta": Jsonb(meta or {}), "body": body}
    conn.execute(_SQL.append_intake, values)
    conn.execute(f"notify {CHANNEL}")
