"""Answers and the sandbox mailbox at the desk."""

from datetime import UTC, datetime

import pytest

from dangol.converse.service import Receiver
from dangol.listen.heard import IntakeRow
from dangol.store.brand import Brand, save_brand
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.token import seal
from dangol.web.signin.role import Role

NOW = datetime.now(UTC)
RAW = (
    b"From: Gildong <gildong@home.example>\r\nTo: x@in.shop.example\r\nSubject: Re: \xec\x86\x8c\xec\x8b\x9d\r\n"
    b"Message-ID: <a1@home.example>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<p>\xec\xbb\xa4\xed\x94\xbc <script>alert(1)</script> &lt;b&gt;?</p>\r\n"
)


@pytest.fixture
def thread_url(desk, settings, add_customer) -> str:
    """The conversation that an answer to a campaign opened."""
    customer = add_customer("홍길동", "loyal", traits={"email": "gildong@home.example"})
    brand = Brand(name="단골", sender_email="hi@shop.example", reply_domain="in.shop.example")
    save_brand(desk.conn, brand, by="test", now=NOW)
    desk.conn.execute(
        "insert into send (id, kind, message_kind, created_at, created_by) "
        "values (1, 'campaign', 'news', now(), 'test')"
    )
    desk.conn.execute("update send_block set next_id = 10")
    keyring = load_keyring(settings.keyring_path)
    token = seal(keyring, "r", 1, customer)
    meta = {"mail_from": "gildong@home.example", "rcpt": [f"r+{token}@in.shop.example"]}
    receiver = Receiver(keyring, Journal(settings.journal_dir))
    receiver.hear(desk.conn, [IntakeRow(1, NOW, "mail", "mail", meta, RAW)], NOW)
    desk.conn.commit()
    row = desk.conn.execute("select customer_id, id from thread").fetchone()
    desk.conn.commit()
    return f"/answers/{row[0]}/{row[1]}"


def test_who_waits_is_on_home_in_the_list_and_gets_an_answer(desk, thread_url):
    desk.sign_in(Role.SUPPORT)
    assert thread_url in desk.get("/")
    assert thread_url in desk.get("/answers")
    page = desk.get(thread_url)
    assert "커피" in page
    assert "<script>alert" not in page
    desk.post(thread_url, 422, text="  ")
    assert desk.post(thread_url, text="네, 됩니다.") == thread_url
    assert "네, 됩니다." in desk.get(thread_url)
    assert "Nobody waits" in desk.get("/answers")
    assert thread_url in desk.get("/answers?which=all")
    assert desk.conn.execute("select kind from send where id = 10").fetchone()[0] == "answer"


def test_a_complaint_is_marked_and_taken_back(desk, thread_url):
    desk.sign_in(Role.SUPPORT)
    desk.post(f"{thread_url}/complaint", is_complaint="on")
    assert "No marketing goes" in desk.get(thread_url)
    desk.post(f"{thread_url}/complaint", is_complaint="")
    desk.post(f"{thread_url}/close")
    assert desk.conn.execute("select state, is_complaint from thread").fetchone() == (
        "closed",
        False,
    )


def test_viewers_read_along(desk, thread_url):
    desk.sign_in(Role.VIEWER)
    desk.get(thread_url)
    desk.post(thread_url, 403, text="x")
    desk.get(f"/answers/999/{thread_url.rsplit('/', 1)[1]}", 404)
    desk.get("/answers/1/not-an-id", 404)


def test_the_mailbox_shows_mail_in_a_closed_frame(desk):
    html = RAW.replace(b"</p>", b'<img src="https://tracker.example/x.gif"></p>')
    desk.conn.execute(
        "insert into mailbox_message values (gen_random_uuid(), now(), 'kim@mail.example', "
        "'hi@shop.example', '소식', %s)",
        [html],
    )
    row = desk.conn.execute("select id from mailbox_message").fetchone()
    desk.conn.commit()
    desk.sign_in(Role.SUPPORT)
    assert f"/mailbox/{row[0]}" in desk.get("/mailbox?q=kim@mail.example")
    assert 'data-total="0"' in desk.get("/mailbox?q=other@mail.example")
    assert "<script>alert" not in desk.get(f"/mailbox/{row[0]}")
    answer = desk.client.get(f"/mailbox/{row[0]}/body")
    assert "img-src 'self' data:" in answer.headers["content-security-policy"]
    assert "sandbox" in answer.headers["content-security-policy"]
    assert desk.client.get(f"/mailbox/{row[0]}/raw").content == html
    desk.post("/mailbox/clear", 403)
    desk.sign_in(Role.MARKETER)
    desk.post("/mailbox/clear")
    assert "empty" in desk.get("/mailbox")
