"""Refused items are kept with the reason, so that every rejection explains itself to the sender."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import psycopg
import pyarrow as pa

from dangol.listen.heard import Rejected
from dangol.store.bulk import copy_arrow

LONGEST_ITEM = 4096
"""Bytes of a refused item that are kept to show what it was."""


def save_rejects(conn: psycopg.Connection, rejects: Sequence[Rejected], now: datetime) -> None:
    """Append `rejects`; their text is cut and cleaned of what PostgreSQL cannot hold."""
    columns = {
        "id": pa.array([uuid4().hex for _ in rejects], pa.string()),
        "at": pa.array([now] * len(rejects), pa.timestamp("us", "UTC")),
        "source": pa.array([reject.source for reject in rejects], pa.string()),
        "reason": pa.array([reject.reason.value for reject in rejects], pa.string()),
        "detail": pa.array([clean(reject.detail) for reject in rejects], pa.string()),
        "line": pa.array([reject.line for reject in rejects], pa.int64()),
        "item": pa.array([clean(reject.item[:LONGEST_ITEM]) for reject in rejects], pa.string()),
    }
    copy_arrow(conn, "reject", pa.table(columns))


def clean(value: str | bytes) -> str:
    """`value` as text that a database can hold: what is not valid Unicode becomes `\ufffd`."""
    if isinstance(value, str):
        value = value.encode("utf-8", "replace")
    return value.decode("utf-8", "replace").replace("\0", "\ufffd")
