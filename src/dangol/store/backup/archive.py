"""The backup file: a tar of plain members, `backup.json` first, `checksums.json` last.

A file without its last member was cut short; one whose checksums differ was changed. Nothing of
such a file is restored.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import msgspec

from dangol.errors import InputError

VERSION = 1
HEADER, CHECKSUMS = "backup.json", "checksums.json"
DUMP, KEYRING, JOURNAL, LAKE = "database.dump", "keyring.json", "journal", "lake"
_TOP = {HEADER, CHECKSUMS, DUMP, KEYRING, JOURNAL, LAKE}


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    version: int
    created_at: datetime
    dangol: str
    """Version of the program."""
    migration: int
    """The database's last migration."""
    postgres: str
    files: int
    """How many history files follow."""


class Writer:
    """Adds members to a backup and remembers their checksums."""

    def __init__(self, tar: tarfile.TarFile, at: datetime) -> None:
        self._tar, self._at = tar, at
        self._sums: dict[str, str] = {}

    def add_bytes(self, name: str, data: bytes) -> None:
        """A member from memory."""
        self._add(name, io.BytesIO(data), len(data))

    def add_file(self, name: str, path: Path) -> None:
        """A member from a file, as long as it is now; what is appended later is left out."""
        with open(path, "rb") as file:
            self._add(name, file, path.stat().st_size)

    def finish(self) -> None:
        """The last member, without which the backup counts as cut short."""
        self.add_bytes(CHECKSUMS, msgspec.json.encode(self._sums))

    def _add(self, name: str, file: BinaryIO, size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(self._at.timestamp())
        summing = _Summing(file)
        self._tar.addfile(member, summing)
        self._sums[name] = summing.digest.hexdigest()


class _Summing:
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


@contextmanager
def writing_archive(file: BinaryIO, header: Header) -> Iterator[Writer]:
    """A backup being written into `file`."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        writer = Writer(tar, header.created_at)
        writer.add_bytes(HEADER, msgspec.json.encode(header))
        yield writer
        writer.finish()


def read_header(archive: Path) -> Header:
    """What the backup says of itself.

    Raises:
        InputError: the file is no backup, or of a later format.
    """
    try:
        with tarfile.open(archive, "r:") as tar:
            first = tar.next()
            body = tar.extractfile(first) if first and first.name == HEADER else None
            header = msgspec.json.decode(body.read() if body else b"", type=Header)
    except (tarfile.TarError, OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{archive} is no backup of Dangol ({error}).") from None
    if header.version > VERSION:
        raise InputError(f"{archive} was made by Dangol {header.dangol}; install that version.")
    return header


def unpack(archive: Path, folder: Path) -> None:
    """Every member below `folder`, each checked against its checksum.

    Raises:
        InputError: the file is damaged or cut short; what was unpacked is to be thrown away.
    """
    sums: dict[str, str] = {}
    told: dict[str, str] | None = None
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                name = _checked_name(archive, member)
                body = tar.extractfile(member)
                assert body is not None
                if name == CHECKSUMS:
                    told = msgspec.json.decode(body.read(), type=dict[str, str])
                    continue
                sums[name] = _write(folder / name, body)
    except (tarfile.TarError, EOFError, msgspec.MsgspecError) as error:
        raise InputError(f"{archive} is damaged ({error}); use another backup.") from None
    if told is None:
        raise InputError(f"{archive} is cut short; use another backup.")
    wrong = sorted(name for name in {*sums, *told} if sums.get(name) != told.get(name))
    if wrong:
        raise InputError(f"{archive} is damaged in {wrong[0]}; use another backup.")


def _checked_name(archive: Path, member: tarfile.TarInfo) -> str:
    """The member's name, when it is a plain file that belongs into a backup."""
    parts = PurePosixPath(member.name).parts
    if not member.isreg() or not parts or parts[0] not in _TOP or ".." in parts:
        raise InputError(f"{archive} holds {member.name!r}, which no backup of Dangol does.")
    return member.name


def _write(target: Path, body: io.BufferedReader | object) -> str:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with open(target, "xb") as file:
        target.chmod(0o600)
        while data := body.read(1 << 20):  # type: ignore[attr-defined]
            digest.update(data)
            file.write(data)
    return digest.hexdigest()
