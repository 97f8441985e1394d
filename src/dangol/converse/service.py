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
from dangol.converse.kind import MailKind, kind_of
from dangol.converse.mail import Mail, read_mail
from dangol.converse.match import (
    UNSUBSCRIBE,
    bare_subject,
    named_ids,
    own_message,
    token_origin,
)
from dangol.converse.quote import answer_of
from dangol.listen.heard import Heard, IntakeRow, Parsed, Rejected
from dangol.model.address import normalise_email
from dangol.model.consent import ALL_TOPICS, ConsentState
from dangol.model.customer import bucket_of
from dangol.model.event import EventName, event_key
from dangol.model.message import Channel
from dangol.model.reason import RejectReason
from dangol.store.brand import read_brand
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

_GUESS_WINDOW = timedelta(days=14)
_MOST_PER_HOUR = 30
"""Mails into one thread; what comes faster is a machine, and wakes nobody."""
_STRAY_BYTES = 1_000_000
_LOCK = 0x6D61696C << 32


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """Whose mail it is, and by what it was recognised."""

    customer_id: int
    send_id: int | None = None
    thread_id: UUID | None = None
    is_guess: bool = False
    wants_out: bool = False
    """It came to the unsubscribe address of our letter."""


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
        match = self._match(conn, mail, row.received_at)
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

    # -- whose is it ----------------------------------------------------------------------

    def _match(self, conn: psycopg.Connection, mail: Mail, now: datetime) -> Match | None:
        """By token, then by what it names, then by sender and subject; None for strays."""
        found = token_origin(mail, self.keyring)
        if found:
            letter, origin = found
            return _resolved(
                conn,
                Match(
                    customer_id=origin.customer_id,
                    send_id=origin.send_id,
                    wants_out=letter == UNSUBSCRIBE,
                ),
            )
        return self._match_by_ids(conn, mail) or self._guess(conn, mail, now)

    def _match_by_ids(self, conn: psycopg.Connection, mail: Mail) -> Match | None:
        returned = mail.returned.get("message-id", "").strip()
        ids = [*named_ids(mail), *([returned] if returned else [])]
        for header_id in ids:
            origin = own_message(header_id, self.keyring)
            if origin:
                match = Match(customer_id=origin.customer_id, send_id=origin.send_id)
                return _resolved(conn, match)
        row = conn.execute(_SQL.find_header, {"ids": ids}).fetchone() if ids else None
        if row is None:
            return None
        return _resolved(conn, Match(customer_id=row[0], thread_id=row[1], send_id=row[2]))

    def _guess(self, conn: psycopg.Connection, mail: Mail, now: datetime) -> Match | None:
        """The one customer who is reached at the sender's address; flagged, for From can lie."""
        address = normalise_email(mail.sender)
        if address is None or mail.report_type or mail.envelope_from == "":
            return None
        digest = self.keyring.address_hash(Channel.EMAIL, address)
        rows = conn.execute(_SQL.find_by_address, {"hash": digest}).fetchall()
        if len(rows) != 1:
            return None
        match = _resolved(conn, Match(customer_id=rows[0][0], is_guess=True))
        if match is None:
            return None
        key = _key(match.customer_id) | {"since": now - _GUESS_WINDOW}
        subject = bare_subject(mail.subject)
        for thread_id, known in conn.execute(_SQL.list_recent_subjects, key).fetchall():
            if subject and bare_subject(known) == subject:
                return msgspec.structs.replace(match, thread_id=thread_id)
        return match

    # -- keep it --------------------------------------------------------------------------

    def _keep(
        self, conn: psycopg.Connection, mail: Mail, kind: MailKind, match: Match, row: IntakeRow
    ) -> list[Heard]:
        if _is_test(conn, match.send_id):
            _keep_stray(conn, mail, kind, row, reason="test")
            return []
        key = _key(match.customer_id)
        conn.execute(_SQL.lock_conversation, {"key": _LOCK | (match.customer_id & 0xFFFFFFFF)})
        message_id = _mail_id(mail, row.body, match.customer_id)
        if conn.execute(_SQL.has_message, key | {"id": message_id}).fetchone():
            return []
        thread_id = _thread_of(conn, mail, match, message_id, row.received_at)
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
    key = _key(match.customer_id)
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


def fact(
    name: EventName, ref: object, match: Match, props: dict[str, object], at: datetime
) -> Heard:
    """An event about the matched customer; the same `ref` gives the same event."""
    return Heard(
        key=event_key("dangol", f"{name}:{ref}").hex,
        name=name.value,
        time=at,
        received_at=at,
        props=props,
        source="dangol",
        customer_id=match.customer_id,
        origin=f"send:{match.send_id}" if match.send_id else None,
    )


def _own_addresses(conn: psycopg.Connection) -> frozenset[str]:
    brand = read_brand(conn)
    return frozenset(one.lower() for one in (brand.sender_email, brand.email) if one)


def _resolved(conn: psycopg.Connection, match: Match) -> Match | None:
    """With the customer of today: the winner of a merge, or None when there is none."""
    row = conn.execute(_SQL.find_customer, _key(match.customer_id)).fetchone()
    return msgspec.structs.replace(match, customer_id=row[0]) if row else None


def _thread_of(
    conn: psycopg.Connection, mail: Mail, match: Match, message_id: UUID, at: datetime
) -> UUID:
    """The thread that the mail goes on with, or a new one."""
    key = _key(match.customer_id)
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


def _key(customer_id: int) -> dict[str, int]:
    return {"bucket": bucket_of(customer_id), "customer_id": customer_id}
