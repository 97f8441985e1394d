"""Files that a disk has spoiled: named, worked around, and never written again as if they were whole."""

import datetime as dt
import errno
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest

from dangol.cli.checking import check_installation
from dangol.errors import NotFound, Refused, StorageError
from dangol.settings import Settings
from dangol.store.backup.archive import unpack
from dangol.store.backup.making import make_backup
from dangol.store.keyring import load_keyring
from dangol.store.lake import snapshot
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.manifest import LakeFile, list_files
from dangol.store.lake.mover import move_once
from dangol.store.lake.plan import GATHER_AT, SPREAD_AT
from dangol.store.lake.salvage import KEPT, give_up
from dangol.store.lake.soundness import DamagedFile, check_file
from dangol.store.lake.sweep import sweep_once

from ..faulty import FaultyDisk
from .history import NOW, append, fact, keys


def flip(path: Path) -> None:
    """One bit in the middle, as a bad sector leaves it."""
    spoiled = bytearray(path.read_bytes())
    spoiled[len(spoiled) // 3] ^= 1
    path.write_bytes(spoiled)


def cut(path: Path) -> None:
    """The second half lost."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.fixture
def moved(conn, dsn, settings, partitions) -> list[LakeFile]:
    """One file fewer than would be spread, each with a history of its own."""
    for number in range(SPREAD_AT - 1):
        append(conn, [fact(customer, props=f'{{"n": {number}}}') for customer in range(0, 600, 7)])
        conn.commit()
        move_once(dsn, settings, NOW + dt.timedelta(seconds=number))
    return list_files(conn)


@pytest.mark.parametrize("damage", [flip, Path.unlink])
def test_compaction_works_around_a_damaged_file_and_names_it(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable, moved, damage
) -> None:
    whole = read_keys()
    later = [fact(customer) for customer in range(600)]
    append(conn, later)
    conn.commit()
    move_once(dsn, settings, NOW)
    path = settings.lake_dir / moved[2].path
    good = path.read_bytes()
    damage(path)
    for _ in range(GATHER_AT):
        with pytest.raises(DamagedFile, match=path.name):
            compact_once(dsn, settings, NOW)
    assert moved[2].id in {file.id for file in list_files(conn)}, "what is damaged is not replaced"
    conn.commit()
    path.write_bytes(good)  # brought back from a backup
    assert compact_once(dsn, settings, NOW) is not None
    assert read_keys() == sorted(whole + keys(later))


def test_a_damaged_file_keeps_no_other_from_being_compacted(
    conn: psycopg.Connection, dsn: str, settings: Settings, moved: list[LakeFile]
) -> None:
    for _ in range(2):
        append(conn, [fact(customer) for customer in range(600)])
        conn.commit()
        move_once(dsn, settings, NOW)
    flip(settings.lake_dir / moved[2].path)
    done = compact_once(dsn, settings, NOW)
    assert done is not None
    assert moved[2].id not in {file.id for file in done.removed}
    assert len(done.removed) == SPREAD_AT


def test_a_reader_says_which_file_and_what_to_do(
    dsn: str, settings: Settings, moved: list[LakeFile]
) -> None:
    def ask(what: str) -> None:
        with snapshot(settings, dsn, views=["events"]) as snap:
            snap.query(f"select max({what}) from events")

    path = settings.lake_dir / moved[4].path
    for damage in (cut, Path.unlink):
        damage(path)
        with pytest.raises(DamagedFile, match=rf"{path}.*tar -xf BACKUP .* lake/{moved[4].path}"):
            ask("props")
    with snapshot(settings, dsn, views=["customers"]) as snap:
        snap.query("select * from customers")  # what needs no history goes on


def test_a_wrong_question_is_not_blamed_on_the_files(dsn, settings, moved) -> None:
    flip(settings.lake_dir / moved[4].path)
    with (
        pytest.raises(duckdb.BinderException),
        snapshot(settings, dsn, views=["events"]) as snap,
    ):
        snap.query("select no_such_column from events")


def test_check_and_backup_tell_of_it_and_the_rest_is_kept(
    conn, dsn: str, settings: Settings, moved: list[LakeFile], tmp_path: Path
) -> None:
    load_keyring(settings.keyring_path)
    settings = Settings(data=settings.data, database_url=dsn)
    history = next(one for one in check_installation(settings) if one.what == "history")
    assert history.ok, history.detail
    assert make_backup(settings, dsn, tmp_path / "good.tar", NOW).damaged == ()
    path = settings.lake_dir / moved[0].path
    flip(path)
    history = next(one for one in check_installation(settings) if one.what == "history")
    assert not history.ok
    assert path.name in history.detail
    made = make_backup(settings, dsn, tmp_path / "spoiled.tar", NOW)
    assert [path.name in str(damage) for damage in made.damaged] == [True]
    unpack(tmp_path / "spoiled.tar", tmp_path / "unpacked")
    kept = {one.name for one in (tmp_path / "unpacked" / "lake" / "events").iterdir()}
    assert {Path(file.path).name for file in moved[1:]} <= kept
    unpack(tmp_path / "good.tar", tmp_path / "before")
    path.write_bytes((tmp_path / "before" / "lake" / moved[0].path).read_bytes())
    check_file(settings.lake_dir, moved[0])


def test_a_sweep_with_a_clock_that_is_ahead_takes_nothing_that_comes_to_count(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable, moved
) -> None:
    append(conn, [fact(customer) for customer in range(600)])
    conn.commit()
    move_once(dsn, settings, NOW)
    whole = read_keys()

    class Ahead(FaultyDisk):
        """Has another engine sweep when the first new file has just become durable."""

        def fsync_folder(self, folder) -> None:
            super().fsync_folder(folder)
            if not self.happened and folder == settings.lake_dir / "events":
                self.happened = True
                tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
                assert sweep_once(dsn, settings, tomorrow).orphans == 1

    assert compact_once(dsn, settings, NOW, layer=Ahead("never", 0)) is None
    assert read_keys() == whole
    assert compact_once(dsn, settings, NOW) is not None
    assert read_keys() == whole


@pytest.fixture
def spoiled(conn, dsn, settings: Settings, partitions) -> LakeFile:
    """One large file in four row groups of which the second is damaged in the middle."""
    many = [fact(customer, props=f'{{"n": {random.random()}}}') for customer in range(6_144)]
    append(conn, many)
    conn.commit()
    made = move_once(dsn, settings, NOW)
    assert made is not None
    path = settings.lake_dir / made.path
    with pq.ParquetFile(path) as opened:
        assert opened.metadata.num_row_groups == 4
        props = opened.metadata.row_group(1).column(opened.schema_arrow.get_field_index("props"))
    bytes_ = bytearray(path.read_bytes())
    begin = props.dictionary_page_offset or props.data_page_offset
    bytes_[begin + props.total_compressed_size // 2] ^= 1
    path.write_bytes(bytes_)
    return made


def test_what_can_be_read_of_a_damaged_file_goes_on(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable, spoiled: LakeFile
) -> None:
    load_keyring(settings.keyring_path)
    settings = Settings(data=settings.data, database_url=dsn)
    history = next(one for one in check_installation(settings) if one.what == "history")
    assert "1,536 of 6,144 events cannot be read (customers of partition 1, from " in history.detail
    assert f"dangol check --give-up {spoiled.path}" in history.detail
    with pytest.raises(NotFound):
        give_up(settings, "events/other.parquet", "cli", NOW)
    with pytest.raises(StorageError):
        give_up(settings, spoiled.path, "cli", NOW, layer=FaultyDisk("fsync", errno.ENOSPC))
    assert [file.id for file in list_files(conn)] == [spoiled.id]
    conn.commit()
    done = give_up(settings, str(settings.lake_dir / spoiled.path), "cli", NOW)
    assert (done.loss.rows, done.loss.bucket_lo, done.loss.bucket_hi) == (1_536, 256, 511)
    assert done.saved is not None
    assert done.saved.rows == 4_608
    customers = [customer for customer, _ in read_keys()]
    assert customers == [one for one in range(6_144) if not 256 <= one % 1024 <= 511]
    assert next(one for one in check_installation(settings) if one.what == "history").ok
    with pytest.raises(NotFound):
        give_up(settings, spoiled.path, "cli", NOW)
    with pytest.raises(Refused):
        give_up(settings, done.saved.path, "cli", NOW)
    (note,) = conn.execute("select actor, subject, detail from audit").fetchall()
    assert note[:2] == ("cli", spoiled.path)
    assert note[2]["lost"] == 1_536
    conn.commit()


def test_what_was_given_up_stays_on_the_disk_for_some_days(
    conn: psycopg.Connection, dsn: str, settings: Settings, spoiled: LakeFile
) -> None:
    path = settings.lake_dir / spoiled.path
    settings = Settings(data=settings.data, database_url=dsn)
    give_up(settings, spoiled.path, "cli", NOW)
    assert sweep_once(dsn, settings, NOW + KEPT - dt.timedelta(hours=1)).removed == 0
    assert path.exists()
    assert sweep_once(dsn, settings, NOW + KEPT).removed == 1
    assert not path.exists()


@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_of_a_file_without_its_end_everything_is_given_up(
    dsn: str, settings: Settings, read_keys: Callable, moved: list[LakeFile], damage
) -> None:
    whole = read_keys()
    damage(settings.lake_dir / moved[2].path)
    settings = Settings(data=settings.data, database_url=dsn)
    done = give_up(settings, moved[2].path, "cli", NOW)
    assert done.saved is None
    assert done.loss.rows == moved[2].rows
    assert len(read_keys()) == len(whole) - moved[2].rows


_GIVE_UP = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from dangol.settings import Settings
from dangol.store.files import Disk
from dangol.store.lake.salvage import give_up

class Slow(Disk):
    def fsync_folder(self, folder):
        super().fsync_folder(folder)
        print("durable", flush=True)
        time.sleep(60)

settings = Settings(data=Path(sys.argv[1]), database_url=sys.argv[2])
give_up(settings, sys.argv[3], "cli", datetime.now(UTC), layer=Slow())
"""


def test_killed_between_file_and_manifest_it_is_done_again(
    conn: psycopg.Connection, dsn: str, settings: Settings, spoiled: LakeFile
) -> None:
    (settings.lake_dir / "events").mkdir(exist_ok=True)
    command = [sys.executable, "-c", _GIVE_UP, str(settings.data), dsn, spoiled.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "durable\n"
        worker.kill()
    assert [file.id for file in list_files(conn)] == [spoiled.id]
    conn.commit()
    settings = Settings(data=settings.data, database_url=dsn)
    assert give_up(settings, spoiled.path, "cli", NOW).loss.rows == 1_536
    swept = sweep_once(dsn, settings, dt.datetime.now(dt.UTC) + dt.timedelta(days=2))
    assert swept.orphans == 1
