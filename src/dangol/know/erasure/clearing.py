"""One person out of the database, in one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg

from dangol.know.erasure.certificate import Cleared
from dangol.know.identity.resolve import IDENTITY_LOCK
from dangol.model.address import normalise_email
from dangol.store.journal import Journal, JournalEntry
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

REWRITE_WITHIN = timedelta(days=7)
"""By then no file holds the person's rows."""

CLEARED = (
    "inbox",
    "event_recent",
    "bounce",
    "thread_attachment",
    "thread_message",
    "thread",
    "header_ref",
    "message",
    "message_past",
    "send_address",
    "contact_point",
    "contact_state",
    "consent",
    "relationship_day",
    "stage",
    "segment_change",
    "segment_work",
    "note",
    "interest",
    "referral",
    "merge_task",
    "identity",
    "customer",
    "reject",
    "mailbox_message",
    "stray_mail",
    "catalogue_property",
)
"""Every table with something of a person in it, each with a clear_* statement."""


class Name(NamedTuple):
    """Something that names a person directly."""

    value: str
    is_email: bool


class Wiped(NamedTuple):
    """What one clearing removed, and the names to search for afterwards."""

    ids: tuple[int, ...]
    """The customers that were this person; the survivor of merges first."""
    cleared: tuple[Cleared, ...]
    names: tuple[str, ...]


def wipe(
    conn: psycopg.Connection,
    customer_id: int,
    known: Sequence[Name],
    ground: tuple[Keyring, Journal],
    now: datetime,
) -> Wiped:
    """Clear a customer and all who merged into it, in the caller's transaction.

    `known` are names that only files hold. The tombstone is in the journal before this returns,
    so an erasure that commits is never forgotten.
    """
    ids = _lock(conn, customer_id)
    found = [Name(*row) for row in conn.execute(SQL.list_identifiers)]
    names = _searchable([*found, *known])
    keyring, journal = ground
    told = {keyring.address_hash("email", name) for name in _addresses([*found, *known])}
    hashes = sorted(told | {digest for (digest,) in conn.execute(SQL.list_hashes)})
    journal.append(_tombstones(ids, hashes, now))
    conn.execute(SQL.suppress_addresses, {"hashes": hashes, "now": now})
    conn.execute(SQL.forget_details, {"hashes": hashes})
    conn.execute(SQL.create_values)
    conn.execute(SQL.fill_values, {"values": list(names)})
    conn.execute(SQL.mask_person, {"now": now, "due": now + REWRITE_WITHIN})
    cleared = [
        Cleared(table, conn.execute(getattr(SQL, f"clear_{table}"), {"now": now}).rowcount)
        for table in CLEARED
    ]
    conn.execute(SQL.leave_segments, {"now": now})
    return Wiped(tuple(ids), tuple(item for item in cleared if item.rows), names)


def list_ids(conn: psycopg.Connection, customer_id: int) -> list[int]:
    """This customer and all who merged into it."""
    same = conn.execute(SQL.list_same, {"customer_id": customer_id}).fetchall()
    return [customer_id, *(row[0] for row in same)]


def _lock(conn: psycopg.Connection, customer_id: int) -> list[int]:
    """In the order in which Route, Live and the hand-off lock: who is who, turns, people."""
    conn.execute(SQL.lock_identities, {"number": IDENTITY_LOCK})
    ids = list_ids(conn, customer_id)
    conn.execute(SQL.create_person)
    conn.execute(SQL.fill_person, {"ids": ids})
    conn.execute(SQL.lock_leases)
    conn.execute(SQL.lock_person)
    conn.execute(SQL.lock_person_contacts)
    return ids


def _addresses(names: Sequence[Name]) -> set[str]:
    normalised = (normalise_email(name.value) for name in names if name.is_email)
    return {address for address in normalised if address}


def _searchable(names: Sequence[Name]) -> tuple[str, ...]:
    """Names that mean this person wherever they stand; "42" would mean everybody."""
    values = {name.value for name in names} | _addresses(names)
    return tuple(sorted(value for value in values if len(value) >= 6))


def _tombstones(ids: Sequence[int], hashes: Sequence[bytes], now: datetime) -> list[JournalEntry]:
    return [
        JournalEntry(address_hash=digest, customer_id=customer, reason="erased", at=now)
        for customer in ids
        for digest in hashes or [b""]
    ]
