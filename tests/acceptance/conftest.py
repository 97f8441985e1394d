"""A whole installation, started as a user starts it: `dangol up` on a folder and a port of its own."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import pytest

from dangol.settings import Settings
from dangol.store.lake import snapshot


@dataclass
class Installation:
    """A running `dangol up`; `lines` is what it printed so far."""

    data: Path
    port: int
    mail_port: int
    sandbox_port: int
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    collector: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def dsn(self) -> str:
        return (self.data / "run" / "database_url").read_text().strip()

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "DANGOL_DATA": str(self.data),
            "DANGOL_MAIL_PORT": str(self.mail_port),
            "DANGOL_SANDBOX_PORT": str(self.sandbox_port),
        }

    def run(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """One `dangol` command that joins this installation."""
        return subprocess.run(
            [sys.executable, "-m", "dangol.cli", *args],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def pid(self, part: str) -> int | None:
        """The process id of a part, or of `postgres`; None while there is none."""
        path = self.data / "run" / f"{part}.pid"
        if part == "postgres":
            path = self.data / "postgres" / "data" / "postmaster.pid"
        try:
            pid = int(path.read_text().split()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            return None
        return pid

    def wait_for(self, text: str, *, timeout: float = 60) -> str:
        """The first printed line that contains `text`."""
        return wait_until(
            lambda: next((line for line in self.lines if text in line), None),
            timeout=timeout,
            why=lambda: f"no {text!r} in:\n" + "\n".join(self.lines[-40:]),
        )

    def stop(self, number: int = signal.SIGTERM, *, timeout: float = 60) -> int:
        """Ask it to stop; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout)
        if self.collector is not None:
            self.collector.join(10)
        return status


def wait_until(probe: Callable[[], object], *, timeout: float, why: Callable[[], str]) -> object:
    """What `probe` returns as soon as it is true; fails with `why` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        pause.wait(0.05)
    raise AssertionError(why())


def read_events(
    data: Path, dsn: str, column: str, value: str
) -> list[tuple[str, str, int, dict[str, object]]]:
    """(event id, name, customer, props) of all events, recent or in the lake, in order of time."""
    settings = Settings(data=data, database_url=dsn)
    with snapshot(settings, dsn, views=("events",)) as lake:
        found = lake.query(
            "select event_id::varchar as id, name, customer_id, props from events "
            f"where {column} = ? order by time, received_at",
            [value],
        ).to_pylist()
    return [(row["id"], row["name"], row["customer_id"], json.loads(row["props"])) for row in found]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def launch(data: Path, *args: str, ports: list[int] | None = None) -> Installation:
    """Start `dangol up` on `data` without waiting for it."""
    port, mail_port, sandbox_port = ports or free_ports(3)
    environment = {key: value for key, value in os.environ.items() if key[:7] != "DANGOL_"} | {
        "DANGOL_MAIL_PORT": str(mail_port),
        "DANGOL_SANDBOX_PORT": str(sandbox_port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "dangol.cli", "up", "--data", data, "--port", str(port), *args],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_end_with_the_tests,
    )
    running = Installation(data, port, mail_port, sandbox_port, process)

    def collect() -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            running.lines.extend(line.rstrip() for line in lines)

    running.collector = threading.Thread(target=collect, daemon=True)
    running.collector.start()
    return running


def _end_with_the_tests() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG


@pytest.fixture
def new_data() -> Iterator[Path]:
    """An empty data folder that the database's own account can reach."""
    folder = Path(mkdtemp(prefix="dangol-test-"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(["rm", "-rf", folder], check=False)


@pytest.fixture
def up(new_data: Path) -> Iterator[Callable[..., Installation]]:
    """`up(*args)` starts an installation and waits until it is ready; all end with the test."""
    started: list[Installation] = []

    def start(*args: str, data: Path = new_data, ready: bool = True) -> Installation:
        running = launch(data, *args)
        started.append(running)
        if ready:
            running.wait_for("ready http")
        return running

    yield start
    for running in started:
        running.stop()
