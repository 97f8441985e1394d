"""Keeps the parts of one installation alive: database, web, engine, dispatcher, post.

Standard library only, so that the process that must never die has little to die of. It takes
the data folder's lock, starts the database, prepares it, starts the parts, restarts what ends,
and on SIGTERM or SIGINT stops everything and leaves no process behind.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
import webbrowser
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from dangol import thrift
from dangol.doors import check_doors
from dangol.errors import DangolError, DataInUse, ServerError
from dangol.store.files import REFUSALS, storage_error
from dangol.store.server import EmbeddedServer

PARTS = ("web", "engine", "dispatch", "post")
_GRACE_SECONDS = 20.0
_LONGEST_PAUSE = 10.0
_LOOK_EVERY = 5.0
"""Seconds after which the parts are looked at even if no signal told of an end."""


@dataclass
class Part:
    """One supervised process and when to start it again."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = 0.0
    start_at: float = 0.0


@dataclass
class Supervisor:
    """One installation on one machine; `run` returns when it has been asked to stop."""

    data: Path
    url: str
    database_url: str | None = None
    host: str = "127.0.0.1"
    server: EmbeddedServer | None = None
    parts: list[Part] = field(default_factory=lambda: [Part(name) for name in PARTS])
    stopping: bool = False
    again_at: float = 0.0

    def run(self) -> int:
        """Start everything, watch it, stop everything; 0 when it ended as asked.

        Raises:
            DataInUse: another supervisor holds the data folder.
            SettingError: another program listens on one of the ports.
            ServerError: the database could not be started or prepared.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        lock = take_lock(self.data, self.url)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGHUP, self._on_signal)
        bell = _ring_at_signals()
        try:
            _clear(self.data / "tmp")
            check_doors(self.host)
            self._start_database()
            welcome = self._prepare()
            self._watch(welcome, bell)
        finally:
            self._stop_all()
            lock.close()
        return 0

    # -- starting ------------------------------------------------------------------------

    def _start_database(self) -> None:
        if self.database_url:
            return
        self.server = EmbeddedServer(self.data)
        self._note("database_url", self.server.start())

    def _environment(self) -> dict[str, str]:
        dsn = self.database_url or (self.server.dsn if self.server else "")
        ours = {"DANGOL_DATABASE_URL": dsn, "DANGOL_DATA": str(self.data)}
        return thrift.ENVIRONMENT | os.environ | ours

    def _prepare(self) -> dict[str, str]:
        """Migrate the database and make the first owner; what there is to say comes back."""
        made = subprocess.run(
            [sys.executable, "-m", "dangol.cli", "prepare"],
            env=self._environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        if made.returncode != 0:
            raise ServerError("The database could not be prepared; the lines above say why.")
        return json.loads(made.stdout.strip().splitlines()[-1])

    def _start(self, part: Part) -> None:
        part.process = subprocess.Popen(
            [sys.executable, "-m", "dangol.cli", part.name],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=_die_with_parent,
        )
        part.started_at = time.monotonic()
        self._note(f"{part.name}.pid", str(part.process.pid))

    def _note(self, name: str, text: str) -> None:
        """Leave a private note in data/run for the commands that join this installation."""
        run = self.data / "run"
        run.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(run / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")

    # -- watching ------------------------------------------------------------------------

    def _watch(self, welcome: dict[str, str], bell: int) -> None:
        said = False
        while not self.stopping:
            self._tend_database()
            for part in self.parts:
                self._tend(part)
            if not said and self._answers():
                said = True
                self._say_ready(welcome)
            _await_bell(bell, self._pause() if said else 0.03)

    def _pause(self) -> float:
        """How long nothing is to be done unless a signal comes."""
        is_complete = all(part.process for part in self.parts)
        is_served = self.server is None or self.server.poll() is None
        return _LOOK_EVERY if is_complete and is_served else 0.1

    def _tend(self, part: Part) -> None:
        now = time.monotonic()
        if part.process is None:
            if now >= part.start_at and not self.stopping:
                self._start(part)
            return
        status = part.process.poll()
        if status is None:
            return
        _end_group(part.process.pid)
        lived = now - part.started_at
        part.pause = 0.2 if lived > 30 else min(max(part.pause * 2, 0.2), _LONGEST_PAUSE)
        part.start_at = now + part.pause
        part.process = None
        if not self.stopping:
            _say(f"{part.name} ended with status {status}; starting it again")

    def _tend_database(self) -> None:
        if self.server is None or self.server.poll() is None or time.monotonic() < self.again_at:
            return
        _say(f"postgres ended with status {self.server.poll()}; starting it again")
        try:
            self.server.start()
        except DangolError as error:
            _say(f"postgres did not start: {error}")
            self.again_at = time.monotonic() + _LONGEST_PAUSE / 5

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _say_ready(self, welcome: dict[str, str]) -> None:
        _say(f"ready {self.url}")
        if "login" in welcome:
            door = f"{self.url}{welcome['login']}"
            _say(f"sign in once with {door}")
            if sys.stdout.isatty() and os.environ.get("DISPLAY"):
                webbrowser.open(door)

    # -- stopping ------------------------------------------------------------------------

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _stop_all(self) -> None:
        self.stopping = True
        alive = [part.process for part in self.parts if part.process is not None]
        for process in alive:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in alive:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            _end_group(process.pid)
            process.wait()
        if self.server is not None:
            self.server.stop()
            (self.data / "run" / "database_url").unlink(missing_ok=True)


def take_lock(data: Path, url: str) -> IO[str]:
    """Hold the data folder until the returned file is closed or this process ends.

    Raises:
        DataInUse: somebody else holds it; the message names who.
    """
    lock = open(data / "dangol.lock", "a+")  # noqa: SIM115 - held for the process's life
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        raise DataInUse(
            f"{data} is in use by {holder}; stop it first, or choose another folder with --data."
        ) from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()} at {url}\n")
    lock.flush()
    return lock


def _ring_at_signals() -> int:
    """A file descriptor that can be read after each signal, and after the end of a child."""
    bell, rope = os.pipe()
    for end in (bell, rope):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # ignored by default, and then nothing rings
    signal.set_wakeup_fd(rope, warn_on_full_buffer=False)
    return bell


def _await_bell(bell: int, seconds: float) -> None:
    if select.select([bell], [], [], seconds)[0]:
        os.read(bell, 4096)


def _clear(folder: Path) -> None:
    """Remove what killed processes left: uploads, dumps and sorts that hold people's data."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG


def _end_group(pid: int) -> None:
    """End what a part left behind: it led a process group of its own."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """Run with the settings of the environment (see `dangol up`)."""
    host, port = os.environ.get("DANGOL_HOST", "127.0.0.1"), os.environ.get("DANGOL_PORT", "8080")
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
    data = Path(os.environ.get("DANGOL_DATA", "data")).resolve()
    database = os.environ.get("DANGOL_DATABASE_URL") or None
    try:
        return Supervisor(data, f"http://{shown}:{port}", database, host).run()
    except DangolError as error:
        print(f"dangol: {error}", file=sys.stderr)
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        told = storage_error(Path(error.filename or data), error)
        print(f"dangol: {told}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
