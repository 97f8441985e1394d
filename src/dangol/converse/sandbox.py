"""The sandbox mailbox as the desk sees it: practice mail is read here, and answered as the customer.

`boxing` is what fills it.
"""

import re
import smtplib
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from uuid import UUID

import msgspec
import psycopg

from dangol.converse.mail import clean_line, clean_text, read_mail
from dangol.converse.thread import reply_subject
from dangol.errors import InputError, NotFound, Refused
from dangol.settings import Settings
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)


class MailboxEntry(msgspec.Struct, frozen=True):
    """One mail in the list."""

    id: UUID
    at: datetime
    rcpt: str
    sender: str
    subject: str


class MailboxMail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail opened. `html` is as it came: show it only in a sandboxed frame."""

    entry: MailboxEntry
    sender_name: str
    sender_address: str
    text: str
    html: str | None
    headers: list[tuple[str, str]]
    raw: bytes


def list_mailbox(
    conn: psycopg.Connection, rcpt: str | None = None, limit: int = 100
) -> list[MailboxEntry]:
    """The mailbox, latest first; with `rcpt` only what came to that address."""
    rows = conn.execute(_SQL.list_mailbox, {"rcpt": rcpt and rcpt.lower(), "limit": limit})
    return [MailboxEntry(*row) for row in rows.fetchall()]


def count_mailbox(conn: psycopg.Connection) -> int:
    """How many mails are in the mailbox."""
    return conn.execute(_SQL.count_mailbox).fetchone()[0]


def clear_mailbox(conn: psycopg.Connection) -> int:
    """Empty the mailbox; returns how many mails were in it."""
    return conn.execute(_SQL.clear_mailbox).rowcount


def trim_mailbox(conn: psycopg.Connection, before: datetime) -> int:
    """Remove what arrived before then; returns how many mails that were."""
    return conn.execute(_SQL.trim_mailbox, {"before": before}).rowcount


def get_mailbox(conn: psycopg.Connection, mailbox_id: UUID) -> MailboxMail:
    """One mail of the mailbox, opened.

    Raises:
        NotFound: it is not there any more.
    """
    row = conn.execute(_SQL.get_mailbox, {"id": mailbox_id}).fetchone()
    if row is None:
        raise NotFound("That mail is not in the mailbox any more.")
    raw = bytes(row[5])
    mail = read_mail(raw)
    return MailboxMail(
        entry=MailboxEntry(*row[:5]),
        sender_name=mail.sender_name if mail else "",
        sender_address=mail.sender if mail else "",
        text=mail.text if mail else "",
        html=mail.html if mail else None,
        headers=list(mail.headers.items()) if mail else [],
        raw=raw,
    )


def reply_as_customer(
    conn: psycopg.Connection, settings: Settings, mailbox_id: UUID, text: str, now: datetime
) -> str:
    """Answer a mail of the sandbox as the customer who got it, by SMTP through our own receiver.

    Returns the address that the answer went to.

    Raises:
        InputError: the answer is empty.
        NotFound: the mail is not there any more.
        Refused: our receiver did not take it; says why.
    """
    if not text.strip():
        raise InputError("An answer has at least one character.")
    opened = get_mailbox(conn, mailbox_id)
    reply = write_reply(opened, text, now)
    target = str(reply["To"])
    try:
        with smtplib.SMTP("127.0.0.1", settings.mail_port, timeout=20) as client:
            client.send_message(reply, opened.entry.rcpt, [target])
    except (OSError, smtplib.SMTPException) as error:
        raise Refused(
            "The answer could not be handed to the receiver: {error}", error=error
        ) from None
    return target


def write_reply(opened: MailboxMail, text: str, now: datetime) -> EmailMessage:
    """The mail that a mail program would make of an answer: threaded, with the original quoted."""
    original = {name: clean_line(value) for name, value in opened.headers}
    target = _address_in(original.get("reply-to", "")) or opened.sender_address
    message_id = original.get("message-id", "")
    reply = EmailMessage(policy=SMTP)
    reply["From"] = opened.entry.rcpt
    reply["To"] = target
    reply["Subject"] = reply_subject(opened.entry.subject)
    reply["Date"] = format_datetime(now)
    reply["Message-ID"] = make_msgid(domain=opened.entry.rcpt.rpartition("@")[2] or "localhost")
    if message_id:
        reply["In-Reply-To"] = message_id
        reply["References"] = f"{original.get('references', '')} {message_id}".strip()
    quoted = "\n".join(f"> {line}" for line in opened.text.split("\n")[:200])
    when = opened.entry.at.strftime("%a, %d %b %Y at %H:%M")
    introduction = f"On {when}, {opened.sender_address} wrote:"
    reply.set_content(f"{clean_text(text).strip()}\n\n{introduction}\n{quoted}\n", cte="base64")
    return reply


def _address_in(value: str) -> str:
    found = re.search(r"[^\s<>,]+@[^\s<>,]+", value)
    return found.group() if found else ""
