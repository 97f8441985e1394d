"""A fan is made by what really happens: a friend comes by the link and orders, an answer helps."""

import datetime as dt
import json
import re
import smtplib
import urllib.request
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import pytest

from dangol.converse.sandbox import get_mailbox, list_mailbox
from dangol.converse.thread import answers_waiting, mark_helpful
from dangol.know.giving.fans import find_fans
from dangol.know.giving.referral import friend_token
from dangol.store.brand import Brand, save_brand
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect
from dangol.store.token import seal
from tests.acceptance.conftest import Installation, read_events, wait_until
from tests.integration.converse.conftest import KIM, add_customer, add_send

SEND, FRIEND = 12, "friend@home.example"


@pytest.mark.timeout(240)
def test_a_friend_by_the_link_and_an_answer_by_mail_make_a_fan(up, tmp_path: Path) -> None:
    running: Installation = up()
    keyring = load_keyring(running.data / "keyring.json")
    with connect(running.dsn, name="test") as conn:
        brand = Brand(
            name="단골 커피", sender_email="hello@shop.example", reply_domain="in.shop.example",
            public_url=running.url,
        )  # fmt: skip
        save_brand(conn, brand, by="test", now=dt.datetime.now(dt.UTC))
        add_customer(conn, keyring, KIM, "kim@home.example")
        add_send(conn, SEND)
        conn.execute("update send_block set next_id = 100")
    assert _fans(running) == []

    _subscribe(running, f"{running.url}/f/{friend_token(keyring, KIM)}")
    _told(running, "Friend Joined")
    _order(running, tmp_path)
    _told(running, "Friend Ordered")
    assert _fans(running) == []

    _answer_by_mail(running, seal(keyring, "r", SEND, KIM))
    with connect(running.dsn, name="test") as conn:
        waiting = wait_until(lambda: answers_waiting(conn), timeout=30, why=lambda: "no answer")[0]
        mark_helpful(conn, waiting.customer_id, waiting.id, dt.datetime.now(dt.UTC))
    _told(running, "Answer Helped")
    assert _fans(running) == [KIM]


def _subscribe(running: Installation, link: str) -> None:
    """Through the form behind the link, and the button of the letter that came."""
    with urllib.request.urlopen(link, timeout=20) as page:
        assert b"<form" in page.read()
    form = f"email={FRIEND}&agree=yes".encode()
    urllib.request.urlopen(link, form, timeout=20).close()
    mail = wait_until(lambda: _mail(running), timeout=40, why=lambda: "no confirmation came")
    [confirm] = re.findall(r"https?://\S+/s/[a-z2-7]+", mail)
    urllib.request.urlopen(confirm, b"", timeout=20).close()


def _mail(running: Installation) -> str | None:
    with connect(running.dsn, name="test") as conn:
        entry = next(iter(list_mailbox(conn, FRIEND)), None)
        return get_mailbox(conn, entry.id).text if entry else None


def _order(running: Installation, folder: Path) -> None:
    file = folder / "orders.csv"
    now = dt.datetime.now(dt.UTC).isoformat()
    file.write_text(f"email,event,time,total\n{FRIEND},Order Completed,{now},12000\n")
    done = running.run("import", "events", str(file), "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def _answer_by_mail(running: Installation, token: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "kim@home.example", f"r+{token}@in.shop.example"
    mail["Subject"], mail["Message-ID"] = "Re: 새 원두", f"<{uuid4()}@home.example>"
    mail.set_content("봉투를 조금만 더 두껍게 해 주세요.")
    with smtplib.SMTP("127.0.0.1", running.mail_port, timeout=20) as client:
        client.send_message(mail)


def _told(running: Installation, name: str) -> None:
    def look() -> bool:
        return any(row[2] == KIM for row in read_events(running.data, running.dsn, "name", name))

    wait_until(
        look, timeout=40, why=lambda: f"{name} was not told\n" + "\n".join(running.lines[-20:])
    )


def _fans(running: Installation) -> list[int]:
    with connect(running.dsn, name="test") as conn:
        segment = find_fans(conn)
    done = running.run(
        "segment", "count", "-", "--json", stdin=f'{{"kind": "segment", "id": "{segment}"}}'
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    return [person["customer_id"] for person in found["sample"]]
