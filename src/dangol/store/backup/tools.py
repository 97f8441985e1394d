"""PostgreSQL's own tools: dump one snapshot, load it in one transaction."""

import errno
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dangol.errors import ServerError
from dangol.store.files import storage_error


def dump(binaries: Path, dsn: str, shared: str, target: Path) -> None:
    """The whole database as the snapshot `shared` sees it, compressed, into `target`.

    Raises:
        StorageError: the disk is full.
        ServerError: pg_dump failed.
    """
    what = ["--format=custom", "--compress=1", "--no-owner", "--no-privileges"]
    try:
        _run(binaries / "pg_dump", what, ["--snapshot", shared, "--file", target], dsn=dsn)
    except ServerError as error:
        if os.strerror(errno.ENOSPC) not in str(error):
            raise
        raise storage_error(target, OSError(errno.ENOSPC, "full")) from error


def load(binaries: Path, dsn: str, source: Path, last: str) -> None:
    """Everything of a dump, and then the statement `last`, in one transaction: all or nothing."""
    script = source.with_suffix(".sql")
    _run(binaries / "pg_restore", ["--no-owner", "--no-privileges", "--file", script, source])
    with open(script, "a", encoding="utf-8") as file:
        file.write(f"\n{last}\n")
    _run(
        binaries / "psql",
        ["--no-psqlrc", "--quiet", "--single-transaction", "--output", os.devnull],
        ["--set", "ON_ERROR_STOP=1", "--file", script],
        dsn=dsn,
    )
    script.unlink()


def _run(program: Path, *given: Sequence[str | Path], dsn: str | None = None) -> None:
    """Run a tool; the password goes by the environment, where other users cannot read it.

    Raises:
        ServerError: the tool failed; its own words are in the message.
    """
    environment = dict(os.environ)
    args = [str(arg) for group in given for arg in group]
    if dsn:
        parts = conninfo_to_dict(dsn)
        password = parts.pop("password", None)
        environment |= {"PGPASSWORD": str(password)} if password else {}
        args += ["--dbname", make_conninfo(**parts)]
    done = subprocess.run([program, *args], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise ServerError(f"{program.name} failed: {done.stderr.strip()[-1000:]}")
