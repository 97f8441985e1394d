"""The post process with real SMTP on the loopback: from the wire to the thread."""

import datetime as dt
import smtplib
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from dangol.converse import post
from dangol.converse.sandbox import (
    count_mailbox,
    get_mailbox,
    list_mailbox,
    reply_as_customer,
    trim_mailbox,
)
from dangol.converse.thread import answers_waiting, count_waiting, list_strays
from dangol.engine.route import route_once
from dangol.errors import Refused
from dangol.settings import Settings
from dangol.store.pool import connect
from tests.integration.converse.conftest import KIM, NOW
from tests.unit.converse.mails import mail


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _until(condition, seconds=10.0):
    """Wait for something that another thread does; fails with what it last saw."""
    end = time.monotonic() + seconds
    while not (seen := condition()):
        assert time.monotonic() < end, seen
        threading.Event().wait(0.01)
    return seen


@contextmanager
def _running(settings):
    stop = threading.Event()
    failed = []

    def run():
        try:
            post.run_post(settings, stop)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for port in (settings.mail_port, settings.sandbox_port):
            _until(lambda port=port: _listens(port))
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
        assert not failed


def _listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def settings(shop, dsn, tmp_path):
    shop.conn.commit()
    return Settings(
        data=tmp_path, database_url=dsn, mail_port=_free_port(), sandbox_port=_free_port()
    )


@pytest.fixture
def running(settings):
    with _running(settings):
        yield settings


def _send(port, sender, rcpt, raw):
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        return client.sendmail(sender, rcpt, raw)


def _route(shop, dsn):
    with connect(dsn, name="route") as conn:
        while route_once(conn, {"mail": shop.receiver.hear}, dt.datetime.now(dt.UTC)).waiting:
            pass


def test_an_answer_on_the_wire_is_waiting_within_two_seconds(shop, running, dsn):
    start = time.monotonic()
    _send(running.mail_port, "kim@home.example", [shop.reply_to()], mail("네!", message_id="<1@x>"))
    _route(shop, dsn)
    (waiting,) = answers_waiting(shop.conn)
    assert time.monotonic() - start < 2
    assert (waiting.customer_id, waiting.last_text) == (KIM, "네!")
    told = shop.conn.execute("select name, customer_id from inbox").fetchall()
    assert told == [("Message Replied", KIM)]


def test_unknown_recipients_are_refused_before_any_data(shop, running):
    token = shop.token()
    forged = f"r+{token[:-2]}aa@in.shop.example"
    for address in ("someone@in.shop.example", forged, "r+@x", "u+abc@x"):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            _send(running.mail_port, "a@b.example", [address], b"x")
        assert refused.value.recipients[address][0] == 550
    assert shop.conn.execute("select count(*) from intake").fetchone() == (0,)


def test_the_brands_own_address_is_known(shop, running, dsn):
    def taken():
        try:
            return (
                _send(
                    running.mail_port,
                    "a@b.example",
                    ["Hello@shop.example"],
                    mail("hi", **{"from": "a@b.example"}),
                )
                == {}
            )
        except smtplib.SMTPRecipientsRefused:
            return False

    _until(taken)
    _route(shop, dsn)
    assert len(list_strays(shop.conn)) == 1


def test_too_large_is_refused_and_the_connection_lives(shop, running):
    with smtplib.SMTP("127.0.0.1", running.mail_port, timeout=60) as client:
        client.ehlo()
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@b.example", [shop.reply_to()], b"x" * 26_300_000)
        client.rset()
        client.mail("a@b.example")
        client.rcpt(shop.reply_to())
        assert client.data(b"y" * 26_300_000)[0] == 552
        assert client.sendmail("a@b.example", [shop.reply_to()], mail("ok")) == {}


def test_withdrawal_by_mail_holds_when_it_is_acknowledged(shop, running, dsn):
    _send(
        running.mail_port,
        "kim@home.example",
        [shop.reply_to("u")],
        mail("", subject="unsubscribe", message_id="<u@x>"),
    )
    state = shop.conn.execute("select consent from contact_state where customer_id = %s", [KIM])
    assert state.fetchone() == ("withdrawn",)
    shop.conn.commit()
    assert [one.reason for one in shop.journal.read().entries] == ["opt_out"]
    _route(shop, dsn)
    told = shop.conn.execute("select count(*) from inbox where name = 'Consent Changed'")
    assert told.fetchone() == (1,)
    assert count_waiting(shop.conn) == 0


def test_while_the_database_is_away_nothing_is_acknowledged(shop, settings, dsn, server):
    from psycopg import sql

    name = dsn.rsplit("/", 1)[1].split("?")[0]
    admin = server.dsn.replace("/dangol?", "/postgres?")
    token = shop.reply_to()
    shop.conn.close()
    with _running(settings), connect(admin, name="admin", autocommit=True) as boss:
        database = sql.Identifier(name)
        boss.execute(sql.SQL("alter database {} allow_connections false").format(database))
        boss.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        try:
            with pytest.raises(smtplib.SMTPDataError) as refused:
                _send(settings.mail_port, "kim@home.example", [token], mail("hello"))
            assert refused.value.smtp_code == 451
        finally:
            boss.execute(sql.SQL("alter database {} allow_connections true").format(database))
        assert _send(settings.mail_port, "kim@home.example", [token], mail("hello")) == {}
    with connect(dsn, name="test") as conn:
        assert conn.execute("select count(*) from intake").fetchone() == (1,)


