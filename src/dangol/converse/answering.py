"""The mail of an answer that a member of the team wrote: plain text, threaded, answerable."""

from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime

import psycopg

from dangol.converse.thread import mail_domain
from dangol.errors import NotFound
from dangol.model.customer import bucket_of
from dangol.speak.channel.email.mail import Mail
from dangol.speak.letter.headers import (
    clean_line,
    encode_mailbox,
    encode_text,
    write_headers,
)
from dangol.speak.letter.quoted import encode_whole
from dangol.speak.outbox.handoff import Handed
from dangol.store.brand import Brand, read_brand
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)


def render_answers(conn: psycopg.Connection, batch: Handed) -> Callable[[int, datetime], Mail]:
    """For the dispatcher: gives the mail of each row of a batch of kind `answer`.

    Raises:
        NotFound: the thread was erased after the answer was queued.
    """
    brand = read_brand(conn)
    answers = [_find(conn, batch.send.id, customer_id) for customer_id in batch.customer_id]

    def write(row: int, at: datetime) -> Mail:
        found = answers[row]
        if found is None:
            raise NotFound("The conversation is gone; nothing was sent.")
        raw = write_answer(brand, batch.address[row], found, at)
        token = found[2][1:].partition("@")[0]
        sender = f"b+{token}@{mail_domain(brand)}" if brand.reply_domain else brand.sender_email
        return Mail(sender, batch.address[row], raw)

    return write


def write_answer(brand: Brand, address: str, found: tuple, at: datetime) -> bytes:
    """A whole message (RFC 5322) with CRLF; `found` is a row of `find_answer`."""
    subject, text, header_id, in_reply_to, references = found[:5]
    token = header_id[1:].partition("@")[0]
    reply_to = f"r+{token}@{mail_domain(brand)}" if brand.reply_domain else brand.sender_email
    name = brand.sender_name or brand.name
    fields = [
        ("From", encode_mailbox(name, brand.sender_email)),
        ("To", clean_line(address).encode()),
        ("Reply-To", encode_mailbox(name, reply_to)),
        ("Subject", encode_text(subject)),
        ("Date", format_datetime(at).encode()),
        ("Message-ID", header_id.encode()),
    ]
    if in_reply_to:
        fields.append(("In-Reply-To", _ids([in_reply_to])))
    if references:
        fields.append(("References", _ids(references)))
    fields += [
        ("MIME-Version", b"1.0"),
        ("Content-Type", b"text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", b"quoted-printable"),
    ]
    return write_headers(fields) + b"\r\n" + encode_whole(text) + b"\r\n"


def _ids(ids: list[str]) -> bytes:
    """Message-IDs of others, folded one a line, without anything that could end the header."""
    clean = [clean_line(one).encode("ascii", "ignore") for one in ids]
    return b"\r\n ".join(one for one in clean if one)


def _find(conn: psycopg.Connection, send_id: int, customer_id: int) -> tuple | None:
    key = {"bucket": bucket_of(customer_id), "customer_id": customer_id, "send_id": send_id}
    return conn.execute(_SQL.find_answer, key).fetchone()
