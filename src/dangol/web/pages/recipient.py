"""Who opened a page: a signed token names a send and a customer, and nothing else does."""

from typing import Any
from uuid import UUID

import msgspec
import psycopg

from dangol.errors import NotFound
from dangol.know.consent.service import Answer
from dangol.model.address import normalise_email
from dangol.model.consent import ALL_TOPICS
from dangol.model.customer import CustomerId, bucket_of
from dangol.speak.letter.content import Letter
from dangol.speak.letter.service import get_letter_version
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries
from dangol.store.token import unseal

_SQL = load_queries(__package__)


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """One person as the receiver of one letter."""

    send_id: int
    named_id: int
    """The customer that the token names."""
    customer_id: CustomerId | None
    """Who that is today, after merges; None when they were erased or never existed, and for test
    letters: a colleague's click must not speak for the customer it was written as."""
    send_kind: str
    topic: str
    letter_id: UUID | None
    letter_version: int | None
    address: str
    locale: str | None
    address_hash: bytes | None
    """Of the address that the letter went to."""

    def answer(self, topic: str, source: str) -> Answer:
        """What this person says about `topic`; `source` is the way it was said."""
        assert self.customer_id is not None
        return Answer(
            customer_id=self.customer_id,
            topic=topic,
            actor="customer",
            source=source,
            evidence={"send_id": self.send_id},
            address_hash=self.address_hash,
        )


def find_recipient(
    conn: psycopg.Connection, keyring: Keyring, kind: str, token: str
) -> tuple[Recipient, tuple[int, ...]] | None:
    """Whom a token of `kind` names, and the numbers after send and customer; None when forged."""
    numbers = unseal(keyring, kind, token)
    if numbers is None or len(numbers) < 2:
        return None
    send_id, customer_id, *rest = numbers
    values = {"send_id": send_id, "customer_id": customer_id, "bucket": bucket_of(customer_id)}
    row = conn.execute(_SQL.find_recipient, values).fetchone()
    if row is None:
        return None
    return _as_recipient(row, customer_id, keyring), tuple(rest)


def find_letter(conn: psycopg.Connection, recipient: Recipient) -> Letter | None:
    """The letter that the recipient got; None when the send carries none."""
    if recipient.letter_id is None or recipient.letter_version is None:
        return None
    try:
        return get_letter_version(conn, recipient.letter_id, recipient.letter_version)
    except NotFound:
        return None


def scope_of(recipient: Recipient, letter: Letter | None) -> str:
    """What an unsubscribe ends: the letter's topic; everything for letters that advertise.

    Korean law (Network Act, art. 50 (2)) takes a refusal of one advertisement for all of them.
    """
    return ALL_TOPICS if letter is None or letter.advertises else recipient.topic


def mask(address: str) -> str:
    """An address that its owner recognises and nobody else learns.

    >>> mask("jane@x.example"), mask("j@x.example"), mask("")
    ('j•••@x.example', 'j•••@x.example', '')
    """
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}" if at else ""


def _as_recipient(row: Any, named_id: int, keyring: Keyring) -> Recipient:
    send_id, send_kind, topic, letter_id, version, customer_id, erased, address, *rest = row
    sent_locale, own_locale, address_hash = rest
    normal = normalise_email(address) if address else None
    if address_hash is None and normal:
        address_hash = keyring.address_hash("email", normal)
    is_nobody = erased or customer_id is None or send_kind == "test"
    return Recipient(
        send_id=send_id,
        named_id=named_id,
        customer_id=None if is_nobody else CustomerId(customer_id),
        send_kind=send_kind,
        topic=topic,
        letter_id=letter_id,
        letter_version=version,
        address=address or "",
        locale=sent_locale or own_locale,
        address_hash=address_hash,
    )
