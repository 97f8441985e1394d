"""Pull the post process at any moment: every acknowledged answer is there, each once."""

import datetime as dt
import os
import random
import signal
import smtplib
import socket
import subprocess
import sys
import threading

from dangol.converse.thread import list_threads
from dangol.engine.route import route_once
from dangol.store.pool import connect
from tests.integration.converse.conftest import KIM
from tests.unit.converse.mails import mail

KILLS = 4


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _start(environment):
    command = [sys.executable, "-m", "dangol.cli", "post"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


class Sender:
    """A mail server in front of ours: it offers each mail until it is acknowledged."""

    def __init__(self, port, rcpt):
        self.port, self.rcpt = port, rcpt
        self.acknowledged = []
        self.stop = threading.Event()

    def run(self):
        number = 0
        while not self.stop.is_set():
            raw = mail(f"mail {number}", message_id=f"<{number}@home.example>")
            if self._offer(raw):
                self.acknowledged.append(number)
                number += 1
            else:
                self.stop.wait(0.05)

    def _offer(self, raw):
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as client:
                return client.sendmail("kim@home.example", [self.rcpt], raw) == {}
        except (OSError, smtplib.SMTPException):
            return False


def test_nothing_acknowledged_is_lost_or_doubled(shop, dsn, tmp_path):
    shop.conn.commit()
    port = _free_port()
    environment = os.environ | {
        "DANGOL_DATABASE_URL": dsn,
        "DANGOL_DATA": str(tmp_path),
        "DANGOL_MAIL_PORT": str(port),
        "DANGOL_SANDBOX_PORT": str(_free_port()),
    }
    sender = Sender(port, shop.reply_to())
    thread = threading.Thread(target=sender.run)
    thread.start()
    dice = random.Random(7)
    try:
        for _ in range(KILLS):
            process = _start(environment)
            known = len(sender.acknowledged)
            _until(lambda known=known: len(sender.acknowledged) >= known + 5)
            sender.stop.wait(dice.random() / 5)
            process.send_signal(signal.SIGKILL)
            process.wait(20)
        process = _start(environment)
        known = len(sender.acknowledged)
        _until(lambda: len(sender.acknowledged) >= known + 5)
    finally:
        sender.stop.set()
        thread.join(30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with connect(dsn, name="route") as conn:
        while route_once(conn, {"mail": shop.receiver.hear}, dt.datetime.now(dt.UTC)).waiting:
            pass
    rows = shop.conn.execute("select header_id from thread_message where customer_id = %s", [KIM])
    kept = [int(row[0][1:].split("@")[0]) for row in rows]
    assert len(kept) == len(set(kept))
    assert set(sender.acknowledged) <= set(kept)
    assert len(list_threads(shop.conn, KIM)) == 1


def _until(condition):
    pause = threading.Event()
    for _ in range(600):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("nothing moves")
