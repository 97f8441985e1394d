"""A mail that came in: read it, find whose it is, keep it, and say what follows.

Runs inside Route's transaction. Safe to run twice with the same mail: what is kept has ids made
from the mail, and the facts it becomes have keys made from those.
"""

from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.converse import failure
from dangol.converse.fact import fact
from dangol.converse.finding import Match, find_match, key_of, thread_of
from dangol.converse.kind import MailKind, kind_of
from dangol.converse.mail import Mail, read_mail
from dangol.converse.quote import answer_of
from dangol.listen.heard import Heard, IntakeRow, Parsed, Rejected
from dangol.model.address import normalise_email
from dangol.model.consent import ALL_TOPICS, ConsentState
from dangol.model.event import EventName, event_key
from dangol.model.message import Channel
from dangol.model.reason import RejectReason
from dangol.store.brand import read_brand
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

_MOST_PER_HOUR = 30
"""Mails into one thread; what comes faster is a machine, and wakes nobody."""
_STRAY_BYTES = 1_000_000
_LOCK = 0x6D61696C << 32


class Receiver:
    """Reads mail of the intake for one brand; one per process."""

    def __init__(self, keyring: Keyring, journal: Journal) -> None:
        self.keyring = keyring
        self.journal = journal

    def hear(self, conn: psycopg.Connection, rows: list[IntakeRow], now: datetime) -> Parsed:
        """Everything that `rows` of kind `mail` come to; threads are written on the way.

        `meta` holds the envelope: {"mail_from": text, "rcpt": [text]}.
        """
        own = _own_addresses(conn)
        events: list[Heard] = []
        rejects: list[Rejected] = []
        for row in rows:
            told = self._receive(conn, row, own)
            if isinstance(told, Rejected):
                rejects.append(told)
            else:
                events += told
        return Parsed(events, rejects)

    def _receive(
        self, conn: psycopg.Connection, row: IntakeRow, own: frozenset[str]
    ) -> list[Heard] | Rejected:
        envelope = row.meta.get("rcpt") or []
        mail = read_mail(row.body, mail_from=row.meta.get("mail_from"), recipients=envelope)
        if mail is None:
            detail = "It is larger than 25 MB or no mail that can be read."
            return Rejected(RejectReason.UNREADABLE_MAIL, detail, row.body[:4096], row.source)
        kind = kind_of(mail, own)
        if kind is MailKind.LOOP:
            detail = "It came from our own address."
            return Rejected(RejectReason.LOOP, detail, row.body[:4096], row.source)
        if kind is MailKind.NO_NEWS:
            return []
        match = find_match(conn, self.keyring, mail, row.received_at)
        if kind in (MailKind.BOUNCE, MailKind.COMPLAINT):
            return self._fail(conn, mail, kind, match, row)
        if match is None:
            _keep_stray(conn, mail, kind, row)
            return []
        return self._keep(conn, mail, kind, match, row)

    def _fail(
        self,
        conn: psycopg.Connection,
        mail: Mail,
        kind: MailKind,
        match: Match | None,
        row: IntakeRow,
    ) -> list[Heard]:
        """A report about a message of ours; one that names none is a stray."""
        if match is None or match.send_id is None:
            if kind is MailKind.COMPLAINT:
                failure.block_complainer(conn, self, mail, row.received_at)
            _keep_stray(conn, mail, kind, row)
            return []
        failed = failure.Failed(match.customer_id, match.send_id)
        tell = failure.bounced if kind is MailKind.BOUNCE else failure.complained
        return tell(conn, self, mail, failed, row.received_at)

    def _keep(
        self, conn: psycopg.Connection, mail: Mail, kind: MailKind, match: Match, row: IntakeRow
    ) -> list[Heard]:
        if _is_test(conn, match.send_id):
            _keep_stray(conn, mail, kind, row, reason="test")
            return []
        key = key_of(match.customer_id)
        conn.execute(_SQL.lock_conversation, {"key": _LOCK | (match.customer_id & 0xFFFFFFFF)})
        message_id = _mail_id(mail, row.body, match.customer_id)
        if conn.execute(_SQL.has_message, key | {"id": message_id}).fetchone():
            return []
        thread_id = thread_of(conn, mail, match, message_id, row.received_at)
        if match.wants_out and kind is MailKind.REPLY:
            kind = MailKind.UNSUBSCRIBE
        if kind is MailKind.REPLY and _is_flood(conn, key, thread_id, row.received_at):
            kind = MailKind.AUTO
        other = _is_other_sender(conn, key, mail)
        kept = _Kept(message_id, thread_id, kind, other)
        _write(conn, mail, match, kept, row.received_at)
        if kind is MailKind.REPLY:
            conn.execute(_SQL.wake_thread, key | {"id": thread_id, "at": row.received_at})
        return _facts(mail, match, kept, row)


