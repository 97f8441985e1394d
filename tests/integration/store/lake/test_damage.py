"""Files that a disk has spoiled: named, worked around, and never written again as if they were whole."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg
import pytest

from dangol.cli.checking import check_installation
from dangol.settings import Settings
from dangol.store.backup.archive import unpack
from dangol.store.backup.making import make_backup
from dangol.store.keyring import load_keyring
from dangol.store.lake import snapshot
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.manifest import LakeFile, list_files
from dangol.store.lake.mover import move_once
from dangol.store.lake.plan import GATHER_AT, SPREAD_AT
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
