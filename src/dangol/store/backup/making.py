"""Making a backup while everything runs."""

import tempfile
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import psycopg

from dangol.errors import NotFound, Refused
from dangol.settings import Settings
from dangol.store.backup.archive import DUMP, JOURNAL, KEYRING, LAKE, Header, writing_archive
from dangol.store.backup.tools import dump
from dangol.store.files import DISK, FileLayer, storage_error, write_file
from dangol.store.lake.manifest import LakeFile, list_files
from dangol.store.lake.soundness import DamagedFile, find_damaged
from dangol.store.pool import connect
from dangol.store.server import find_tools
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Backup(msgspec.Struct, frozen=True):
    """A finished backup."""

    path: Path
    bytes: int
    files: int
    """How many history files it holds."""
    damaged: tuple[DamagedFile, ...] = ()
    """What is wrong with some of them: they are in it as they are, or not at all."""


def check_target(settings: Settings, target: Path) -> None:
    """Make sure that a backup can stand there, before anything is read for it.

    Raises:
        NotFound: its folder is not there.
        Refused: it is inside the data folder, and would be lost with it.
        StorageError: its folder is not ours to write.
    """
    folder = target.absolute().parent
    if not folder.is_dir():
        raise NotFound("There is no folder {folder}; make it first.", folder=folder)
    kept = [settings.data, settings.lake_dir, settings.journal_dir]
    if any(folder.resolve().is_relative_to(one.resolve()) for one in kept):
        raise Refused(
            "{folder} is inside the data folder: a backup there is lost with it. Name a folder "
            "elsewhere, best on another disk.",
            folder=folder,
        )
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise storage_error(target, error) from error


def make_backup(
    settings: Settings, dsn: str, target: Path, now: datetime, *, layer: FileLayer = DISK
) -> Backup:
    """Write everything that is kept into the new file `target`, as of one instant.

    Database and history are read in one snapshot; files that leave the history meanwhile stay on
    the disk for a day. The journal comes last: it may know more, never less. The file holds the
    keys, so it can be read by its owner only. A damaged history file keeps nothing else from being
    backed up, but whoever relies on this backup must be told of it.

    Raises:
        StorageError: `target` could not be written; nothing is left there.
        ServerError: pg_dump failed.
    """
    settings.temp_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.temp_dir) as folder:
        dumped = Path(folder) / DUMP
        with connect(dsn, name="backup") as conn:
            header, files = _dump(conn, dsn, dumped, now)
        damaged = find_damaged(settings.lake_dir, files)
        paths = [file.path for file in files if (settings.lake_dir / file.path).exists()]

        def fill(file) -> int:
            with writing_archive(file, header) as archive:
                archive.add_file(DUMP, dumped)
                archive.add_file(KEYRING, settings.keyring_path)
                for path in paths:
                    archive.add_file(f"{LAKE}/{path}", settings.lake_dir / path)
                for path in sorted(settings.journal_dir.glob("*.jsonl")):
                    archive.add_file(f"{JOURNAL}/{path.name}", path)
            return file.tell()

        size = write_file(layer, target, fill)
    return Backup(target, size, len(paths), tuple(damaged.values()))


def _dump(
    conn: psycopg.Connection, dsn: str, target: Path, now: datetime
) -> tuple[Header, list[LakeFile]]:
    """Dump the database as it is now; also which history files belong to that instant."""
    conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with conn.transaction():
        conn.execute("set local idle_in_transaction_session_timeout = 0")  # a dump may take long
        postgres, migration = conn.execute(SQL.find_state).fetchone()
        files = list_files(conn, kind=None)
        shared = conn.execute(SQL.export_snapshot).fetchone()[0]
        dump(find_tools(), dsn, shared, target)
    header = Header(
        version=1,
        created_at=now,
        dangol=version("dangol"),
        migration=migration,
        postgres=postgres,
        files=len(files),
    )
    return header, files