class _Kept(msgspec.Struct, frozen=True):
    """A mail's place in a thread."""

    message_id: UUID
    thread_id: UUID
    kind: MailKind
    is_other_sender: bool


_THREAD_KIND = {MailKind.REPLY: "message", MailKind.AUTO: "auto", MailKind.UNSUBSCRIBE: "stop"}


def _write(conn: psycopg.Connection, mail: Mail, match: Match, kept: _Kept, at: datetime) -> None:
    key = key_of(match.customer_id)
    files = [
        {"name": one.name, "type": one.content_type, "size": len(one.data), "position": position}
        for position, one in enumerate(mail.attachments)
    ]
    row = key | {
        "thread_id": kept.thread_id,
        "id": kept.message_id,
        "direction": "in",
        "kind": _THREAD_KIND[kept.kind],
        "header_id": mail.message_id,
        "in_reply_to": mail.in_reply_to,
        "reference_ids": list(mail.references),
        "from_address": mail.sender,
        "is_other_sender": kept.is_other_sender,
        "is_guess": match.is_guess,
        "subject": mail.subject,
        "body_text": answer_of(mail.text),
        "body_full": mail.text,
        "attachments": Jsonb(files),
        "send_id": match.send_id,
        "author": "customer",
        "at": at,
    }
    conn.execute(_SQL.add_message, row)
    for position, one in enumerate(mail.attachments):
        part = {"message_id": kept.message_id, "position": position, "name": one.name}
        part |= {"content_type": one.content_type, "data": one.data}
        conn.execute(_SQL.add_attachment, key | part)
    if mail.message_id:
        named = {"header_id": mail.message_id, "thread_id": kept.thread_id, "at": at}
        conn.execute(_SQL.add_header, key | named | {"send_id": match.send_id})


def _facts(mail: Mail, match: Match, kept: _Kept, row: IntakeRow) -> list[Heard]:
    """What an answer is to the rest of the engine; automatic ones are nothing."""
    if kept.kind is MailKind.REPLY:
        props = {
            "send_id": match.send_id,
            "thread_id": str(kept.thread_id),
            "is_guess": match.is_guess,
            "is_other_sender": kept.is_other_sender,
        }
        return [fact(EventName.MESSAGE_REPLIED, kept.message_id, match, props, row.received_at)]
    if kept.kind is MailKind.UNSUBSCRIBE and not row.meta.get("is_withdrawn"):
        evidence = {"message_id": mail.message_id, "text": answer_of(mail.text)[:200]}
        props = {
            "channel": Channel.EMAIL.value,
            "topic": ALL_TOPICS,
            "state": ConsentState.WITHDRAWN.value,
            "actor": "customer",
            "source": "reply",
            "evidence": evidence | {"send_id": match.send_id},
        }
        return [fact(EventName.CONSENT_CHANGED, kept.message_id, match, props, row.received_at)]
    return []


def _own_addresses(conn: psycopg.Connection) -> frozenset[str]:
    brand = read_brand(conn)
    return frozenset(one.lower() for one in (brand.sender_email, brand.email) if one)


def _is_test(conn: psycopg.Connection, send_id: int | None) -> bool:
    if send_id is None:
        return False
    row = conn.execute(_SQL.find_send_kind, {"send_id": send_id}).fetchone()
    return row is not None and row[0] == "test"


def _is_flood(conn: psycopg.Connection, key: dict[str, int], thread_id: UUID, at: datetime) -> bool:
    since = {"thread_id": thread_id, "since": at - timedelta(hours=1)}
    return conn.execute(_SQL.count_lately, key | since).fetchone()[0] >= _MOST_PER_HOUR


def _is_other_sender(conn: psycopg.Connection, key: dict[str, int], mail: Mail) -> bool:
    """Whether it comes from another address than the customer's; it is not linked to them."""
    row = conn.execute(_SQL.find_address, key).fetchone()
    return row is None or normalise_email(mail.sender) != row[0]


def _keep_stray(
    conn: psycopg.Connection, mail: Mail, kind: MailKind, row: IntakeRow, reason: str | None = None
) -> None:
    digest = blake2b(mail.message_id.encode() if mail.message_id else row.body, digest_size=16)
    stray = {
        "id": UUID(bytes=digest.digest()),
        "at": row.received_at,
        "from_address": mail.sender,
        "subject": mail.subject,
        "reason": reason or kind.value,
        "raw": row.body[:_STRAY_BYTES],
    }
    conn.execute(_SQL.add_stray, stray)


def _mail_id(mail: Mail, raw: bytes, customer_id: int) -> UUID:
    """The same mail to the same customer has the same id; without a Message-ID its bytes count."""
    said = mail.message_id or blake2b(raw, digest_size=16).hexdigest()
    return event_key("mail", f"{customer_id}\0{said}")
