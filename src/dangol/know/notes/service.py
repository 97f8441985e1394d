"""Notes: written, found, changed and removed. The caller owns the transaction.

A note stays among the team unless somebody says that letters may use it: then its text is also
the customer's trait `note`, which chips and conditions can name like any other.
"""

from datetime import datetime
from uuid import UUID, uuid4

import msgspec
import psycopg

from dangol.errors import InputError, NotFound
from dangol.know.profile.service import get_profile, set_trait
from dangol.model.customer import customer_key, merge_key
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

LONGEST = 2_000
TRAIT = "note"
"""The trait that carries the note which letters may use."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a member wrote down about a customer."""

    id: UUID
    text: str
    for_letters: bool
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str


def list_notes(conn: psycopg.Connection, customer_id: int) -> list[Note]:
    """Everything written about a customer, the latest first."""
    cursor = conn.cursor(row_factory=psycopg.rows.dict_row)
    return [Note(**row) for row in cursor.execute(SQL.list_notes, customer_key(customer_id))]


def write_note(
    conn: psycopg.Connection,
    customer_id: int,
    text: str,
    *,
    by: str,
    now: datetime,
    note_id: UUID | None = None,
) -> UUID:
    """Keep a note about a customer; about the winner, where the customer was merged.

    A note whose `note_id` is known already stays as it was.

    Raises:
        NotFound: there is no such customer, or it was forgotten.
        InputError: the note is empty or too long.
    """
    profile = get_profile(conn, customer_id)
    if profile.erased_at is not None:
        raise NotFound()
    note_id = note_id or uuid4()
    values = {"id": note_id, "text": _checked(text), "by": by, "now": now}
    conn.execute(SQL.add_note, customer_key(profile.customer_id) | values)
    return note_id


def change_note(
    conn: psycopg.Connection,
    customer_id: int,
    note_id: UUID,
    text: str,
    *,
    for_letters: bool,
    by: str,
    now: datetime,
) -> None:
    """Other words, or another use; what letters may use changes along.

    Raises:
        NotFound: the note was removed in the meantime.
        InputError: the note is empty or too long.
    """
    before = _find(conn, customer_id, note_id)
    values = {"id": note_id, "text": _checked(text), "for_letters": for_letters}
    conn.execute(SQL.change_note, customer_key(customer_id) | values | {"by": by, "now": now})
    if for_letters:
        set_trait(conn, customer_id, TRAIT, _checked(text), by=by, now=now)
    elif before.for_letters:
        set_trait(conn, customer_id, TRAIT, None, by=by, now=now)


def remove_note(
    conn: psycopg.Connection, customer_id: int, note_id: UUID, *, by: str, now: datetime
) -> None:
    """Take a note away, also from what letters may use.

    Raises:
        NotFound: it was removed already.
    """
    before = _find(conn, customer_id, note_id)
    conn.execute(SQL.remove_note, customer_key(customer_id) | {"id": note_id})
    if before.for_letters:
        set_trait(conn, customer_id, TRAIT, None, by=by, now=now)


def move_notes(conn: psycopg.Connection, loser_id: int, winner_id: int) -> None:
    """Notes about a merged customer are about the winner."""
    conn.execute(SQL.move_notes, merge_key(loser_id, winner_id))


def _find(conn: psycopg.Connection, customer_id: int, note_id: UUID) -> Note:
    for note in list_notes(conn, customer_id):
        if note.id == note_id:
            return note
    raise NotFound("This note was removed in the meantime.")


def _checked(text: str) -> str:
    cleaned = text.replace("\r\n", "\n").strip()
    if not 0 < len(cleaned) <= LONGEST or "\0" in cleaned:
        raise InputError("A note has 1 to {most} characters.", most=LONGEST)
    return cleaned
