"""Bringing a backup back into an empty data folder, or an empty database of one's own."""

import os
import shutil
from datetime import datetime
from pathlib import Path

from dangol.errors import Refused, SchemaMismatch
from dangol.settings import Settings
from dangol.store.backup.archive import (
    DUMP,
    JOURNAL,
    KEYRING,
    LAKE,
    Header,
    read_header,
    unpack,
)
from dangol.store.backup.hold import Hold, hold_statement
from dangol.store.backup.tools import load
from dangol.store.journal import Journal
from dangol.store.migrate import list_migrations, migrate
from dangol.store.pool import connect
from dangol.store.server import find_tools
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

_UNPACKED = "restoring"


def unpack_backup(archive: Path, settings: Settings) -> Header:
    """Unpack and check a backup inside the still empty data folder; `place_backup` comes next.

    Raises:
        InputError: the file is no backup, or damaged.
        SchemaMismatch: it was made by a newer version.
        Refused: something is in the folder.
    """
    header = read_header(archive)
    newest = list_migrations()[-1].number
    if header.migration > newest:
        raise SchemaMismatch(
            f"{archive} was made by Dangol {header.dangol}: install that version or a newer one."
        )
    refuse_unless_empty(settings.data)
    unpacked = settings.data / _UNPACKED
    unpacked.mkdir(mode=0o700, parents=True)
    try:
        unpack(archive, unpacked)
    except BaseException:
        shutil.rmtree(unpacked)
        raise
    return header


def refuse_unless_empty(data: Path) -> None:
    """Make sure that nothing is overwritten.

    Raises:
        Refused: the folder holds something.
    """
    if data.exists() and any(data.iterdir()):
        raise Refused(
            f"{data} is not empty; a backup is restored into a new folder (--data). "
            "If an earlier restore was interrupted, remove that folder first."
        )


def place_backup(settings: Settings, dsn: str, header: Header, now: datetime) -> Journal:
    """Put what was unpacked in its place and return the journal with all that is known.

    The keyring and the files first, then the database in one transaction that also makes the
    installation wait for its owner. A journal that is kept outside the data folder stays, and
    learns what only the backup knew. `finish_restore` comes when that journal is replayed.

    Raises:
        Refused: the database holds something.
        ServerError: the database could not be loaded; it is as empty as before.
    """
    unpacked = settings.data / _UNPACKED
    with connect(dsn, name="restore") as conn:
        if not conn.execute(SQL.is_empty).fetchone()[0]:
            raise Refused("The database holds an installation already; name an empty one.")
    _place(unpacked / KEYRING, settings.keyring_path)
    _place(unpacked / LAKE, settings.lake_dir)
    journal = Journal(settings.journal_dir)
    known = set(journal.read().entries)
    journal.append(e for e in Journal(unpacked / JOURNAL).read().entries if e not in known)
    hold = hold_statement(Hold(at=now, backup_at=header.created_at))
    load(find_tools(), dsn, unpacked / DUMP, hold)
    with connect(dsn, name="restore", autocommit=True) as conn:
        migrate(conn)
        conn.execute("analyze")
    return journal


def finish_restore(settings: Settings) -> None:
    """The last step, after the journal was replayed: from now on the folder counts as whole."""
    shutil.rmtree(settings.data / _UNPACKED)


def refuse_unfinished(data: Path) -> None:
    """Make sure that nothing begins on a folder into which a restore was interrupted.

    It holds keys and files, and perhaps a database that does not know the latest opt-outs.

    Raises:
        Refused: it was.
    """
    if (data / _UNPACKED).exists():
        raise Refused(
            "A restore into {data} was interrupted. Remove that folder and restore again.",
            data=data,
        )


def _place(source: Path, target: Path) -> None:
    """Move a file or folder of the backup, durably."""
    if not source.exists():
        return
    for path in [source, *source.rglob("*")]:
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
