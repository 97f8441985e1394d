"""Whose mail is it, and which conversation does it go on with? Questions to the database.

In the order of trust: the token in an address, the Message-IDs that it names, and last the
sender's address, which anybody can write into a mail and is flagged as a guess.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from dangol.converse.mail import Mail
from dangol.converse.match import (
    UNSUBSCRIBE,
    bare_subject,
    named_ids,
    own_message,
    token_origin,
)
from dangol.model.address import normalise_email
from dangol.model.customer import bucket_of
from dangol.model.event import event_key
from dangol.model.message import Channel
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

_GUESS_WINDOW = timedelta(days=14)


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """Whose mail it is, and by what it was recognised."""

    customer_id: int
    send_id: int | None = None
    thread_id: UUID | None = None
    is_guess: bool = False
    wants_out: bool = False
    """It came to the unsubscribe address of our letter."""


def find_match(
    conn: psycopg.Connection, keyring: Keyring, mail: Mail, now: datetime
) -> Match | None:
    """The customer whose mail this is, after merges; None for mail that is nobody's."""
    found = token_origin(mail, keyring)
    if found is None:
        return _match_by_ids(conn, keyring, mail) or _guess(conn, keyring, mail, now)
    letter, origin = found
    match = Match(
        customer_id=origin.customer_id,
        send_id=origin.send_id,
        wants_out=letter == UNSUBSCRIBE,
    )
    return _resolved(conn, match)


def thread_of(
    conn: psycopg.Connection, mail: Mail, match: Match, message_id: UUID, at: datetime
) -> UUID:
    """The thread that the mail goes on with, or a new one."""
    key = key_of(match.customer_id)
    ids = list(named_ids(mail))
    if match.thread_id is None and ids:
        row = conn.execute(_SQL.find_header, {"ids": ids}).fetchone()
        if row and row[0] == match.customer_id and row[1]:
            match = msgspec.structs.replace(match, thread_id=row[1])
    if (
        match.thread_id
        and conn.execute(_SQL.thread_exists, key | {"id": match.thread_id}).fetchone()
    ):
        return match.thread_id
    if match.send_id is not None:
        row = conn.execute(_SQL.find_thread_of_send, key | {"send_id": match.send_id}).fetchone()
        if row:
            return row[0]
    thread_id = event_key("thread", str(message_id))
    new = {"id": thread_id, "subject": mail.subject, "send_id": match.send_id, "at": at}
    conn.execute(_SQL.open_thread, key | new)
    return thread_id


def _match_by_ids(conn: psycopg.Connection, keyring: Keyring, mail: Mail) -> Match | None:
    returned = mail.returned.get("message-id", "").strip()
    ids = [*named_ids(mail), *([returned] if returned else [])]
    for header_id in ids:
        origin = own_message(header_id, keyring)
        if origin:
            match = Match(customer_id=origin.customer_id, send_id=origin.send_id)
            return _resolved(conn, match)
    row = conn.execute(_SQL.find_header, {"ids": ids}).fetchone() if ids else None
    if row is None:
        return None
    return _resolved(conn, Match(customer_id=row[0], thread_id=row[1], send_id=row[2]))


def _guess(conn: psycopg.Connection, keyring: Keyring, mail: Mail, now: datetime) -> Match | None:
    """The one customer who is reached at the sender's address; flagged, for From can lie."""
    address = normalise_email(mail.sender)
    if address is None or mail.report_type or mail.envelope_from == "":
        return None
    digest = keyring.address_hash(Channel.EMAIL, address)
    rows = conn.execute(_SQL.find_by_address, {"hash": digest}).fetchall()
    if len(rows) != 1:
        return None
    match = _resolved(conn, Match(customer_id=rows[0][0], is_guess=True))
    if match is None:
        return None
    key = key_of(match.customer_id) | {"since": now - _GUESS_WINDOW}
    subject = bare_subject(mail.subject)
    for thread_id, known in conn.execute(_SQL.list_recent_subjects, key).fetchall():
        if subject and bare_subject(known) == subject:
            return msgspec.structs.replace(match, thread_id=thread_id)
    return match


def _resolved(conn: psycopg.Connection, match: Match) -> Match | None:
    """With the customer of today: the winner of a merge, or None when there is none."""
    row = conn.execute(_SQL.find_customer, key_of(match.customer_id)).fetchone()
    return msgspec.structs.replace(match, customer_id=row[0]) if row else None


def key_of(customer_id: int) -> dict[str, Any]:
    """The customer's key as parameters of a statement."""
    return {"bucket": bucket_of(customer_id), "customer_id": customer_id}
