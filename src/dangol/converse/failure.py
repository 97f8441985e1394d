"""Mail that says our letter did not arrive or was not wanted: suppress by class, tell the history."""

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import psycopg
from psycopg.types.json import Jsonb

from dangol.converse.bounce import Bounce, BounceClass, bounces_in
from dangol.converse.fact import fact
from dangol.converse.finding import key_of
from dangol.converse.mail import Mail
from dangol.know.consent import suppress
from dangol.listen.heard import Heard
from dangol.model.address import normalise_email
from dangol.model.event import EventName, event_key
from dangol.model.message import Channel
from dangol.store.journal import Journal, JournalEntry
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

_SOFT_WINDOW = timedelta(days=60)
_SOFT_SPAN = timedelta(days=7)
_SOFT_LIMIT = 5
_ROUTE_LIMIT = 2


class Failed(NamedTuple):
    """The message of ours that a report is about."""

    customer_id: int
    send_id: int


class Keys(Protocol):
    """What telling a failure needs of its process."""

    keyring: Keyring
    journal: Journal


def bounced(
    conn: psycopg.Connection, keys: Keys, mail: Mail, failed: Failed, at: datetime
) -> list[Heard]:
    """Keep each failure, suppress the address where its class says so, and tell of it.

    The address is the customer's own where it can be known: a report may name the one that a
    forwarding led to.
    """
    events = []
    for bounce in bounces_in(mail)[:1]:
        digest = _address_of(conn, keys, failed, bounce.address)
        ref = f"{failed.send_id}:{failed.customer_id}"
        row = key_of(failed.customer_id) | {
            "id": event_key("bounce", ref),
            "send_id": failed.send_id,
            "class": bounce.bounce_class.value,
            "status": bounce.status,
            "detail": bounce.detail,
            "address_hash": digest or b"",
            "at": at,
        }
        is_new = conn.execute(_SQL.add_bounce, row).rowcount == 1
        if is_new and digest and is_to_be_suppressed(*_past(conn, digest, bounce, at)):
            block = JournalEntry(address_hash=digest, reason="bounce", covers="everything", at=at)
            _block(conn, keys, block, bounce.status)
        if is_new:
            _return_answer(conn, failed, bounce, at)
        events.append(fact(EventName.MESSAGE_BOUNCED, ref, failed, _props(failed, bounce), at))
    return events


def _return_answer(conn: psycopg.Connection, failed: Failed, bounce: Bounce, at: datetime) -> None:
    """Where what came back is an answer of the team's, its thread waits again and says why."""
    key = key_of(failed.customer_id)
    found = conn.execute(_SQL.find_answered_thread, key | {"send_id": failed.send_id}).fetchone()
    if found is None:
        return
    thread_id, subject = found
    text = f"{bounce.status} {bounce.detail}".strip()
    row = key | {
        "thread_id": thread_id,
        "id": event_key("returned", f"{failed.send_id}:{failed.customer_id}"),
        "direction": "in",
        "kind": "returned",
        "header_id": None,
        "in_reply_to": None,
        "reference_ids": [],
        "from_address": bounce.address,
        "is_other_sender": False,
        "is_guess": False,
        "subject": subject,
        "body_text": text,
        "body_full": text,
        "attachments": Jsonb([]),
        "send_id": failed.send_id,
        "author": "mail system",
        "at": at,
    }
    conn.execute(_SQL.add_message, row)
    conn.execute(_SQL.wake_thread, key | {"id": thread_id, "at": at})


def complained(
    conn: psycopg.Connection, keys: Keys, mail: Mail, failed: Failed, at: datetime
) -> list[Heard]:
    """No marketing to that address any more, journaled like an opt-out; and the history knows."""
    digest = _address_of(conn, keys, failed, _complainer(mail))
    if digest:
        _block(conn, keys, JournalEntry(address_hash=digest, reason="complaint", at=at))
    kind = mail.report_fields[0].get("feedback-type", "") if mail.report_fields else ""
    props = {"send_id": failed.send_id, "feedback_type": kind[:50]}
    ref = f"{failed.send_id}:{failed.customer_id}"
    return [fact(EventName.MESSAGE_COMPLAINED, ref, failed, props, at)]


def block_complainer(conn: psycopg.Connection, keys: Keys, mail: Mail, at: datetime) -> None:
    """The same where the report names no message of ours, but still the address."""
    address = normalise_email(_complainer(mail))
    if address:
        digest = keys.keyring.address_hash(Channel.EMAIL, address)
        _block(conn, keys, JournalEntry(address_hash=digest, reason="complaint", at=at))


def _complainer(mail: Mail) -> str:
    """Whom the report says the mail had gone to; often left out."""
    named = mail.report_fields[0].get("original-rcpt-to", "") if mail.report_fields else ""
    return named.rpartition(";")[2].strip("<> ").lower()


def is_to_be_suppressed(kind: BounceClass, failures: list[datetime]) -> bool:
    """Whether an address with `failures` of one class (oldest first) is given up. Pure.

    Hard at once; no route after two; soft after five that span at least seven days; what was
    refused for our sake or the letter's never.
    """
    if kind is BounceClass.HARD:
        return True
    if kind is BounceClass.ROUTE:
        return len(failures) >= _ROUTE_LIMIT
    if kind is BounceClass.SOFT:
        return len(failures) >= _SOFT_LIMIT and failures[-1] - failures[0] >= _SOFT_SPAN
    return False


def _past(
    conn: psycopg.Connection, digest: bytes, bounce: Bounce, at: datetime
) -> tuple[BounceClass, list[datetime]]:
    """Failures of the same class since the address last showed life."""
    alive = conn.execute(_SQL.last_sign_of_life, {"address_hash": digest}).fetchone()[0]
    since = max(filter(None, (alive, at - _SOFT_WINDOW)))
    asked = {"address_hash": digest, "class": bounce.bounce_class.value, "since": since}
    return bounce.bounce_class, [row[0] for row in conn.execute(_SQL.list_failures, asked)]


def _block(conn: psycopg.Connection, keys: Keys, block: JournalEntry, detail: str = "") -> None:
    """Suppress an address, in the database and outside of it."""
    suppress(conn, block.address_hash, block.reason, block.covers, block.at, detail)
    keys.journal.append([block])


def _address_of(conn: psycopg.Connection, keys: Keys, failed: Failed, named: str) -> bytes | None:
    """The hash of the address we had written to: the customer's present one, else the named."""
    row = conn.execute(_SQL.find_address, key_of(failed.customer_id)).fetchone()
    address = normalise_email(named)
    if row is None:
        return keys.keyring.address_hash(Channel.EMAIL, address) if address else None
    return row[1]


def _props(failed: Failed, bounce: Bounce) -> dict[str, object]:
    return {
        "send_id": failed.send_id,
        "class": bounce.bounce_class.value,
        "status": bounce.status,
        "detail": bounce.detail[:300],
    }
