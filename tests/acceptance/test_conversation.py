"""A conversation through the whole running installation: mail in, answer out, mail back in."""

import datetime as dt
import smtplib
import time
from email.message import EmailMessage
from uuid import uuid4

import pytest

from dangol.converse.beginning import Beginning, Begun, begin, may_begin
from dangol.converse.mail import read_mail
from dangol.converse.sandbox import get_mailbox, list_mailbox, reply_as_customer
from dangol.converse.thread import answer, answers_waiting, get_thread, list_threads
from dangol.model.verdict import Silent
from dangol.settings import Settings
from dangol.store.brand import Brand, save_brand, save_setting
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
        now = dt.datetime.now(dt.UTC)
        save_brand(conn, brand, by="test", now=now)
        save_setting(conn, "hours", {"from": "00:00", "until": "00:00"}, by="test", now=now)
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
    """First one that she began, then one that we begin."""
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
    _begin_one(running)


def _begin_one(running: Installation) -> None:
    """A mail that nobody asked for, by SMTP, and the answer to it, by SMTP."""
    keyring = load_keyring(running.data / "keyring.json")
    now = dt.datetime.now(dt.UTC)
    words = {"subject": "안부 전합니다", "text": "잘 지내시지요?", "locale": "ko"}
    said = Beginning(customer_id=KIM, nth=0, base_url=running.url, **words)
    with connect(running.dsn, name="test") as conn:
        conn.execute("update contact_state set consent = 'granted' where customer_id = %s", [KIM])
        assert not isinstance(may_begin(conn, KIM, is_practice=True, now=now), Silent)
        first, second = (begin(conn, keyring, said, uuid4(), now) for _ in range(2))
    assert (first.is_new, second) == (True, Begun(first.thread_id, is_new=False))
    entry = wait_until(lambda: _arrived(running, 2), timeout=30, why=lambda: _why(running))
    with connect(running.dsn, name="test") as conn:
        opened = get_mailbox(conn, entry.id)
        assert opened.text.startswith("잘 지내시지요?")
        assert f"수신거부: {running.url}/u/" in opened.text
        settings = Settings(data=running.data, mail_port=running.mail_port)
        reply_as_customer(conn, settings, entry.id, "잘 지내요!", now)
    waiting = _waiting(running, "잘 지내요!")
    assert waiting.id == first.thread_id
    with connect(running.dsn, name="test") as conn:
        found = get_thread(conn, KIM, first.thread_id)
        assert [(one.direction, one.delivery) for one in found.messages] == [
            ("out", "accepted"), ("in", None),
        ]  # fmt: skip
    sent = read_events(running.data, running.dsn, "name", "Message Sent")
    assert [customer for _, _, customer, _ in sent].count(KIM) == 2, "both stand on her timeline"


def _thread(running: Installation) -> object:
    with connect(running.dsn, name="test") as conn:
        threads = list_threads(conn, KIM)
        return get_thread(conn, KIM, threads[0].id) if len(threads) == 1 else None


def _arrived(running: Installation, least: int = 1) -> object:
    """The latest mail in her box, once there are so many."""
    with connect(running.dsn, name="test") as conn:
        found = list_mailbox(conn, ADDRESS)
        return found[0] if len(found) >= least else None


def _told(running: Installation) -> int:
    """How many answers are on the customer's timeline."""
    replied = read_events(running.data, running.dsn, "name", "Message Replied")
    return sum(customer == KIM for _, _, customer, _ in replied)


def _why(running: Installation) -> str:
    with connect(running.dsn, name="test") as conn:
        rows = conn.execute("select state, reason, response from message").fetchall()
    return f"{rows}\n" + "\n".join(running.lines[-30:])
