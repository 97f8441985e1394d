"""Asking the query worker: it is started when nobody answers, and found when somebody does.

The web process reads no history itself (it does not load DuckDB); it sends a question over the
installation's socket and waits. A question only reads, so a lost worker is simply asked anew.
"""

import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from dangol.engine.query.frame import (
    Failure,
    Question,
    Reply,
    read_frame,
    socket_path,
    write_frame,
)
from dangol.errors import DangolError
from dangol.settings import Settings

_START_S = 15.0
_POLL_S = 0.02
_GRACE_S = 5.0
"""How much longer than its timeout an answer may take to arrive."""

_started: list[subprocess.Popen[bytes]] = []
"""Workers that this process started; their input closes with this process, which ends them."""
_starting = threading.Lock()


class QueryFailed(DangolError):
    """The question was not answered; `code` says why to programs, `path` where in the question."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence, **failure.values)
        self.code = failure.code
        self.path = failure.path


def ask(
    settings: Settings,
    kind: str,
    values: dict[str, Any],
    *,
    timeout_s: float = 30.0,
    is_batch: bool = False,
) -> Any:
    """The answer as plain JSON data; blocks, so call it in a thread.

    Raises:
        QueryFailed: the question cannot be answered, or not in time.
    """
    question = Question(kind=kind, values=values, is_batch=is_batch, timeout_s=timeout_s)
    try:
        reply = _exchange(settings, question)
    except (ConnectionError, FileNotFoundError):
        _start(settings)
        reply = _ask_again(settings, question)
    if reply.failure is not None:
        raise QueryFailed(reply.failure)
    return reply.answer


def _ask_again(settings: Settings, question: Question) -> Reply:
    try:
        return _exchange(settings, question)
    except OSError as error:
        sentence = "The query worker does not answer ({error}); try again."
        return Reply(
            failure=Failure(code="unavailable", sentence=sentence, values={"error": str(error)})
        )


def _exchange(settings: Settings, question: Question) -> Reply:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(question.timeout_s + _GRACE_S)
        stream.connect(str(socket_path(settings.temp_dir)))
        try:
            write_frame(stream, question)
            return msgspec.json.decode(read_frame(stream), type=Reply)
        except TimeoutError:
            sentence = "The answer took too long; ask for less."
            return Reply(failure=Failure(code="timeout", sentence=sentence))


def _start(settings: Settings) -> None:
    """Have a worker that listens; several processes may want this at once, one starts it."""
    path = socket_path(settings.temp_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _starting, open(path.with_name("query.starting"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        deadline = time.monotonic() + _START_S
        worker: subprocess.Popen[bytes] | None = None
        while not _is_listening(path):
            if worker is None or worker.poll() is not None:
                worker = _spawn(settings)
            if time.monotonic() > deadline:
                return
            time.sleep(_POLL_S)


def _spawn(settings: Settings) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DANGOL_DATA": str(settings.data),
        "DANGOL_DATABASE_URL": settings.database_url or "",
        "DANGOL_ENGINE_MEMORY_MB": str(settings.engine_memory_mb),
    }
    _forget_ended()
    worker = subprocess.Popen(
        [sys.executable, "-m", "dangol.engine.query.worker"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    _started.append(worker)
    return worker


def _forget_ended() -> None:
    for worker in [one for one in _started if one.poll() is not None]:
        if worker.stdin is not None:
            worker.stdin.close()
        _started.remove(worker)


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(1.0)
        with suppress(OSError):
            stream.connect(str(path))
            return True
    return False


def stop_started() -> None:
    """End the workers that this process started and wait for them."""
    for worker in _started:
        if worker.stdin is not None:
            worker.stdin.close()
        worker.wait(10)
    _started.clear()
