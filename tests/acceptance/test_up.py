"""`dangol up`: one command starts everything, keeps it alive and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psycopg
import pytest

from dangol.store.migrate import list_migrations
from dangol.supervisor import PARTS
from tests.acceptance.conftest import Installation, wait_until


def test_it_starts_heals_and_stops_without_a_trace(up) -> None:
    running: Installation = up()
    assert urllib.request.urlopen(f"{running.url}/healthz").status == 200
    assert re.search(r"sign in once with http://\S+", running.wait_for("sign in once"))
    for part in ("engine", "web", "postgres"):
        killed = running.pid(part)
        os.kill(killed, signal.SIGKILL)
        wait_until(
            lambda part=part, killed=killed: running.pid(part) not in (None, killed),
            timeout=30,
            why=lambda part=part: f"{part} did not come back:\n" + "\n".join(running.lines),
        )
    wait_until(
        lambda: "ok    database" in running.run("check").stdout,
        timeout=30,
        why=lambda: running.run("check").stdout,
    )
    ours = _processes_of(running.data)
    assert len(ours) > len(PARTS)
    assert running.stop() == 0
    assert _processes_of(running.data) == []


def test_killing_the_supervisor_ends_everything_and_the_next_start_works(up) -> None:
    running: Installation = up()
    running.process.kill()
    running.process.wait()
    wait_until(
        lambda: not _processes_of(running.data),
        timeout=40,
        why=lambda: f"still alive: {_processes_of(running.data)}",
    )
    left = running.data / "tmp" / "upload-of-a-killed-process"
    left.write_bytes(b"name,email")
    again: Installation = up()
    assert not left.exists()
    assert again.stop(signal.SIGINT) == 0


def test_a_taken_port_is_named_before_anything_starts(up, new_data) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        port = taken.getsockname()[1]
        running: Installation = up("--port", str(port), ready=False)
        assert running.process.wait(60) == 1
        assert running.wait_for(f"Port {port} is in use").endswith("with DANGOL_PORT.")
    assert not (new_data / "postgres").exists()


def test_a_second_start_on_the_same_folder_names_the_holder(up) -> None:
    running: Installation = up()
    second: Installation = up(ready=False)
    assert second.process.wait(30) == 1
    said = second.wait_for("in use by")
    assert f"process {running.process.pid}" in said
    assert "--data" in said


def test_a_newer_database_is_refused_with_what_to_do(up) -> None:
    running: Installation = up()
    with psycopg.connect(running.dsn) as conn:
        newest = list_migrations()[-1].number + 1
        conn.execute("insert into migration (number, name) values (%s, 'later')", [newest])
    running.stop()
    again: Installation = up(ready=False)
    assert again.process.wait(60) == 1
    assert "install the newer version" in again.wait_for("newer version")


def test_a_key_is_made_for_senders(up) -> None:
    running: Installation = up()
    made = running.run("keys", "create", "shop", "--scope", "track", "--json")
    assert made.returncode == 0, made.stderr
    assert '"key"' in made.stdout


@pytest.mark.parametrize("args", [["check"], ["keys", "create", "shop"]])
def test_commands_without_an_installation_say_what_to_do(args: list[str], tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DANGOL_")}
    found = subprocess.run(
        [sys.executable, "-m", "dangol.cli", *args],
        env=environment | {"DANGOL_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert found.returncode != 0
    assert "start `dangol up`" in found.stdout + found.stderr


def _processes_of(data: Path) -> list[int]:
    """Processes whose command line or environment names the data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(data).encode() in text and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found
