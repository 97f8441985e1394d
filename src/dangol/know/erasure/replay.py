"""After a restore: what the journal remembers and the old database does not."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import psycopg
import pyarrow as pa

from dangol.know.consent.store import TOPIC, replay_topics
from dangol.know.erasure.service import request_erasure
from dangol.store.bulk import copy_arrow
from dangol.store.journal import JournalEntry
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Replayed(msgspec.Struct, frozen=True):
    """What a replay changed."""

    suppressions: int
    """Blocks added, or brought to a later state, topics that people refused, and pauses."""
    erasures: int
    """People who are to be erased again."""


def replay(conn: psycopg.Connection, entries: Sequence[JournalEntry], now: datetime) -> Replayed:
    """Bring suppressions up to the journal, and erase again whoever came back.

    In the caller's transaction. For each address and reason the latest entry counts, whatever the
    order; a second replay changes nothing.
    """
    conn.execute(SQL.create_journaled)
    copy_arrow(conn, "journaled", _latest(entries))
    changed = conn.execute(SQL.replay_suppressions).rowcount + replay_topics(conn, entries, now)
    erased = sorted({e.customer_id for e in entries if e.reason == "erased" and e.customer_id})
    returned = [row[0] for row in conn.execute(SQL.list_returned, {"ids": erased})]
    for customer_id in returned:
        request_erasure(conn, customer_id, "journal", now)
    return Replayed(changed, len(returned))


def _latest(entries: Sequence[JournalEntry]) -> pa.Table:
    """One row per channel, address and reason: the last said."""
    last: dict[tuple[str, bytes, str], JournalEntry] = {}
    for entry in entries:
        key = (entry.channel, entry.address_hash, entry.reason)
        if (
            entry.reason != TOPIC
            and entry.address_hash
            and (key not in last or last[key].at <= entry.at)
        ):
            last[key] = entry
    kept = list(last.values())
    return pa.table(
        {
            "channel": pa.array([e.channel for e in kept], pa.string()),
            "address_hash": pa.array(["\\x" + e.address_hash.hex() for e in kept], pa.string()),
            "reason": pa.array([e.reason for e in kept], pa.string()),
            "covers": pa.array([e.covers for e in kept], pa.string()),
            "at": pa.array([e.at for e in kept], pa.timestamp("us", "UTC")),
            "lifted": pa.array([e.action == "lift" for e in kept], pa.bool_()),
        }
    )
