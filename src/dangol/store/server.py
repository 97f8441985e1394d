"""The embedded PostgreSQL: a real server of our own, run from the binaries of a wheel.

It lives in one folder, listens on a socket in a private folder, takes a generated password,
runs as a user of its own when we are root, and dies with the process that started it.
"""

import contextlib
import hashlib
import os
import secrets
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from dangol.errors import SchemaMismatch, ServerError
from dangol.store import rights
from dangol.store.binaries import (
    Binaries,
    find_tools,
    make_reachable,
    name_wheel,
    own_binaries,
)
from dangol.store.rights import clean_environment, find_account
from dangol.store.swap import CURRENT, discard, finish_swap

DATABASE = "dangol"
ROLE = "dangol"
_SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "120",
    "shared_buffers": "256MB",
    "effective_cache_size": "2GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "wal_buffers": "16MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "password_encryption": "'scram-sha-256'",
    "max_prepared_transactions": "0",
    "autovacuum_naptime": "30s",
    "bgwriter_delay": "1s",
    "bgwriter_lru_maxpages": "500",
    "wal_writer_delay": "1s",
    "autovacuum_vacuum_cost_delay": "0",
    "log_min_messages": "'warning'",
    "log_min_error_statement": "'panic'",
    "restart_after_crash": "on",
}
_WHEEL_NOTE = "dangol.wheel"


class Folders(NamedTuple):
    """Names inside the server's own folder."""

    data: str = CURRENT
    socket: str = "run"
    log: str = "postgres.log"


