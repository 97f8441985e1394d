"""A brand, a customer with an address, and a campaign letter that was sent to her."""

import datetime as dt
from dataclasses import dataclass

import pytest
from psycopg.types.json import Jsonb

from dangol.converse.service import Receiver
from dangol.listen.heard import IntakeRow
from dangol.model.customer import bucket_of
from dangol.store.brand import Brand, save_brand
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.token import seal

NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
KIM, LEE, SEND = 2050, 77, 12


@dataclass
class Shop:
    """What the tests of this folder talk to."""

    conn: object
    keyring: object
    journal: Journal
    receiver: Receiver

    def token(self, kind="r", send=SEND, customer=KIM):
        return seal(self.keyring, kind, send, customer)

    def message_id(self, send=SEND, customer=KIM):
        return f"<{self.token('r', send, customer)}@in.shop.example>"

    def reply_to(self, letter="r", **which):
        kind = "u" if letter == "u" else "r"
        return f"{letter}+{self.token(kind, **which)}@in.shop.example"

    def receive(self, raw, rcpt=(), mail_from="kim@home.example", at=NOW, **meta):
        """What Route would get for one mail."""
        meta = {"mail_from": mail_from, "rcpt": list(rcpt)} | meta
        row = IntakeRow(1, at, "mail", "mail", meta, raw)
        return self.receiver.hear(self.conn, [row], at)


def add_customer(conn, keyring, customer, address, name="김단골"):
    key = [bucket_of(customer), customer]
    conn.execute(
        "insert into customer (bucket, customer_id, traits, first_seen_at, last_seen_at, created_at)"
        " values (%s, %s, %s, %s, %s, %s)",
        [*key, Jsonb({"name": name, "email": address}), NOW, NOW, NOW],
    )
    conn.execute(
        "insert into contact_point values (%s, %s, 'email', %s, %s, 'x')",
        [*key, address, keyring.address_hash("email", address)],
    )


def add_send(conn, send=SEND, kind="campaign"):
    conn.execute(
        "insert into send (id, kind, message_kind, created_at, created_by)"
        " values (%s, %s, 'news', %s, 'test')",
        [send, kind, NOW],
    )


@pytest.fixture
def shop(conn, tmp_path):
    keyring = load_keyring(tmp_path / "keyring.json")
    journal = Journal(tmp_path / "journal")
    brand = Brand(
        name="단골 커피", sender_name="단골 커피", sender_email="hello@shop.example",
        reply_domain="in.shop.example",
    )  # fmt: skip
    save_brand(conn, brand, by="test", now=NOW)
    add_customer(conn, keyring, KIM, "kim@home.example")
    add_customer(conn, keyring, LEE, "lee@home.example", "이손님")
    add_send(conn)
    conn.execute("update send_block set next_id = 100")
    return Shop(conn, keyring, journal, Receiver(keyring, journal))
