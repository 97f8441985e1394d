"""A failing disk under mover and compaction: nothing lost, nothing doubled, and it says so."""

import errno
from collections.abc import Callable

import psycopg
import pytest

from dangol.errors import StorageError
from dangol.settings import Settings
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.mover import move_once
from dangol.store.lake.plan import SPREAD_AT

from ..faulty import CALLS, FaultyDisk
from .history import NOW, append, fact, keys

FAULTS = [(call, errno.ENOSPC) for call in CALLS]
FAULTS += [("fsync", errno.EIO), ("fsync_folder", errno.EIO), ("write", "short")]


@pytest.mark.parametrize(("call", "fault"), FAULTS)
@pytest.mark.parametrize("at", [1, 2])
def test_a_failed_move_changes_nothing_and_succeeds_later(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable,
    call: str, fault: int | str, at: int,
) -> None:  # fmt: skip
    facts = [fact(customer) for customer in range(300)]
    append(conn, facts)
    conn.commit()
    (settings.lake_dir / "events").mkdir(parents=True)
    disk = FaultyDisk(call, fault, at)
    try:
        move_once(dsn, settings, NOW, layer=disk)
    except StorageError as error:
        said = str(error)
    assert disk.happened == (at == 1 or call == "write")
    if disk.happened:
        assert ("disk is full" in said) == (fault != errno.EIO)
        assert conn.execute("select count(*) from event_recent").fetchone() == (300,)
        conn.commit()
        assert list((settings.lake_dir / "events").iterdir()) == []
    assert read_keys() == keys(facts)
    move_once(dsn, settings, NOW, layer=disk)
    assert read_keys() == keys(facts)
    assert conn.execute("select count(*) from event_recent").fetchone() == (0,)


@pytest.mark.parametrize(("call", "fault"), FAULTS)
def test_a_failed_compaction_changes_nothing_and_succeeds_later(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable,
    partitions: list, call: str, fault: int | str,
) -> None:  # fmt: skip
    facts = []
    for _ in range(SPREAD_AT):
        new = [fact(customer) for customer in range(0, 600, 7)]
        append(conn, new)
        conn.commit()
        move_once(dsn, settings, NOW)
        facts += new
    before = {path.name for path in (settings.lake_dir / "events").iterdir()}
    disk = FaultyDisk(call, fault, at=2)  # while the second partition's file is written
    with pytest.raises(StorageError):
        compact_once(dsn, settings, NOW, layer=disk)
    assert {path.name for path in (settings.lake_dir / "events").iterdir()} == before
    assert read_keys() == keys(facts)
    assert compact_once(dsn, settings, NOW, layer=disk) is not None
    assert read_keys() == keys(facts)


def test_a_database_that_goes_away_after_the_file_was_written_loses_nothing(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable
) -> None:
    """The file is an orphan then; the rows are still in the database, and moved again."""
    facts = [fact(customer) for customer in range(300)]
    append(conn, facts)
    conn.commit()

    class LastMoment(FaultyDisk):
        """Ends the mover's session when its file has just become durable."""

        def fsync_folder(self, folder) -> None:
            super().fsync_folder(folder)
            if folder == settings.lake_dir / "events":
                conn.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where application_name = 'dangol mover'"
                )
                conn.commit()

    with pytest.raises(psycopg.OperationalError):
        move_once(dsn, settings, NOW, layer=LastMoment("never", 0))
    assert len(list((settings.lake_dir / "events").iterdir())) == 1
    assert read_keys() == keys(facts)
    assert move_once(dsn, settings, NOW) is not None
    assert read_keys() == keys(facts)
