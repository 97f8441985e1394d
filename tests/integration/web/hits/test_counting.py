"""Clicks and opens over HTTP: what is genuine is kept and sent on, what is not changes nothing."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from litestar.testing import TestClient

from dangol.listen.heard import IntakeRow
from dangol.settings import Settings
from dangol.speak.links.hearer import hear_hits
from dangol.store.keyring import Keyring, load_keyring
from dangol.store.token import seal
from dangol.web.app import create_app

PHONE = {"user-agent": "Mozilla/5.0 (iPhone) AppleWebKit/605 Mobile"}
SHOP = "https://shop.example/beans?a=1&b=2"


class Web:
    """The web with send 12, which has one link."""

    def __init__(self, client: TestClient, keyring: Keyring, conn: psycopg.Connection) -> None:
        self.client = client
        self.keyring = keyring
        self.conn = conn

    def ask(self, path: str, method: str = "GET", **headers: str):
        return self.client.request(method, path, headers=PHONE | headers, follow_redirects=False)

    def click(self, *numbers: int) -> str:
        return f"/c/{seal(self.keyring, 'c', *numbers)}"

    def pixel(self, *numbers: int) -> str:
        return f"/o/{seal(self.keyring, 'o', *numbers)}.gif"

    def rows(self) -> list[IntakeRow]:
        self.conn.rollback()
        found = self.conn.execute(
            "select id, received_at, kind, source, meta, body from intake order by id"
        )
        return [IntakeRow(*row) for row in found]

    def events(self) -> list[tuple[str, dict]]:
        parsed = hear_hits(self.conn, self.rows(), datetime.now(UTC))
        assert parsed.rejects == []
        return [(event.name, event.props) for event in parsed.events]


@pytest.fixture
def web(dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Iterator[Web]:
    conn.execute(
        "insert into send (id, kind, message_kind, created_at, created_by) values"
        " (12, 'campaign', 'news', now(), 'm'), (13, 'test', 'news', now(), 'm')"
    )
    conn.execute("insert into send_link values (12, 1, %s), (13, 1, %s)", [SHOP, SHOP])
    conn.commit()
    settings = Settings(data=tmp_path, database_url=dsn)
    with TestClient(create_app(settings)) as client:
        yield Web(client, load_keyring(settings.keyring_path), conn)


def test_click_is_kept_and_sent_on(web: Web) -> None:
    answer = web.ask(web.click(12, 77, 1))
    assert answer.status_code == 302
    assert answer.headers["location"] == SHOP
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "no-store" in answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers
    assert web.events() == [
        ("Message Clicked", {"send_id": 12, "machine": False, "link": 1, "url": SHOP})
    ]


def test_open_is_kept_and_gets_a_picture(web: Web) -> None:
    answer = web.ask(web.pixel(12, 77))
    assert (answer.status_code, len(answer.content)) == (200, 43)
    assert answer.headers["content-type"] == "image/gif"
    assert "no-store" in answer.headers["cache-control"]
    assert web.events() == [("Message Opened", {"send_id": 12, "machine": False})]


def test_head_counts_nothing(web: Web) -> None:
    assert web.ask(web.click(12, 77, 1), "HEAD").status_code == 302
    assert web.ask(web.pixel(12, 77), "HEAD").status_code == 200
    assert web.ask(web.click(12, 77, 1), "POST").status_code == 405
    assert web.rows() == []


def test_forged_and_foreign_tokens_change_nothing(web: Web) -> None:
    genuine = web.click(12, 77, 1)
    flipped = genuine[:-1] + ("a" if genuine[-1] != "a" else "b")
    token = genuine.removeprefix("/c/")
    paths = [
        flipped,
        genuine + "a",
        genuine.upper().replace("/C/", "/c/") + "=",
        "/c/",
        "/c/https://evil.example",
        "/c/?url=https://evil.example",
        f"/o/{token}.gif",
        "/o/x.gif",
        f"/c/{seal(web.keyring, 'o', 12, 77)}",
        f"/c/{seal(web.keyring, 'c', 12, 77)}",
        web.click(12, 77, 2),
        web.click(99, 77, 1),
        web.click(0, 0, 1),
    ]
    for path in paths:
        answer = web.ask(path)
        assert answer.status_code == 404, path
        assert "location" not in answer.headers
    assert web.rows() == []


def test_tests_and_nameless_previews_are_nobodys(web: Web) -> None:
    assert web.ask(web.click(13, 77, 1)).status_code == 302
    assert web.ask(web.pixel(12, 0)).status_code == 200
    assert web.events() == []


def test_machines_are_marked(web: Web) -> None:
    web.ask(web.click(12, 1, 1), purpose="prefetch")
    web.ask(web.pixel(12, 2), **{"user-agent": "Mozilla/5.0"})
    web.conn.execute(
        "insert into message (bucket, send_id, customer_id, state, due_at, planned_at, handed_at)"
        " values (3, 12, 3, 'handed', now(), now(), %s)",
        [datetime.now(UTC) - timedelta(seconds=1)],
    )
    web.conn.commit()
    web.ask(web.click(12, 3, 1))
    assert [props["machine_reason"] for _, props in web.events()] == [
        "prefetch",
        "apple_privacy",
        "too_soon",
    ]


def test_damaged_row_is_rejected_alone(web: Web) -> None:
    web.ask(web.click(12, 77, 1))
    rows = web.rows()
    damaged = IntakeRow(9, rows[0].received_at, "hit", "letter", {}, b"not a hit\n")
    parsed = hear_hits(web.conn, [damaged, *rows], datetime.now(UTC))
    assert (len(parsed.events), len(parsed.rejects)) == (1, 1)


def test_person_is_sent_on_while_the_database_is_away(web: Web) -> None:
    path = web.click(12, 77, 1)
    assert web.ask(path).status_code == 302
    web.conn.execute("alter table intake rename to intake_gone")
    web.conn.commit()
    assert web.ask(path).headers["location"] == SHOP
    assert re.match(b"GIF89a", web.ask(web.pixel(12, 77)).content)
