"""A conversation through the whole running installation: mail in, answer out, mail back in."""

import datetime as dt
import smtplib
import time
from email.message import EmailMessage
from uuid import uuid4

import pytest

from dangol.converse.mail import read_mail
from dangol.converse.sandbox import get_mailbox, list_mailbox, reply_as_customer
from dangol.converse.thread import answer, answers_waiting, get_thread, list_threads
from dangol.settings import Settings
from dangol.store.brand import Brand, save_brand
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect
from dangol.store.token import seal
from tests.acceptance.conftest import Installation, read_events, wait_until
from tests.integration.converse.conftest import KIM, add_customer, add_send

ADDRESS = "kim@home.example"
SEND = 12


def _furnish(running: Installation) -> None:
    """A brand, a customer and a letter that she got."""
    keyring = load_keyring(running.data / "keyring.json")
    brand = Brand(
        name="단골 커피", sender_email="hello@shop.example", reply_domain="in.shop.example"
    )  # fmt: skip
    with connect(running.dsn, name="test") as conn:
        save_brand(conn, brand, by="test", now=dt.datetime.now(dt.UTC))
        add_customer(conn, keyring, KIM, ADDRESS)
        add_send(conn, SEND)
        conn.execute("update send_block set next_id = 100")


def _write(running: Installation, text: str) -> None:
    token = seal(load_keyring(running.data / "keyring.json"), "r", SEND, KIM)
    mail = EmailMessage()
    mail["From"], mail["To"] = ADDRESS, f"r+{token}@in.shop.example"
    mail["Subject"], mail["Message-ID"] = "Re: 새 원두", f"<{uuid4()}@home.example>"
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", running.mail_port, timeout=20) as client:
        client.send_message(mail)


def _waiting(running: Installation, text: str) -> object:
    """The thread in which `text` waits for an answer, within two seconds of now."""

    def look():
        with connect(running.dsn, name="test") as conn:
            return next((one for one in answers_waiting(conn) if one.last_text == text), None)

    start = time.monotonic()
    found = wait_until(look, timeout=20, why=lambda: f"{text!r} waits for nobody")
    assert time.monotonic() - start < 2
    return found


@pytest.mark.timeout(180)
def test_a_conversation_goes_to_and_fro_and_stays_in_one_thread(up) -> None:
    running: Installation = up()
    _furnish(running)
    _write(running, "first of all, to warm up")
    wait_until(lambda: _thread(running), timeout=30, why=lambda: "nothing came")
    _write(running, "두 봉지요!")
    waiting = _waiting(running, "두 봉지요!")
    keyring = load_keyring(running.data / "keyring.json")
    with connect(running.dsn, name="test") as conn:
        now = dt.datetime.now(dt.UTC)
        answer(conn, keyring, (KIM, waiting.id), "내일 보내 드릴게요.", uuid4(), now)
    entry = wait_until(lambda: _arrived(running), timeout=30, why=lambda: _why(running))
    with connect(running.dsn, name="test") as conn:
        opened = get_mailbox(conn, entry.id)
        sent = read_mail(opened.raw)
        found = get_thread(conn, KIM, waiting.id)
        assert opened.text.strip() == "내일 보내 드릴게요."
        assert sent.in_reply_to == found.messages[-2].header_id
        settings = Settings(data=running.data, mail_port=running.mail_port)
        reply_as_customer(conn, settings, entry.id, "고마워요", dt.datetime.now(dt.UTC))
    _waiting(running, "고마워요")
    thread = _thread(running)
    assert [one.direction for one in thread.messages] == ["in", "in", "out", "in"]
    told = wait_until(lambda: _told(running) == 3, timeout=20, why=lambda: str(_told(running)))
    assert told


def _thread(running: Installation) -> object:
    with connect(running.dsn, name="test") as conn:
        threads = list_threads(conn, KIM)
        return get_thread(conn, KIM, threads[0].id) if len(threads) == 1 else None


def _arrived(running: Installation) -> object:
    with connect(running.dsn, name="test") as conn:
        return next(iter(list_mailbox(conn, ADDRESS)), None)


def _told(running: Installation) -> int:
    """How many answers are on the customer's timeline."""
    replied = read_events(running.data, running.dsn, "name", "Message Replied")
    return sum(customer == KIM for _, _, customer, _ in replied)


def _why(running: Installation) -> str:
    with connect(running.dsn, name="test") as conn:
        rows = conn.execute("select state, reason, response from message").fetchall()
    return f"{rows}\n" + "\n".join(running.lines[-30:])
