"""Inside the worker: people before batches, nothing waits for ever, and idleness ends it."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dangol.engine.query.frame import Question, Reply, read_frame, write_frame
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm
from dangol.engine.query.worker import Worker
from dangol.settings import Settings

_SLOW = "select sum(hash(a.i, b.i) % 7) from range({rows}) a(i), range(10000) b(i)"


class Rows(msgspec.Struct, frozen=True):
    """How much work a test question is."""

    rows: int


@answers("test_work", Rows)
def work(warm: Warm, asked: Rows) -> str:
    """Keep DuckDB busy."""
    warm.as_of().snapshot.query(_SLOW.format(rows=asked.rows))
    return "done"


class Running:
    """A worker in this process and a way to ask it without the client."""

    def __init__(self, settings: Settings, path: Path, idle_s: float) -> None:
        self.path = path
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen(16)
        self.worker = Worker(settings, idle_s)
        self.thread = threading.Thread(target=self.worker.serve, args=[listener])
        self.thread.start()

    def ask(self, rows: int, *, is_batch: bool = False, timeout_s: float = 60) -> Reply:
        values: dict[str, Any] = {"rows": rows}
        question = Question(kind="test_work", values=values, is_batch=is_batch, timeout_s=timeout_s)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(90)
            stream.connect(str(self.path))
            write_frame(stream, question)
            return msgspec.json.decode(read_frame(stream), type=Reply)


@pytest.fixture
def running(tmp_path: Path, dsn: str) -> Iterator[Running]:
    settings = Settings(data=tmp_path / "data", database_url=dsn, engine_memory_mb=256)
    found = Running(settings, tmp_path / "q.sock", idle_s=60)
    yield found
    found.worker.stop()
    found.thread.join(20)
    assert not found.thread.is_alive()


def test_people_go_before_batches(running: Running) -> None:
    ended: list[str] = []

    def batch() -> None:
        assert running.ask(60_000, is_batch=True).answer == "done"
        ended.append("batch")

    running.ask(1)
    waiting = threading.Thread(target=batch)
    waiting.start()
    while running.worker.is_resting:
        threading.Event().wait(0.01)
    assert running.ask(1).answer == "done"
    ended.append("person")
    waiting.join()
    assert ended == ["person", "batch"]


def test_a_question_ends_at_its_deadline(running: Running) -> None:
    started = time.monotonic()
    reply = running.ask(100_000_000, timeout_s=1)
    assert reply.failure
    assert reply.failure.code == "timeout"
    assert time.monotonic() - started < 20
    assert running.ask(1).answer == "done"


def test_idleness_ends_it(tmp_path: Path, dsn: str) -> None:
    settings = Settings(data=tmp_path / "data", database_url=dsn, engine_memory_mb=256)
    found = Running(settings, tmp_path / "q.sock", idle_s=0.5)
    assert found.ask(1).answer == "done"
    found.thread.join(20)
    assert not found.thread.is_alive()


def test_nonsense_on_the_socket_harms_nobody(running: Running) -> None:
    for sent in (b"", b"\0\0\0\5hello", b"\xff\xff\xff\xff", b"\0\0"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.connect(str(running.path))
            stream.sendall(sent)
    assert running.ask(1).answer == "done"
