"""The door for answers: which addresses are ours, and mail from there to `intake`."""

from datetime import datetime
from typing import NamedTuple

import psycopg

from dangol.converse.match import UNSUBSCRIBE, Origin, read_address
from dangol.converse.smtpd import Envelope
from dangol.know.consent import Answer, withdraw
from dangol.listen.intake import append_intake
from dangol.model.customer import CustomerId, bucket_of
from dangol.model.message import Channel
from dangol.store.brand import Brand
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

SOURCE = "mail"


class Door:
    """Knows who is at home; asked for every recipient while the client waits."""

    def __init__(self, keyring: Keyring, journal: Journal) -> None:
        self.keyring = keyring
        self.journal = journal
        self._own: frozenset[str] = frozenset()

    def learn(self, brand: Brand) -> None:
        """Take the brand's present addresses."""
        domain = brand.reply_domain
        named = [brand.email, brand.sender_email, f"postmaster@{domain}" if domain else ""]
        self._own = frozenset(one.strip().lower() for one in named if one)

    def refusal(self, address: str) -> str | None:
        """Why mail to `address` is not taken; None for our tokens and the brand's addresses."""
        if address.lower() in self._own or address.lower() == "postmaster":
            return None
        if read_address(address, self.keyring):
            return None
        return "5.1.1 no such address here"


class _Request(NamedTuple):
    """A mail to the unsubscribe address of one of our letters."""

    origin: Origin
    address: str


def take_in(conn: psycopg.Connection, door: Door, rows: list[tuple[Envelope, datetime]]) -> None:
    """Append mail to intake; withdrawals that it asks for hold before this returns.

    `conn` has no open transaction; the caller commits.
    """
    requests = {id(one): _request_in(one, door) for one, _ in rows}
    for envelope, at in rows:
        request = requests[id(envelope)]
        if request:
            _withdraw(conn, door, request, at)
    for envelope, at in rows:
        meta: dict[str, object] = {
            "mail_from": envelope.mail_from,
            "rcpt": envelope.recipients,
            "is_withdrawn": requests[id(envelope)] is not None,
        }
        append_intake(conn, kind="mail", source=SOURCE, body=envelope.raw, at=at, meta=meta)


def _request_in(envelope: Envelope, door: Door) -> _Request | None:
    if not envelope.mail_from:
        return None  # a mail system's own report asks for nothing
    for address in envelope.recipients:
        found = read_address(address, door.keyring)
        if found and found[0] == UNSUBSCRIBE:
            return _Request(found[1], address)
    return None


def _withdraw(conn: psycopg.Connection, door: Door, request: _Request, at: datetime) -> None:
    """Withdraw for the customer of today, and for the address that the letter had gone to."""
    origin = request.origin
    key = {"bucket": bucket_of(origin.customer_id), "customer_id": origin.customer_id}
    with conn.transaction():
        found = conn.execute(_SQL.find_customer, key).fetchone()
        sent = conn.execute(_SQL.find_sent_address, key | {"send_id": origin.send_id}).fetchone()
    if found is None:
        return
    address, digest = sent or (None, None)
    said = Answer(
        customer_id=CustomerId(found[0]),
        actor="customer",
        source="reply",
        evidence={"mail_to": request.address, "send_id": origin.send_id},
        address_hash=door.keyring.address_hash(Channel.EMAIL, address) if address else digest,
    )
    withdraw(conn, door.journal, said, at)