def test_the_sandbox_takes_practice_addresses_only(shop, running):
    for address in ("a@gmail.com", "a@example.com.evil.kr", "a b@x.example"):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            _send(running.sandbox_port, "shop@shop.example", [address], b"x")
    for address in ("Kim@home.example", "x@y.test", "x@localhost"):
        _send(running.sandbox_port, "shop@shop.example", [address], mail("hi", subject="새 원두"))
    entries = list_mailbox(shop.conn)
    assert {one.rcpt for one in entries} == {"kim@home.example", "x@y.test", "x@localhost"}
    assert {one.subject for one in entries} == {"새 원두"}
    assert trim_mailbox(shop.conn, entries[0].at) == 2
    assert list_mailbox(shop.conn) == entries[:1]


def test_answering_as_the_customer_comes_back_through_the_front_door(shop, running, dsn):
    letter = mail(
        "Tea?\n.hidden dot",
        subject="새 원두",
        message_id=shop.message_id(),
        reply_to=f"단골 <{shop.reply_to()}>",
    )
    _send(running.sandbox_port, "b@in.shop.example", ["kim@home.example"], letter)
    (entry,) = list_mailbox(shop.conn, "Kim@home.example")
    assert "\n.hidden dot" in get_mailbox(shop.conn, entry.id).text
    target = reply_as_customer(shop.conn, running, entry.id, "네, 두 봉지요!\n부탁해요.", NOW)
    assert target == shop.reply_to()
    shop.conn.commit()
    _route(shop, dsn)
    (waiting,) = answers_waiting(shop.conn)
    assert waiting.last_text == "네, 두 봉지요!\n부탁해요."
    assert waiting.subject == "Re: 새 원두"
    assert not waiting.is_other_sender


def test_answering_an_unanswerable_letter_says_why(shop, running):
    _send(
        running.sandbox_port,
        "b@x.example",
        ["kim@home.example"],
        mail("hi", **{"from": "no@reply.example"}),
    )
    (entry,) = list_mailbox(shop.conn)
    with pytest.raises(Refused, match="could not be handed"):
        reply_as_customer(shop.conn, running, entry.id, "hello?", NOW)


def test_the_sandbox_keeps_up_with_pipelined_senders(shop, running):
    """Thousands in one connection, commands in one write, as the dispatcher does it."""
    many = 2000
    body = mail("hello " * 200, subject="News").replace(b"\n.", b"\n..")
    one = b"MAIL FROM:<s@shop.example>\r\nRCPT TO:<c%d@home.example>\r\nDATA\r\n"
    start = time.monotonic()
    counts = [0, 0]

    def run(which):
        with socket.create_connection(("127.0.0.1", running.sandbox_port)) as wire:
            file = wire.makefile("rb")
            file.readline()
            wire.sendall(b"EHLO x\r\n")
            while not file.readline().startswith(b"250 "):
                pass
            for i in range(many // 2):
                wire.sendall(one % i)
                replies = [file.readline() for _ in range(3)]
                assert replies[2].startswith(b"354"), replies
                wire.sendall(body + b"\r\n.\r\n")
                counts[which] += file.readline().startswith(b"250")

    threads = [threading.Thread(target=run, args=[which]) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{many / (time.monotonic() - start):,.0f} messages/s")
    assert sum(counts) == many == count_mailbox(shop.conn)


def test_smuggling_and_bad_commands(shop, running):
    with socket.create_connection(("127.0.0.1", running.sandbox_port)) as wire:
        file = wire.makefile("rb")

        def say(line, answer):
            wire.sendall(line)
            assert file.readline().startswith(answer)

        file.readline()
        say(b"MAIL FROM:<a@b.example>\r\n", b"503")
        say(b"HELO x\r\n", b"250")
        say(b"DATA\r\n", b"503")
        say(b"RCPT TO:<a@b.example>\r\n", b"503")
        say(b"MAIL FROM:a@b.example\r\n", b"501")
        say(b"MAIL FROM:<>\r\n", b"250")
        say(b"WHAT\r\n", b"502")
        say(b"RCPT TO:<a@b.example>\r\n", b"250")
        say(b"DATA\r\n", b"354")
        inner = b"one\n.\nMAIL FROM:<evil@x.example>\r.\r\ntwo\r\n.\r\n"
        say(b"..\r\n" + inner, b"250")
        say(b"NOOP\r\n", b"250")
    (entry,) = list_mailbox(shop.conn)
    assert get_mailbox(shop.conn, entry.id).raw == b".\r\n" + inner[:-3]


def test_a_client_that_only_errs_is_shown_out(running):
    with socket.create_connection(("127.0.0.1", running.mail_port)) as wire:
        wire.sendall(b"X\r\n" * 30)
        said = wire.makefile("rb").read()
    assert b"421" in said
    with socket.create_connection(("127.0.0.1", running.mail_port)) as wire:
        wire.sendall(b"A" * 20_000)
        assert b"500" in wire.makefile("rb").read()