class EmbeddedServer:
    """One PostgreSQL cluster under `home`; start it, use `dsn`, stop it.

    `settings` are added to those of `postgresql.auto.conf`. An upgrade runs two servers beside each
    other: `folders` keeps them apart, and `binaries` are those of another version.
    """

    def __init__(
        self,
        home: Path,
        *,
        settings: dict[str, str] | None = None,
        folders: Folders | None = None,
        binaries: Binaries | None = None,
    ) -> None:
        self.home = home.resolve()
        self._extra = settings or {}
        self._folders = folders or Folders()
        self._account = find_account()
        self.root = self._writable_root()
        self._is_foreign = binaries is not None
        self._major = (binaries or own_binaries()).major
        self._bin = make_reachable(binaries or own_binaries(), self._account)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """The connection string, with the generated password."""
        password = quote((self.home / "postgres.password").read_text().strip())
        host = quote(str(self._socket_dir), safe="")
        return f"postgresql://{ROLE}:{password}@/{DATABASE}?host={host}"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs as our child."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def binaries(self) -> Path:
        """The folder of `pg_dump`, `psql` and the others, of the same version."""
        return self._bin

    def start(self) -> str:
        """Create the cluster if there is none, start it, and return the connection string.

        Raises:
            SchemaMismatch: the folder was made by another major version.
            ServerError: the server did not come up; its log's end is in the message.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        if self._folders.data == CURRENT:
            finish_swap(self.root)
        if self.find_major() is None:
            self._create_cluster()
        self._refuse_other_major()
        self._socket_dir.mkdir(mode=0o700, exist_ok=True)
        self._account.own(self._socket_dir)
        if not self._is_foreign:
            self._write_settings()
        self._end_orphan()
        extra = [part for pair in self._extra.items() for part in ("-c", "=".join(pair))]
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._data, "-k", self._socket_dir, *extra],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.root,
                env=clean_environment(),
                preexec_fn=self._account.drop_rights(die_with_parent=True),
                process_group=0,
            )
        self._wait_until_ready()
        return self.dsn

    def stop(self, *, timeout: float = 30.0) -> None:
        """Shut down; open transactions roll back. Returns when no process is left."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout)

    def find_major(self) -> int | None:
        """Which PostgreSQL made the cluster; None while there is none.

        Raises:
            ServerError: the folder is there, but no database is in it.
        """
        if not self._data.exists():
            return None
        try:
            return int((self._data / "PG_VERSION").read_text())
        except (FileNotFoundError, ValueError):
            raise ServerError(
                f"{self._data} is damaged: its file PG_VERSION is missing or empty. "
                "Move the folder away and restore a backup."
            ) from None

    def find_wheel(self) -> str | None:
        """The wheel that ran the cluster last, as pip takes it; None when nobody noted it."""
        try:
            return (self._data / _WHEEL_NOTE).read_text().strip() or None
        except FileNotFoundError:
            return None

    def remove(self) -> None:
        """Take the cluster away, whatever a kill left of it and of its processes."""
        self._end_orphan()
        discard(self._data)

    def forget_socket(self) -> None:
        """Remove the folder of the socket, once the server was stopped."""
        with contextlib.suppress(OSError):
            self._socket_dir.rmdir()

    def poll(self) -> int | None:
        """The exit status when the postmaster has ended, else None."""
        return self._process.poll() if self._process else None

    # -- folders and rights ------------------------------------------------------------

    @property
    def _data(self) -> Path:
        return self.root / self._folders.data

    @property
    def _log(self) -> Path:
        return self.root / self._folders.log

    @property
    def _socket_dir(self) -> Path:
        inside = self.root / self._folders.socket
        if len(str(inside)) < 80:
            return inside
        digest = hashlib.sha256(str(inside).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"dangol-{digest}"

    def _writable_root(self) -> Path:
        """The server's own folder: inside `home`, or under /var/lib when its account can't get there."""
        inside = self.home / "postgres"
        if not self._account.can_enter(self.home):
            digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:16]
            inside = rights.ROOT_HOME / digest
            inside.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.home.mkdir(parents=True, exist_ok=True)
        inside.mkdir(mode=0o700, exist_ok=True)
        self._account.own(inside)
        return inside

    # -- cluster -----------------------------------------------------------------------

    def _refuse_other_major(self) -> None:
        found = self.find_major()
        if found == self._major:
            return
        if found is not None and found < self._major:
            advice = f"run `dangol upgrade --data {self.home}`, which moves everything over."
        else:
            advice = "install the newer version of Dangol that made it."
        raise SchemaMismatch(
            f"{self._data} was made by PostgreSQL {found}, this is {self._major}: {advice}"
        )

    def _create_cluster(self) -> None:
        """Made under another name first, so that what has the right one is whole."""
        making = self._data.with_name(self._data.name + ".making")
        discard(making)
        given = self.root / "initial-password"
        given.write_text(self._password() + "\n")
        given.chmod(0o600)
        self._account.own(given)
        command = [
            self._bin / "initdb", "-D", making, "-U", ROLE, "--pwfile", given,
            "-A", "scram-sha-256", "-E", "UTF8", "--locale-provider=builtin",
            "--locale=C.UTF-8", "--no-instructions",
        ]  # fmt: skip
        made = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=self.root,
            env=clean_environment(),
            preexec_fn=self._account.drop_rights(die_with_parent=True),
        )
        given.unlink()
        if made.returncode != 0:
            discard(making)
            raise ServerError(f"initdb could not create {self._data}:\n{made.stderr[-2000:]}")
        making.rename(self._data)

    def _password(self) -> str:
        """The one that was generated for this installation, now if there is none yet."""
        file = self.home / "postgres.password"
        known = file.read_text().strip() if file.exists() else ""
        if known:
            return known
        password = secrets.token_urlsafe(24)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as opened:
            opened.write(password + "\n")
        return password

    def _write_settings(self) -> None:
        """Our settings, and which wheel it was: an upgrade by a later version asks for that one."""
        lines = [f"{name} = {value}" for name, value in _SETTINGS.items()]
        text = "\n".join(["# Written by Dangol at every start.", *lines, ""])
        for name, content in (("postgresql.auto.conf", text), (_WHEEL_NOTE, name_wheel() + "\n")):
            target = self._data / name
            target.write_text(content)
            self._account.own(target)

    def _end_orphan(self) -> None:
        """End what is left of a server whose parent, or whose postmaster, was killed.

        Backends without a postmaster hold the shared memory until they notice; a new server
        cannot start before the last of them is gone.
        """
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            postmaster = _postmaster_pid(self._data)
            left = [postmaster] if postmaster else _processes_in(self._data)
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT if postmaster else signal.SIGQUIT)
            time.sleep(0.1)
        raise ServerError(f"PostgreSQL processes {left} still hold {self._data}; stop them.")

    def _wait_until_ready(self, timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        while True:
            status = self._process.poll() if self._process else 0
            if status is not None:
                raise ServerError(f"PostgreSQL ended with status {status}:\n{self._log_tail()}")
            if self._ask("select 1").returncode == 0:
                break
            if time.monotonic() > deadline:
                raise ServerError(f"PostgreSQL did not answer:\n{self._log_tail()}")
            time.sleep(0.05)
        made = self._ask(f"create database {DATABASE}")
        if made.returncode != 0 and "already exists" not in made.stderr:
            raise ServerError(f"The database could not be created: {made.stderr.strip()}")

    def _ask(self, statement: str) -> subprocess.CompletedProcess[str]:
        """Run one statement with the wheel's psql, so that starting needs no driver."""
        command = [find_tools() / "psql", "-X", "-h", self._socket_dir, "-U", ROLE]
        password = (self.home / "postgres.password").read_text().strip()
        return subprocess.run(
            [*command, "-d", "postgres", "-c", statement],
            capture_output=True,
            text=True,
            env=clean_environment() | {"PGPASSWORD": password},
        )

    def _log_tail(self) -> str:
        try:
            return self._log.read_text(errors="replace")[-2000:]
        except OSError:
            return f"(no log at {self._log})"


def _postmaster_pid(data: Path) -> int | None:
    """The id of a live postmaster that holds `data`, else None."""
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        cmdline = Path(f"/proc/{pid}/cmdline").read_text()
    except (OSError, ValueError, IndexError):
        return None
    return pid if name == "postgres" and str(data) in cmdline else None


def _processes_in(data: Path) -> list[int]:
    """Processes that work inside `data`, as a server's backends do."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == data:
                found.append(int(entry.name))
        except OSError:
            continue
    return found
