"""The mail that a member of the team wrote: plain text, threaded, answerable."""

from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime

import msgspec
import psycopg

from dangol.converse.finding import key_of
from dangol.errors import NotFound
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


class Reply(msgspec.Struct, frozen=True):
    """What a member wrote, and the ids that thread it."""

    subject: str
    text: str
    message_id: str
    in_reply_to: str | None
    references: list[str]

    @property
    def token(self) -> str:
        """The token of this very message, for the addresses that lead back to it."""
        return self.message_id[1:].partition("@")[0]


def render_answers(conn: psycopg.Connection, batch: Handed) -> Callable[[int, datetime], Mail]:
    """For the dispatcher: gives the mail of each row of a batch of kind `answer` or `personal`.

    Raises:
        NotFound: the thread was erased after the answer was queued.
    """
    brand = read_brand(conn)
    answers = [find_reply(conn, batch.send.id, customer_id) for customer_id in batch.customer_id]

    def write(row: int, at: datetime) -> Mail:
        """The mail of one row, dated."""
        found = answers[row]
        if found is None:
            raise NotFound("The conversation is gone; nothing was sent.")
        raw = write_answer(brand, batch.address[row], found, at)
        return Mail(_way_back(brand, "b", found), batch.address[row], raw)

    return write


def write_answer(brand: Brand, address: str, reply: Reply, at: datetime) -> bytes:
    """A whole message (RFC 5322) with CRLF line ends."""
    name = brand.sender_name or brand.name
    fields = [
        ("From", encode_mailbox(name, brand.sender_email)),
        ("To", clean_line(address).encode()),
        ("Reply-To", encode_mailbox(name, _way_back(brand, "r", reply))),
        ("Subject", encode_text(reply.subject)),
        ("Date", format_datetime(at).encode()),
        ("Message-ID", reply.message_id.encode()),
    ]
    if reply.in_reply_to:
        fields.append(("In-Reply-To", _ids([reply.in_reply_to])))
    if reply.references:
        fields.append(("References", _ids(reply.references)))
    fields += [
        ("MIME-Version", b"1.0"),
        ("Content-Type", b"text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", b"quoted-printable"),
    ]
    return write_headers(fields) + b"\r\n" + encode_whole(reply.text) + b"\r\n"


def _way_back(brand: Brand, letter: str, reply: Reply) -> str:
    """Where answers (`r`) and bounces (`b`) go: our receiver, else the sender's mailbox."""
    return (
        f"{letter}+{reply.token}@{brand.reply_domain}" if brand.reply_domain else brand.sender_email
    )


def _ids(ids: list[str]) -> bytes:
    """Message-IDs of others, folded one a line, without anything that could end the header."""
    clean = [clean_line(one).encode("ascii", "ignore") for one in ids]
    return b"\r\n ".join(one for one in clean if one)


def find_reply(conn: psycopg.Connection, send_id: int, customer_id: int) -> Reply | None:
    """The answer that a send carries to a customer; None when it was erased."""
    key = key_of(customer_id) | {"send_id": send_id}
    row = conn.execute(_SQL.find_answer, key).fetchone()
    return Reply(*row) if row else None
