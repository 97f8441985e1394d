"""Sends: everything that goes out belongs to one, and has one message row per person."""

from datetime import datetime
from uuid import UUID

import msgspec
import psycopg

from dangol.errors import NotFound
from dangol.model.consent import ALL_TOPICS
from dangol.model.customer import bucket_of
from dangol.model.message import MessageKind
from dangol.model.reason import SilentReason
from dangol.store.sql import load_queries

_Q = load_queries(__package__)

WAKE_CHANNEL = "message"
"""NOTIFY channel on which dispatchers listen."""


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """What is said, the same for all its messages."""

    id: int
    kind: str
    """`campaign`, `answer`, `test` or `system`."""
    message_kind: MessageKind
    topic: str
    letter_id: UUID | None
    letter_version: int | None
    holdout_share: float
    state: str
    """`open`, `paused` or `closed`."""
    expires_at: datetime | None


class NewSend(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a send."""

    kind: str
    message_kind: MessageKind
    topic: str = ALL_TOPICS
    letter_id: UUID | None = None
    letter_version: int | None = None
    holdout_share: float = 0.0
    expires_at: datetime | None = None


def create_send(conn: psycopg.Connection, new: NewSend, *, by: str, now: datetime) -> int:
    """Keep a send and return its number."""
    row = conn.execute(_Q.take_send_id).fetchone()
    assert row is not None
    fields = msgspec.structs.asdict(new) | {"message_kind": new.message_kind.value}
    conn.execute(_Q.insert_send, fields | {"id": row[0], "now": now, "by": by})
    return row[0]


def get_send(conn: psycopg.Connection, send_id: int) -> Send:
    """One send.

    Raises:
        NotFound: there is none of this number.
    """
    row = conn.execute(_Q.find_send, {"id": send_id}).fetchone()
    if row is None:
        raise NotFound("There is no send {send_id}.", send_id=send_id)
    return send_of(row)


def send_of(row: tuple) -> Send:
    """A row of `find_send` as a value."""
    names = ("id", "kind", "message_kind", "topic", "letter_id", "letter_version")
    fields = dict(zip((*names, "holdout_share", "state", "expires_at"), row, strict=True))
    return Send(**fields | {"message_kind": MessageKind(row[2])})


def queue_message(
    conn: psycopg.Connection,
    send_id: int,
    customer_id: int,
    *,
    now: datetime,
    locale: str | None = None,
    address: str | None = None,
) -> bool:
    """Put one message of a send into the queue, due now; False if the person has it already.

    `address` is for test letters only, which go to a member of the team; otherwise the
    hand-off looks up where the customer can be reached.
    """
    key = {"bucket": bucket_of(customer_id), "customer_id": customer_id}
    if address is None:
        conn.execute(_Q.ensure_contact_state, key)
    fields = key | {"send_id": send_id, "now": now, "due_at": now}
    row = conn.execute(_Q.insert_message, fields | {"locale": locale, "address": address})
    wake_dispatchers(conn)
    return row.fetchone() is not None


def wake_dispatchers(conn: psycopg.Connection) -> None:
    """Tell the dispatchers, after the commit, that there is something to do."""
    conn.execute(f"notify {WAKE_CHANNEL}")


def silence_customer(
    conn: psycopg.Connection, customer_id: int, reason: SilentReason, now: datetime
) -> int:
    """End what waits for a customer who is merged or erased; returns how many messages.

    The caller holds the customer's `contact_state` row, as everything does that the hand-off must
    not overtake.
    """
    key = {"bucket": bucket_of(customer_id), "customer_id": customer_id}
    return conn.execute(_Q.silence_customer, key | {"reason": reason.value, "now": now}).rowcount
