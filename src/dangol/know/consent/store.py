"""The consent fold of one batch: statements in, ledger, states and suppressions up to date."""

from collections.abc import Iterable
from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb

from dangol.model.consent import ConsentState
from dangol.model.customer import bucket_of
from dangol.model.event import event_key
from dangol.model.message import Channel
from dangol.store.journal import Journal, JournalEntry
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

TOPIC = "topic"
"""The reason of journal entries about one topic, or a pause, of one customer."""


def apply_heard(conn: psycopg.Connection, journal: Journal, now: datetime) -> int:
    """Fold the batch's `Consent Changed` facts; how many were new to the ledger.

    `conn` is in the transaction that staged `heard`. Facts that `withdraw` and its like have
    already written are known by their id and change nothing.
    """
    stage(conn, [])
    args = {"now": now, "channels": list(Channel), "states": list(ConsentState)}
    if conn.execute(SQL.stage_heard, args).rowcount == 0:
        return 0
    conn.execute(SQL.keep_new)
    added = apply_staged(conn, journal)
    if added:
        lift_opt_outs(conn, journal, is_own_word=False)
    return added


def stage(conn: psycopg.Connection, rows: Iterable[dict[str, object]]) -> None:
    """Put `rows`, and nothing else, into `consent_change`."""
    conn.execute(SQL.create_consent_change)
    conn.execute(SQL.clear_staged)
    for row in rows:
        conn.execute(SQL.stage_one, row)


def apply_staged(conn: psycopg.Connection, journal: Journal) -> int:
    """Write what stands in `consent_change` and everything that follows from it."""
    conn.execute(SQL.open_states)
    conn.execute(SQL.lock_states)
    added = conn.execute(SQL.add_to_ledger).rowcount
    if added:
        conn.execute(SQL.fold_states)
        keep_opt_outs(journal, conn.execute(SQL.suppress_addresses).fetchall())
        journal.append(_entry(*row) for row in conn.execute(SQL.list_refusals).fetchall())
    return added


def _entry(
    channel: str, topic: str, who: int, at: datetime, is_lifted: bool, until: datetime | None
) -> JournalEntry:
    return JournalEntry(
        action="lift" if is_lifted else "suppress",
        channel=channel,
        address_hash=b"",
        reason=TOPIC,
        topic=topic,
        customer_id=who,
        at=at,
        until=until,
    )


def replay_topics(conn: psycopg.Connection, entries: Iterable[JournalEntry], now: datetime) -> int:
    """After a restore: write what people refused or paused, by the journal, to the ledger.

    In the caller's transaction. How many the ledger did not have; a second replay adds none.
    """
    rows = [_statement(entry, now) for entry in entries if entry.reason == TOPIC]
    stage(conn, rows)
    conn.execute(SQL.follow_merges)
    conn.execute(SQL.keep_unheard)
    conn.execute(SQL.open_states)
    conn.execute(SQL.lock_states)
    added = conn.execute(SQL.add_to_ledger).rowcount
    if added:
        conn.execute(SQL.fold_states)
    return added


def _statement(entry: JournalEntry, now: datetime) -> dict[str, object]:
    who = entry.customer_id or 0
    is_lifted = entry.action == "lift"
    evidence = {"until_s": int(entry.until.timestamp())} if entry.until else {}
    said = f"journal:{who}:{entry.channel}:{entry.topic}:{entry.at.isoformat()}"
    said += ":lift" if is_lifted else ""
    return {
        "bucket": bucket_of(who),
        "customer_id": who,
        "id": event_key("dangol", said),
        "channel": entry.channel,
        "topic": entry.topic,
        "state": ConsentState.GRANTED if is_lifted else ConsentState.WITHDRAWN,
        "time": entry.at,
        "recorded_at": now,
        "actor": "system",
        "source": "journal",
        "evidence": Jsonb(evidence),
    }


def suppress_changed_addresses(conn: psycopg.Connection, journal: Journal) -> None:
    """Carry refusals over to the addresses that the staged profile folds (`folded`) brought."""
    keep_opt_outs(journal, conn.execute(SQL.suppress_new_addresses).fetchall())


def suppress_merged_addresses(conn: psycopg.Connection, journal: Journal) -> None:
    """Carry refusals over to the addresses of those who merged (`Customers Merged` in `heard`)."""
    keep_opt_outs(journal, conn.execute(SQL.suppress_merged_addresses).fetchall())


def keep_opt_outs(journal: Journal, suppressed: Iterable[tuple[str, bytes, datetime]]) -> None:
    """Journal suppressions (channel, address hash, time) that are about to be committed."""
    journal.append(
        JournalEntry(channel=channel, address_hash=digest, reason="opt_out", at=at)
        for channel, digest, at in suppressed
    )


def lift_opt_outs(conn: psycopg.Connection, journal: Journal, *, is_own_word: bool) -> None:
    """End the blocks on addresses whose owners say yes in `consent_change`.

    Unless each yes is known to be the person's `own word`, it needs `confirmed_at` as evidence:
    the address itself answered.
    """
    args = {"is_own_word": is_own_word}
    lifted = conn.execute(SQL.lift_opt_outs, args).fetchall()
    lifted += conn.execute(SQL.lift_erased, args).fetchall()
    journal.append(
        JournalEntry(action="lift", channel=channel, address_hash=digest, reason=reason, at=at)
        for channel, digest, reason, at in lifted
    )
