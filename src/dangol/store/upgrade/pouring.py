"""Everything from one server straight into another; nothing touches the disk in between."""

import ctypes
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dangol.errors import ServerError
from dangol.store.rights import clean_environment

_BLOCK = 1 << 20
_WHOLE = ["--no-owner", "--no-privileges"]
_ONCE = ["--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1"]


def pour(tools: Path, source: str, target: str, tell: Callable[[int], None]) -> int:
    """Dump `source` and load it into the empty `target` in one transaction; how many bytes went.

    `tools` is the folder of the newer `pg_dump` and `psql`. `tell` is called with the bytes so far,
    often.

    Raises:
        ServerError: one of the two failed; what is in `target` is to be thrown away.
    """
    moved = 0
    with tempfile.TemporaryFile() as words, tempfile.TemporaryFile() as more:
        dump = _start(tools / "pg_dump", _WHOLE, source, stdout=subprocess.PIPE, stderr=words)
        load = _start(
            tools / "psql",
            [*_ONCE, "--output", os.devnull, "--file", "-"],
            target,
            stdin=subprocess.PIPE,
            stderr=more,
        )
        with dump, load:
            try:
                for block in iter(partial(dump.stdout.read1, _BLOCK), b""):
                    load.stdin.write(block)
                    moved += len(block)
                    tell(moved)
            except BrokenPipeError:
                pass  # psql ended; its words follow
            except BaseException:
                load.kill()
                raise
            finally:
                dump.stdout.close()
                with suppress(BrokenPipeError):
                    load.stdin.close()
        _check(load, more)
        _check(dump, words)
    return moved


def _start(
    program: Path, args: Sequence[str], dsn: str, **streams: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """A tool that ends with us; the password goes by the environment, where others cannot read it."""
    parts = conninfo_to_dict(dsn)
    password = str(parts.pop("password", ""))
    return subprocess.Popen(
        [program, *args, "--dbname", make_conninfo(**parts)],
        env=clean_environment() | {"PGPASSWORD": password},
        preexec_fn=_die_with_parent,
        **streams,
    )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG


def _check(process: subprocess.Popen[bytes], words: IO[bytes]) -> None:
    if process.returncode != 0:
        words.seek(0)
        said = words.read().decode(errors="replace").strip()[-1000:]
        raise ServerError(f"{Path(process.args[0]).name} failed: {said or process.returncode}")
