"""Polling a mailbox: each mail once, nothing lost, nothing of the old, nothing marked or deleted."""

import datetime as dt
from contextlib import contextmanager

import msgspec
import pytest
from imap_tools import MailBoxUnencrypted

from dangol.converse.imap import ImapConfig, fetch_new, read_box, save_config
from dangol.store.brand import read_setting
from dangol.store.keyring import load_keyring
from tests.integration.converse.imap_server import Mailbox, serving
from tests.unit.converse.mails import mail


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def poll(conn, mailbox):
    with serving(mailbox) as port:

        def once():
            config = ImapConfig(host="127.0.0.1", port=port, user="kim", password="sealed")
            with _logged_in(port) as box:
                return read_box(conn, config, box)

        yield once


@contextmanager
def _logged_in(port):
    box = MailBoxUnencrypted("127.0.0.1", port)
    try:
        yield box.login("kim", "secret", "INBOX")
    finally:
        box.client.shutdown()


def _bodies(conn):
    return [bytes(row[0]) for row in conn.execute("select body from intake order by id")]


def test_what_was_there_before_is_left_alone_and_the_new_is_read_once(conn, mailbox, poll):
    mailbox.add(mail("old"))
    assert poll() == 0
    first, second = mail("one"), mail("둘")
    mailbox.add(first)
    mailbox.add(second)
    assert poll() == 2
    assert poll() == 0
    assert _bodies(conn) == [first, second]
    assert len(mailbox.mails) == 3
    assert not any("STORE" in command or "EXPUNGE" in command for command in mailbox.commands)


def test_an_empty_mailbox_is_no_error(conn, poll):
    assert poll() == 0
    assert poll() == 0


def test_a_mailbox_made_anew_is_read_from_its_beginning(conn, mailbox, poll):
    mailbox.add(mail("old"))
    poll()
    mailbox.validity, mailbox.mails, mailbox.next_uid = 8, {}, 1
    mailbox.add(mail("after the move"))
    assert poll() == 1


def test_many_are_read_in_steps_and_the_checkpoint_moves_with_them(conn, mailbox, poll):
    poll()
    for i in range(120):
        mailbox.add(mail(f"mail {i}"))
    assert poll() == 120
    assert len(_bodies(conn)) == 120
    assert conn.execute("select uid_validity, uid from imap_checkpoint").fetchone() == (7, 120)


def test_a_crash_between_two_steps_reads_nothing_twice(conn, mailbox, poll, monkeypatch):
    from dangol.converse import imap

    poll()
    for i in range(60):
        mailbox.add(mail(f"mail {i}"))
    fetched = []

    def failing(box, uid, fetch=imap._fetch):
        fetched.append(uid)
        if len(fetched) == 55:
            raise OSError("connection lost")
        return fetch(box, uid)

    monkeypatch.setattr(imap, "_fetch", failing)
    with pytest.raises(OSError):
        poll()
    conn.rollback()
    monkeypatch.undo()
    assert poll() == 10
    assert len(_bodies(conn)) == 60
    assert len(set(_bodies(conn))) == 60


def test_a_mail_deleted_meanwhile_is_skipped(conn, mailbox, poll):
    poll()
    mailbox.add(mail("stays"))
    mailbox.add(mail("goes"))
    mailbox.mails.pop(2)
    mailbox.add(mail("stays too"))
    assert poll() == 2


def test_the_password_is_sealed_and_a_refused_certificate_is_no_crash(conn, tmp_path, mailbox, dsn):
    keyring = load_keyring(tmp_path / "keyring.json")
    with serving(mailbox) as port:
        config = ImapConfig(host="127.0.0.1", port=port, user="kim", password="secret")
        save_config(conn, keyring, config, by="test", now=dt.datetime.now(dt.UTC))
        conn.commit()
        stored = read_setting(conn, "imap")
        assert "secret" not in str(stored)
        with pytest.raises(OSError):  # the server speaks no TLS, so no password is sent
            fetch_new(conn, msgspec.convert(stored, ImapConfig), keyring)
    assert not any("LOGIN" in command for command in mailbox.commands)
