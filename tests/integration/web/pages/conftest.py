"""Customers' pages on a real database: send 12 went to customer 77, who had said yes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from litestar.testing import TestClient
from psycopg.types.json import Jsonb

from dangol.know.consent.service import Answer, get_standing, grant
from dangol.model.customer import CustomerId, bucket_of
from dangol.settings import Settings
from dangol.speak.letter import service
from dangol.speak.letter.content import Letter
from dangol.speak.links.service import save_links
from dangol.store.brand import save_brand, save_setting
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring, load_keyring
from dangol.store.token import seal
from dangol.web.app import create_app
from tests.unit.speak.letters import BRAND, letter

NOW = datetime.now(UTC)
CUSTOMER = CustomerId(77)
ADDRESS = "hana@home.example"


class Pages:
    """A customer's browser, and a look behind the pages."""

    def __init__(
        self, client: TestClient, conn: psycopg.Connection, keyring: Keyring, journal: Journal
    ) -> None:
        self.client = client
        self.conn = conn
        self.keyring = keyring
        self.journal = journal

    def link(self, kind: str, *rest: int, send: int = 12, customer: int = CUSTOMER) -> str:
        token_kind = "u" if kind in ("p", "v") else kind
        return f"/{kind}/{seal(self.keyring, token_kind, send, customer, *rest)}"

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path, follow_redirects=False)
        assert answer.status_code == status, answer.text
        assert "set-cookie" not in answer.headers
        return answer.text

    def post(self, path: str, status: int = 200, **fields: str) -> str:
        answer = self.client.post(path, data=fields, follow_redirects=False)
        assert answer.status_code == status, answer.text
        assert "set-cookie" not in answer.headers
        return answer.text

    def raw(self, method: str, path: str, **given: Any) -> httpx.Response:
        return self.client.request(method, path, follow_redirects=False, **given)

    def standing(self) -> Any:
        self.conn.rollback()
        [standing] = get_standing(self.conn, CUSTOMER)
        self.conn.rollback()
        return standing

    def send(self, number: int, of: Letter, topic: str = "*", kind: str = "campaign") -> None:
        """A send of a letter, handed over to the customer."""
        stored = service.create_letter(self.conn, f"Letter {number}", of, by="m", now=NOW)
        self.conn.execute(
            "insert into send (id, kind, message_kind, topic, letter_id, letter_version,"
            " created_at, created_by) values (%s, %s, %s, %s, %s, 1, %s, 'm')",
            [number, kind, of.kind, topic, stored.id, NOW],
        )
        save_links(self.conn, number, of)
        self.conn.execute(
            "insert into message (bucket, send_id, customer_id, state, due_at, planned_at,"
            " handed_at, address, locale) values (%s, %s, %s, 'accepted', %s, %s, %s, %s, %s)",
            [77, number, CUSTOMER, NOW, NOW, NOW, ADDRESS, next(iter(of.variants))],
        )
        self.conn.commit()


@pytest.fixture
def pages(dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Iterator[Pages]:
    settings = Settings(data=tmp_path, database_url=dsn)
    keyring = load_keyring(settings.keyring_path)
    save_brand(conn, BRAND, by="test", now=NOW)
    topics = [{"key": "beans", "names": {"en": "New beans"}}, {"key": "events", "names": {}}]
    save_setting(conn, "topics", topics, by="test", now=NOW)
    conn.execute(
        "insert into customer (bucket, customer_id, traits, first_seen_at, last_seen_at, created_at)"
        " values (%s, %s, %s, %s, %s, %s)",
        [bucket_of(CUSTOMER), CUSTOMER, Jsonb({"name": "Hana"}), NOW, NOW, NOW],
    )
    conn.execute(
        "insert into contact_point (bucket, customer_id, channel, address, address_hash, stamp)"
        " values (%s, %s, 'email', %s, %s, '0')",
        [bucket_of(CUSTOMER), CUSTOMER, ADDRESS, keyring.address_hash("email", ADDRESS)],
    )
    conn.commit()
    journal = Journal(settings.journal_dir)
    said = Answer(customer_id=CUSTOMER, actor="customer", source="form", evidence={"form": "shop"})
    grant(conn, journal, said, NOW)
    with TestClient(create_app(settings)) as client:
        found = Pages(client, conn, keyring, journal)
        found.send(12, letter(topic="beans"), "beans")
        yield found
