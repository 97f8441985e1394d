"""The consent fold of one batch: statements in, ledger, states and suppressions up to date."""

from collections.abc import Iterable
from datetime import datetime

import psycopg

from dangol.model.consent import ConsentState
from dangol.model.message import Channel
from dangol.store.journal import Journal, JournalEntry
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


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
    return added


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
