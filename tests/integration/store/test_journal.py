"""The opt-out journal: what was acknowledged is there, whatever the disk or a crash did."""

import datetime as dt
import errno
import multiprocessing
import threading
from pathlib import Path

import pytest

from dangol.errors import StorageError
from dangol.store.journal import Journal, JournalEntry

from .faulty import FaultyDisk

AT = dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)


def entry(number: int) -> JournalEntry:
    return JournalEntry(address_hash=number.to_bytes(32), reason="opt_out", at=AT)


def test_entries_come_back_as_they_were(tmp_path: Path) -> None:
    written = [
        entry(1),
        JournalEntry(action="lift", address_hash=b"\0\xff" * 16, reason="erased",
                     covers="everything", at=AT.astimezone(dt.timezone(dt.timedelta(hours=9)))),
    ]  # fmt: skip
    Journal(tmp_path / "deep" / "journal").append(written)
    assert Journal(tmp_path / "deep" / "journal").read().entries == written
    assert (tmp_path / "deep" / "journal" / "opt-outs.jsonl").stat().st_mode & 0o077 == 0


def test_an_empty_or_missing_journal_reads_as_nothing(tmp_path: Path) -> None:
    Journal(tmp_path / "journal").append([])
    assert Journal(tmp_path / "journal").read().entries == []


@pytest.mark.parametrize("cut", range(1, 120, 7))
def test_a_torn_last_line_costs_that_line_only(tmp_path: Path, cut: int) -> None:
    Journal(tmp_path).append([entry(1), entry(2)])
    path = tmp_path / "opt-outs.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    Journal(tmp_path).append([entry(3)])
    found = Journal(tmp_path).read()
    assert found.entries in ([entry(1), entry(3)], [entry(1), entry(2), entry(3)])
    assert (found.damaged == 1) == (found.entries == [entry(1), entry(3)])


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    Journal(tmp_path).append([entry(1), entry(2)])
    path = tmp_path / "opt-outs.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"opt_out"', b'"opt_oux"', 1))
    assert Journal(tmp_path).read() == type(Journal(tmp_path).read())([entry(2)], 1)


@pytest.mark.parametrize("call", ["append", "fsync_handle"])
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, "short"])
def test_a_failing_disk_is_told_and_what_was_acknowledged_stays(
    tmp_path: Path, call: str, fault: int | str
) -> None:
    disk = FaultyDisk(call, fault, at=2)
    journal = Journal(tmp_path, disk)
    acknowledged = []
    for number in range(1, 6):
        try:
            journal.append([entry(number)])
            acknowledged.append(entry(number))
        except StorageError:
            continue
    assert disk.happened
    assert len(acknowledged) == 4
    found = journal.read()
    assert found.damaged == 0
    assert set(acknowledged) <= set(found.entries)


def test_after_a_failed_fsync_the_old_file_is_not_trusted_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, FaultyDisk("fsync_handle", errno.EIO))
    with pytest.raises(StorageError, match=r"opt-outs\.jsonl could not be written"):
        journal.append([entry(1)])
    journal.append([entry(2)])
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


def test_threads_share_a_sync_and_lose_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    threads = [
        threading.Thread(target=journal.append, args=([entry(number)],)) for number in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(journal.read().entries, key=lambda e: e.address_hash) == [
        entry(number) for number in range(40)
    ]


def test_processes_do_not_mix_their_lines(tmp_path: Path) -> None:
    start = multiprocessing.get_context("spawn")
    workers = [start.Process(target=_append_many, args=(tmp_path, base)) for base in (0, 1000)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = Journal(tmp_path).read()
    assert found.damaged == 0
    assert {int.from_bytes(e.address_hash) for e in found.entries} == {
        *range(0, 100),
        *range(1000, 1100),
    }


def _append_many(folder: Path, base: int) -> None:
    journal = Journal(folder)
    for number in range(base, base + 100):
        journal.append([entry(number)])
