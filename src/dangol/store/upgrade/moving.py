"""The upgrade from one major version of PostgreSQL to the one of this version.

The new database is made beside the old one, filled, compared, and then put in its place by
renames. Whoever dies in between leaves the old or the new one whole; see `store/swap.py`.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dangol.errors import NotFound, Refused, SchemaMismatch, StorageError
from dangol.store.binaries import MAJOR, Binaries, find_older, find_tools
from dangol.store.pool import connect
from dangol.store.server import EmbeddedServer, Folders
from dangol.store.swap import CURRENT, KEPT, NEW, READY, discard, finish_swap, list_kept, swap
from dangol.store.upgrade.comparing import compare, list_foreign
from dangol.store.upgrade.pouring import pour

Say = Callable[[str], None]

_FROM = Folders(CURRENT, "run.old", "upgrade.log")
_TO = Folders(NEW, "run.new", "upgrade.log")
"""Sockets that nobody knows, so that no other command can write while rows are moved."""

_READING = {"listen_addresses": "", "autovacuum": "off"}
_LOADING = {
    "autovacuum": "off",
    "wal_level": "minimal",  # rows of a table made in the same transaction skip the log
    "max_wal_senders": "0",
    "maintenance_work_mem": "512MB",
}
_SPARE_BYTES = 512 << 20
_SECONDS_BETWEEN_WORDS = 5.0


def upgrade(home: Path, say: Say, *, old_server: Path | None = None) -> None:
    """Bring the database under `home` to PostgreSQL `MAJOR`; the caller holds the folder's lock.

    `say` gets a line for each step; `old_server` is a folder with the programs of the version that
    made the database. Called again after a kill or an error it finishes, or starts again. The old
    database is kept beside the new one.

    Raises:
        NotFound: there is no database, or no server that can read it.
        SchemaMismatch: a newer version made it.
        Refused: the old database of an earlier upgrade is still there.
        StorageError: there is too little room on the disk.
        ServerError: a server or a tool failed, or the two databases differ; the old one is as before.
    """
    server = EmbeddedServer(home)
    if finish_swap(server.root):
        say("An earlier upgrade was stopped before its last step; that is done now.")
    major = _find_older_major(server)
    if major is None:
        say(f"The database is at PostgreSQL {MAJOR} already; nothing is to be done.")
        return
    programs = find_older(major, old_server, server.find_wheel())
    say(f"PostgreSQL {major} → {MAJOR}, with the old server of {programs.folder}")
    discard(server.root / READY)  # of a run that was killed; the old one may have changed since
    _refuse_without_room(server.root)
    _fill(home, programs, say)
    say("Changing places …")
    kept = swap(server.root, major)
    say(f"Done. The old database is kept in {kept}.")
    say("When all is well, `dangol upgrade --remove-old` removes it.")


def remove_kept(home: Path, say: Say) -> None:
    """Remove the old databases that upgrades left; the one in use stays."""
    server = EmbeddedServer(home)
    finish_swap(server.root)
    kept = list_kept(server.root)
    for folder in kept:
        discard(folder)
        say(f"Removed {folder}.")
    if not kept:
        say("No old database is kept.")


def _find_older_major(server: EmbeddedServer) -> int | None:
    """The version to move from; None when the database is at ours.

    Raises: NotFound, SchemaMismatch, Refused as `upgrade` does.
    """
    major = server.find_major()
    if major is None:
        raise NotFound(f"{server.home} holds no database; name its folder with --data.")
    if major > MAJOR:
        raise SchemaMismatch(
            f"The database was made by PostgreSQL {major}, this version of Dangol has {MAJOR}: "
            "install the newer version of Dangol that made it."
        )
    if major < MAJOR and (server.root / f"{KEPT}{major}").exists():
        raise Refused(
            f"{server.root / f'{KEPT}{major}'} is there from an earlier upgrade. If it is not "
            "needed any more, remove it with `dangol upgrade --remove-old`, and upgrade again."
        )
    return major if major < MAJOR else None


def _refuse_without_room(root: Path) -> None:
    """A database that was loaded anew takes no more than the old one without its log."""
    needed = _size(root / CURRENT) + _SPARE_BYTES
    left_over = _size(root / NEW)
    free = shutil.disk_usage(root).free + left_over
    if free < needed:
        raise StorageError(
            f"The upgrade needs {needed / 1e6:,.0f} MB on the disk of {root}, and "
            f"{free / 1e6:,.0f} MB are free: make room. Nothing was changed."
        )


def _size(folder: Path) -> int:
    """Bytes on the disk below `folder`, without a database's log."""
    total = 0
    for path, folders, names in os.walk(folder):
        if "pg_wal" in folders:
            folders.remove("pg_wal")
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
    return total


def _fill(home: Path, programs: Binaries, say: Say) -> None:
    """A whole and compared `data.new`, or none."""
    old = EmbeddedServer(home, folders=_FROM, binaries=programs, settings=_READING)
    new = EmbeddedServer(home, folders=_TO, settings=_LOADING)
    new.remove()
    say("Making the new database beside the old one …")
    try:
        with _running(new) as target, _running(old) as source:
            for name in list_foreign(source):
                say(f"Not ours and not moved: database {name}; it stays in the old one.")
            say("Moving …")
            moved = pour(find_tools(), source, target, _teller(say))
            say(f"Moved {moved / 1e6:,.0f} MB; comparing …")
            with connect(target, name="upgrade", autocommit=True) as conn:
                conn.execute("analyze")
            same = compare(source, target)
            say(
                f"Equal: {len(same.rows)} tables, {same.total:,} rows, "
                f"{len(same.migrations)} migrations."
            )
    except BaseException:
        new.remove()
        raise


@contextmanager
def _running(server: EmbeddedServer) -> Iterator[str]:
    try:
        yield server.start()
    finally:
        server.stop()
        server.forget_socket()


def _teller(say: Say) -> Callable[[int], None]:
    """Says how far it is, not oftener than every few seconds."""
    said_at = time.monotonic()

    def tell(moved: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= _SECONDS_BETWEEN_WORDS:
            said_at = time.monotonic()
            say(f"  {moved / 1e6:,.0f} MB")

    return tell
