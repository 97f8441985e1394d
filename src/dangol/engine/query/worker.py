"""The query worker's process: answers one question at a time, people before batches.

It is started by a web process that needs it, listens on a socket that only this account can reach,
and ends after a minute without questions or when the process that started it is gone (its
standard input closes). It only reads, so ending it at any moment harms nothing.
"""

import fcntl
import itertools
import os
import queue
import resource
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import IO

import duckdb
import msgspec

from dangol.engine.query import (
    campaigns,
    flow,
    giving,
    meetings,
    outlook,
    people,
    rapport,
    registry,
    rfm,
    rhythm,
    stays,
    stood,
    timeline,
    why,
)
from dangol.engine.query.frame import (
    Failure,
    Question,
    Reply,
    read_frame,
    socket_path,
    write_frame,
)
from dangol.engine.query.warm import Warm
from dangol.errors import Conflict, DangolError, NotFound, Refused
from dangol.settings import Settings, load_settings

IDLE_S = 60.0
"""Without questions for so long, it ends."""

_READ_S = 10.0
_WRITE_S = 30.0
_WATCH_S = 0.05
_MOST_INTERRUPTIONS = 3
"""A batch question that gave way so often is answered before people after all."""

_CODES = ((NotFound, "not_found"), (Conflict, "conflict"), (Refused, "refused"))

REGISTERED = (
    campaigns, flow, giving, meetings, outlook, people, rapport, rfm, rhythm, stays,
    stood, timeline, why,
)  # fmt: skip
"""Modules whose questions this process answers."""


class _Task:
    """A question that waits for its answer."""

    def __init__(self, question: Question, stream: socket.socket) -> None:
        self.question = question
        self.stream = stream
        self.deadline = time.monotonic() + question.timeout_s
        self.gave_way = 0

    @property
    def may_give_way(self) -> bool:
        """Whether it is interrupted for a person's question."""
        return self.question.is_batch and self.gave_way < _MOST_INTERRUPTIONS


class Worker:
    """Reads questions in threads, answers them in one."""

    def __init__(self, settings: Settings, idle_s: float = IDLE_S) -> None:
        self._warm = Warm(settings)
        self._idle_s = idle_s
        self._waiting: queue.PriorityQueue[tuple[bool, int, _Task]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._running: _Task | None = None
        self._last_question = time.monotonic()

    def serve(self, listener: socket.socket) -> None:
        """Answer until it is idle for too long or told to stop."""
        listener.settimeout(0.5)
        runner = threading.Thread(target=self._run, name="runner")
        watcher = threading.Thread(target=self._watch, name="watcher")
        runner.start()
        watcher.start()
        while not self._stop.is_set():
            with suppress(TimeoutError):
                stream, _ = listener.accept()
                threading.Thread(target=self._read, args=[stream], daemon=True).start()
            if self._is_idle():
                break
        listener.close()
        self._stop.set()
        runner.join()
        self._ended.set()
        watcher.join()
        self._warm.close()

    def stop(self) -> None:
        """End soon; the running query is interrupted."""
        self._stop.set()

    @property
    def is_resting(self) -> bool:
        """Whether no question is being answered or waits."""
        return self._running is None and self._waiting.empty()

    def _is_idle(self) -> bool:
        return self.is_resting and time.monotonic() - self._last_question > self._idle_s

    def _read(self, stream: socket.socket) -> None:
        self._last_question = time.monotonic()
        stream.settimeout(_READ_S)
        try:
            question = msgspec.json.decode(read_frame(stream), type=Question)
        except (OSError, msgspec.DecodeError):
            stream.close()
            return
        self._put(_Task(question, stream))

    def _put(self, task: _Task) -> None:
        is_later = task.question.is_batch and task.may_give_way
        self._waiting.put((is_later, next(self._order), task))

    # -- answering ---------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(queue.Empty):
                _, _, task = self._waiting.get(timeout=0.2)
                self._running = task
                try:
                    self._answer(task)
                finally:
                    self._running = None
                    self._last_question = time.monotonic()

    def _answer(self, task: _Task) -> None:
        if time.monotonic() > task.deadline:
            self._reply(task, _failed("timeout", "The answer took too long; ask for less."))
            return
        question = task.question
        try:
            found = registry.answer(self._warm, question.kind, question.values)
            reply = Reply(answer=msgspec.to_builtins(found))
        except duckdb.InterruptException:
            self._warm.turn()
            if time.monotonic() < task.deadline and not self._stop.is_set():
                task.gave_way += 1
                self._put(task)
                return
            reply = _failed("timeout", "The answer took too long; ask for less.")
        except DangolError as error:
            self._warm.turn()
            reply = _failure_of(error)
        except Exception as error:
            named = self._warm.find_damage(error)
            self._warm.cool()
            reply = _failure_of(named)
        self._reply(task, reply)

    def _reply(self, task: _Task, reply: Reply) -> None:
        task.stream.settimeout(_WRITE_S)
        try:
            write_frame(task.stream, reply)
        except ValueError:
            with suppress(OSError):
                write_frame(
                    task.stream,
                    _failed("too_large", "The answer is too large; ask for a smaller page."),
                )
        except OSError:
            pass  # nobody waits any more
        finally:
            task.stream.close()

    def _watch(self) -> None:
        """Interrupt what is late, what nobody may wait for, and batches when a person asks."""
        while not self._ended.wait(_WATCH_S):
            task = self._running
            if task is None:
                continue
            is_late = time.monotonic() > task.deadline
            if is_late or self._stop.is_set() or (task.may_give_way and self._person_waits()):
                self._warm.interrupt()

    def _person_waits(self) -> bool:
        with self._waiting.mutex:
            return bool(self._waiting.queue) and not self._waiting.queue[0][0]


def _failed(code: str, sentence: str) -> Reply:
    return Reply(failure=Failure(code=code, sentence=sentence))


def _failure_of(error: Exception) -> Reply:
    if isinstance(error, DangolError):
        named = next((name for kind, name in _CODES if isinstance(error, kind)), "invalid")
        code = str(getattr(error, "code", named))
        path = getattr(error, "path", None)
        failure = Failure(code=code, sentence=error.sentence, values=error.values, path=path)
        return Reply(failure=failure)
    traceback.print_exception(error)
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
        return _failed(
            "out_of_memory", "The question needs more memory; raise DANGOL_ENGINE_MEMORY_MB."
        )
    return _failed("internal", "The question could not be answered; the log says why.")


def run(settings: Settings, until_closed: IO[bytes] | None = None) -> None:
    """Be the query worker of this installation; returns at once when there is one already."""
    path = socket_path(settings.temp_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        worker = Worker(settings)
        if until_closed is not None:
            threading.Thread(target=_await_end, args=[until_closed, worker], daemon=True).start()
        try:
            worker.serve(_listen(path))
        finally:
            path.unlink(missing_ok=True)


def _await_end(stream: IO[bytes], worker: Worker) -> None:
    stream.read()
    worker.stop()


def _listen(path: Path) -> socket.socket:
    """A socket that only this account can reach; a leftover of a killed worker is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(64)
    return listener


def _limit_memory(megabytes: int) -> None:
    """Let the kernel refuse what goes far beyond DuckDB's own share."""
    limit = (2 * megabytes + 1024) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def main() -> None:
    """`python -m dangol.engine.query.worker`, with settings from the environment."""
    settings = load_settings()
    _limit_memory(settings.engine_memory_mb)
    run(settings, sys.stdin.buffer)
    sys.stderr.flush()
    os._exit(0)  # what DuckDB's binding says about its own leftovers at exit helps nobody


if __name__ == "__main__":
    main()
