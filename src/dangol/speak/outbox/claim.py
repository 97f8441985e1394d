"""Finding and locking what is due of one send, from where the last search ended."""

from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg

from dangol.store.sql import load_queries

_Q = load_queries(__package__)
START = (datetime(1, 1, 1, tzinfo=UTC), -1, -1)
"""Before every key (due_at, bucket, customer_id)."""


class Cursor:
    """Where one dispatcher goes on looking in each send, past what it has claimed.

    Only a hint that spares stepping over index entries of rows just claimed: when nothing is found
    behind it, the search starts over.
    """

    def __init__(self) -> None:
        self._at: dict[int, tuple[datetime, int, int]] = {}

    def after(self, send_id: int) -> tuple[datetime, int, int]:
        """The last key taken, or the beginning."""
        return self._at.get(send_id, START)

    def move(self, send_id: int, key: tuple[datetime, int, int] | None) -> None:
        """Remember `key`, or forget with None."""
        if key is None:
            self._at.pop(send_id, None)
        else:
            self._at[send_id] = key


class Claim:
    """Finding and locking what is due of one send."""

    def __init__(self, conn: psycopg.Connection, send_id: int, most: int, now: datetime) -> None:
        self._conn = conn
        self._args: dict[str, Any] = {"send_id": send_id, "now": now, "limit": most}

    def start(self, statement: LiteralString, after: tuple[datetime, int, int]) -> psycopg.Cursor:
        """Rows of (due_at, bucket, customer_id, attempts, locale, address, place in the table, place
        of the contact row) behind the key `after`; their answer may be on its way."""
        names = ("after_due", "after_bucket", "after_customer")
        args = self._args | dict(zip(names, after, strict=True))
        return self._conn.execute(statement, args, binary=True)

    def again(self, after: tuple[datetime, int, int]) -> list[tuple]:
        """What is found when nothing was, from the beginning, and then with rows for people who had
        none to lock."""
        found = self.start(_Q.claim_due, START).fetchall() if after != START else []
        if not found and self._conn.execute(_Q.add_missing_contact_states, self._args).rowcount > 0:
            found = self.start(_Q.claim_due, START).fetchall()
        return found
