"""The opt-out journal: who must not be written to, kept outside the database, for ever.

JSON lines of address hashes, never addresses. An entry is on the disk before the opt-out is
acknowledged, so a restored old backup learns again what was said since. Any number of processes
append to one file; a line torn by a crash is recognised by its checksum and skipped.
"""

import errno
import fcntl
import os
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4
from zlib import crc32

import msgspec

from dangol.store.files import DISK, FileLayer, make_folder, storage_error

_FIRST = "opt-outs.jsonl"


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One block on an address, or its end; `reason` and `covers` as in `suppression`."""

    action: Literal["suppress", "lift"] = "suppress"
    channel: str = "email"
    address_hash: bytes
    """Empty where a person without any address was erased."""
    reason: str
    covers: str = "marketing"
    at: datetime
    customer_id: int | None = None
    """Who was erased: after a restore that person is erased again. Or who refused one topic."""
    topic: str = "*"
    """With reason `topic`: what the customer refused, or with `lift` took back; no address is
    blocked by it."""
    until: datetime | None = None
    """Where that is a pause: when it ends."""


class Reading(msgspec.Struct, frozen=True):
    """What a journal holds, oldest first per file, and how many lines could not be read."""

    entries: list[JournalEntry]
    damaged: int


class _Line(msgspec.Struct, frozen=True):
    crc: str
    entry: msgspec.Raw


class Journal:
    """The journal in `folder`; safe to use from threads and processes at once."""

    def __init__(self, folder: Path, layer: FileLayer = DISK) -> None:
        self.folder = folder
        self._layer = layer
        self._name = _FIRST
        self._handle: int | None = None
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        self._written = self._synced = self._failed = 0

    def append(self, entries: Iterable[JournalEntry]) -> None:
        """Keep `entries`; returns when they are on the disk. Threads that wait share one fsync.

        Raises:
            StorageError: they may be lost; do not acknowledge what they stand for.
        """
        lines = b"".join(_encode(entry) for entry in entries)
        if not lines:
            return
        path = self.folder / self._name
        try:
            with self._writing:
                handle = self._open()
                self._write(handle, lines)
                self._written += 1
                turn = self._written
            self._sync(handle, turn)
        except OSError as error:
            raise storage_error(path, error) from error

    def read(self) -> Reading:
        """Every whole line of every file, the first file first; a torn line counts as damaged."""
        found, damaged = [], 0
        for path in sorted(
            self.folder.glob("*.jsonl"), key=lambda path: (path.name != _FIRST, path)
        ):
            for line in path.read_bytes().split(b"\n"):
                entry = _decode(line)
                if entry is not None:
                    found.append(entry)
                elif line:
                    damaged += 1
        return Reading(found, damaged)

    def close(self) -> None:
        """Give the file back; the next `append` opens it again."""
        with self._writing:
            handle, self._handle = self._handle, None
            if handle is not None:
                os.close(handle)

    def _open(self) -> int:
        """The file to append to. It stays open: an error of the disk is told to it once."""
        if self._handle is None:
            make_folder(self._layer, self.folder)
            path = self.folder / self._name
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._layer.fsync_folder(self.folder)
        return self._handle

    def _write(self, handle: int, lines: bytes) -> None:
        """Append all of `lines` or nothing; what a crash left of a line is ended first."""
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            size = os.fstat(handle).st_size
            is_torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            rest = memoryview(b"\n" + lines if is_torn else lines)
            try:
                while rest:
                    rest = rest[self._layer.append(handle, rest) :]
            except OSError:
                os.ftruncate(handle, size)
                raise
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)

    def _sync(self, handle: int, turn: int) -> None:
        with self._syncing:
            if turn <= self._failed:
                raise OSError(errno.EIO, "the disk refused to keep what was written")
            if turn <= self._synced:
                return  # another thread's fsync began after our write
            covered = self._written
            try:
                self._layer.fsync_handle(handle)
            except OSError:
                self._leave()
                raise
            self._synced = covered

    def _leave(self) -> None:
        """Go on in a new file: after a failed fsync the system may call lost pages written."""
        with self._writing:
            self._failed = self._written
            self._name = f"opt-outs-{uuid4().hex}.jsonl"
            handle, self._handle = self._handle, None
            if handle is not None:
                os.close(handle)


def _encode(entry: JournalEntry) -> bytes:
    body = msgspec.json.encode(msgspec.structs.replace(entry, at=entry.at.astimezone(UTC)))
    return msgspec.json.encode(_Line(f"{crc32(body):08x}", msgspec.Raw(body))) + b"\n"


def _decode(line: bytes) -> JournalEntry | None:
    try:
        found = msgspec.json.decode(line, type=_Line)
        if found.crc != f"{crc32(found.entry):08x}":
            return None
        return msgspec.json.decode(found.entry, type=JournalEntry)
    except msgspec.DecodeError:
        return None
