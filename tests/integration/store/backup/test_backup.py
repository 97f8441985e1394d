"""Backup and restore as a person does them, from the command line."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dangol.cli.preparing import prepare
from dangol.errors import InputError, Refused, StorageError
from dangol.settings import Settings, temporary
from dangol.store.backup.archive import DUMP, read_header, unpack
from dangol.store.backup.making import make_backup
from dangol.store.backup.restoring import unpack_backup
from dangol.store.journal import Journal, JournalEntry
from dangol.store.keyring import load_keyring
from dangol.store.lake import snapshot
from dangol.store.lake.mover import move_once
from dangol.store.pool import connect
from dangol.store.server import EmbeddedServer

from ..faulty import FaultyDisk
from ..lake.history import NOW, append, fact

HASHES = [bytes([number]) * 32 for number in range(3)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", engine_memory_mb=512)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder in which the database's own account may have folders."""
    folder = temporary("backup")
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def shop(conn: psycopg.Connection, dsn: str, settings: Settings) -> int:
    """An installation with history in a file and in the database, keys, an opt-out, a message."""
    load_keyring(settings.keyring_path)
    append(conn, [fact(customer) for customer in range(100)])
    conn.commit()
    move_once(dsn, settings, NOW)
    append(conn, [fact(customer, props='{"a": "단골\\n"}') for customer in range(20)])
    conn.execute(
        "insert into message (bucket, send_id, customer_id, state, due_at, planned_at) "
        "values (1, 1, 1, 'queued', now(), now()), (2, 1, 2, 'accepted', now(), now())"
    )
    conn.commit()
    Journal(settings.journal_dir).append([entry(0)])
    return 120


def entry(number: int) -> JournalEntry:
    return JournalEntry(address_hash=HASHES[number], reason="opt_out", at=NOW)


def dangol(*args: object, dsn: str | None = None, data: Path, succeeds: bool = True) -> str:
    """Run the command line; what it printed."""
    environment = os.environ | {"DANGOL_DATA": str(data), "DANGOL_DATABASE_URL": dsn or ""}
    command = [sys.executable, "-m", "dangol.cli", *map(str, args)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode == 0) == succeeds, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_restored_installation_is_the_same_and_waits_for_its_owner(
    conn: psycopg.Connection, dsn: str, settings: Settings, shop: int, home: Path
) -> None:
    archive = home / "shop.tar"
    dangol("backup", archive, dsn=dsn, data=settings.data)
    assert archive.stat().st_mode & 0o077 == 0
    Journal(settings.journal_dir).append([entry(1)])  # said after the backup
    new = home / "new"
    said = dangol("restore", archive, "--journal", settings.journal_dir, data=new)
    assert "2 opt-outs" in said
    assert not (new / "restoring").exists()
    assert (new / "keyring.json").read_bytes() == settings.keyring_path.read_bytes()
    restored = Settings(data=new, engine_memory_mb=512)
    server = EmbeddedServer(new)
    url = server.start()
    try:
        with snapshot(restored, url, views=["events"]) as snap:
            rows = snap.query("select count(*) n, count(distinct event_id) d from events")
        assert rows.to_pylist() == [{"n": shop, "d": shop}]
        with connect(url, name="test") as back:
            assert _held(back)
            hashes = back.execute("select address_hash from suppression").fetchall()
            assert {row[0] for row in hashes} == set(HASHES[:2])
            states = "select state, reason from message order by customer_id"
            assert back.execute(states).fetchall() == [("queued", None), ("accepted", None)]
        assert "1 messages" in dangol("confirm-restore", dsn=url, data=new)
        with connect(url, name="test") as back:
            assert not _held(back)
            assert back.execute(states).fetchall()[0] == ("silent", "restored")
    finally:
        server.stop()


def _held(conn: psycopg.Connection) -> bool:
    return conn.execute(
        "select exists (select from installation where key = 'restored')"
    ).fetchone()[0]


def test_an_interrupted_restore_never_looks_whole(
    dsn: str, settings: Settings, shop: int, tmp_path: Path
) -> None:
    archive, new = tmp_path / "shop.tar", Settings(data=tmp_path / "new", database_url=dsn)
    make_backup(settings, dsn, archive, NOW)
    unpack_backup(archive, new)
    with pytest.raises(Refused, match="interrupted"):
        prepare(new, demo=None, now=NOW)
    with pytest.raises(Refused, match="remove that folder first"):
        unpack_backup(archive, new)
    assert "interrupted" in dangol("confirm-restore", dsn=dsn, data=new.data, succeeds=False)


def test_nothing_is_restored_over_something(
    dsn: str, settings: Settings, shop: int, tmp_path: Path
) -> None:
    archive = tmp_path / "shop.tar"
    make_backup(settings, dsn, archive, NOW)
    with pytest.raises(Refused, match="is not empty"):
        unpack_backup(archive, settings)
    said = dangol("restore", archive, dsn=dsn, data=tmp_path / "new", succeeds=False)
    assert "holds an installation already" in said


def test_a_damaged_or_foreign_file_is_refused(
    dsn: str, settings: Settings, shop: int, tmp_path: Path
) -> None:
    archive = tmp_path / "shop.tar"
    make_backup(settings, dsn, archive, NOW)
    whole = archive.read_bytes()
    new = Settings(data=tmp_path / "new")
    with tarfile.open(archive) as tar:
        middle = tar.getmember(DUMP).offset_data + 100
    for broken in (
        whole[:middle],
        whole[: middle // 512 * 512],
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        b"",
        b"PAR1" * 1000,
    ):
        archive.write_bytes(broken)
        with pytest.raises(InputError):
            unpack_backup(archive, new)
        assert not new.data.exists() or not any(new.data.iterdir())


def test_a_member_outside_the_folder_is_refused(
    dsn: str, settings: Settings, shop: int, tmp_path: Path
) -> None:
    archive = tmp_path / "shop.tar"
    make_backup(settings, dsn, archive, NOW)
    with tarfile.open(archive, "a") as tar:
        tar.addfile(tarfile.TarInfo("lake/../../outside"))
    with pytest.raises(InputError, match="no backup of Dangol does"):
        unpack_backup(archive, Settings(data=tmp_path / "new"))
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_full_disk_leaves_no_half_backup(
    dsn: str, settings: Settings, shop: int, tmp_path: Path, call: str
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(StorageError, match="disk is full"):
        make_backup(settings, dsn, folder / "shop.tar", NOW, layer=FaultyDisk(call, "short"))
    assert list(folder.iterdir()) == []


def test_what_a_killed_backup_left_keeps_no_later_one_from_its_name(
    dsn: str, settings: Settings, shop: int, tmp_path: Path
) -> None:
    (tmp_path / "shop.tar.partial").write_bytes(b"half a backup")
    make_backup(settings, dsn, tmp_path / "shop.tar", NOW)
    assert not (tmp_path / "shop.tar.partial").exists()
    unpack(tmp_path / "shop.tar", tmp_path / "unpacked")


def test_the_header_says_when_and_what(
    dsn: str, settings: Settings, shop: int, tmp_path: Path
) -> None:
    archive = tmp_path / "shop.tar"
    made = make_backup(settings, dsn, archive, NOW)
    header = read_header(archive)
    assert (header.created_at, header.files, made.files) == (NOW, 1, 1)
