"""Filling the sandbox mailbox: practice mail arrives here instead of in the world."""

import re
from datetime import datetime
from uuid import uuid4

import psycopg

from dangol.converse.mail import clean_line, header_text
from dangol.converse.smtpd import Envelope

_COPY = "copy mailbox_message (id, at, rcpt, sender, subject, raw) from stdin (format binary)"
LARGEST = 5 * 1024 * 1024
_RESERVED = re.compile(
    r"[^@\s]+@(?:[a-z0-9-]+\.)*(?:example|test|invalid|localhost|example\.(?:com|net|org))",
    re.IGNORECASE,
)
_SUBJECT = re.compile(rb"^subject:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)


def refusal(address: str) -> str | None:
    """Why the sandbox does not take mail for `address`: it takes reserved domains only."""
    if _RESERVED.fullmatch(address):
        return None
    return "5.7.1 the sandbox takes addresses of .example, .test, .invalid and localhost only"


def keep(conn: psycopg.Connection, rows: list[tuple[Envelope, datetime]]) -> None:
    """Append mail to the mailbox, one row per recipient, by one COPY in the caller's transaction."""
    with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(["uuid", "timestamptz", "text", "text", "text", "bytea"])
        for one, at in rows:
            sender, subject = clean_line(one.mail_from).lower(), _subject(one.raw)
            for rcpt in one.recipients:
                to = clean_line(rcpt).lower()
                copy.write_row((uuid4(), at, to, sender, subject, one.raw))


def _subject(raw: bytes) -> str:
    """The decoded subject, looked for in the head only."""
    head = raw[:64_000].partition(b"\r\n\r\n")[0]
    found = _SUBJECT.search(head)
    text = found.group(1).decode("utf-8", "surrogateescape") if found else ""
    return clean_line(header_text(text))
