"""Filling the sandbox mailbox: practice mail arrives here instead of in the world."""

import re
from datetime import datetime
from uuid import uuid4

import psycopg
import pyarrow as pa

from dangol.converse.mail import clean_line, header_text
from dangol.converse.smtpd import Envelope
from dangol.store.bulk import copy_arrow

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
    kept = [(one, at, rcpt) for one, at in rows for rcpt in one.recipients]
    table = pa.table(
        {
            "id": [str(uuid4()) for _ in kept],
            "at": pa.array([at for _, at, _ in kept], pa.timestamp("us", "UTC")),
            "rcpt": [clean_line(rcpt).lower() for _, _, rcpt in kept],
            "sender": [clean_line(one.mail_from).lower() for one, _, _ in kept],
            "subject": [_subject(one.raw) for one, _, _ in kept],
            "raw": ["\\x" + one.raw.hex() for one, _, _ in kept],
        }
    )
    copy_arrow(conn, "mailbox_message", table)


def _subject(raw: bytes) -> str:
    """The decoded subject, looked for in the head only."""
    head = raw[:64_000].partition(b"\r\n\r\n")[0]
    found = _SUBJECT.search(head)
    text = found.group(1).decode("utf-8", "surrogateescape") if found else ""
    return clean_line(header_text(text))
