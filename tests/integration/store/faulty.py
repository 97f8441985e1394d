"""A disk that fails on purpose: at one call of one kind, as real disks do."""

import errno
import os
from pathlib import Path
from typing import Any, BinaryIO

from dangol.store.files import Disk

CALLS = ("create", "write", "fsync", "rename", "fsync_folder")
"""The calls that can fail under a written file, in the order they come."""


class FaultyDisk(Disk):
    """The real disk, except that `fault` happens at call number `at` of kind `call`.

    `fault` is an errno, or "short": half of the bytes are written and then the disk is full.
    """

    def __init__(self, call: str, fault: int | str, at: int = 1) -> None:
        self.call, self.fault, self.at = call, fault, at
        self.count = 0
        self.happened = False

    def create(self, path: Path) -> BinaryIO:
        self._meet("create")
        return _FaultyFile(super().create(path), self)  # type: ignore[return-value]

    def fsync(self, file: BinaryIO) -> None:
        self._meet("fsync")
        super().fsync(file)

    def rename(self, source: Path, target: Path) -> None:
        self._meet("rename")
        super().rename(source, target)

    def fsync_folder(self, folder: Path) -> None:
        self._meet("fsync_folder")
        super().fsync_folder(folder)

    def unlink(self, path: Path) -> None:
        self._meet("unlink")
        super().unlink(path)

    def append(self, handle: int, data: memoryview) -> int:
        if self.is_due("append"):
            if self.fault == "short" and len(data) > 1:
                self.call = "append again"
                return super().append(handle, data[: len(data) // 2])
            self._fail()
        if self.call == "append again":
            self._fail()
        return super().append(handle, data)

    def fsync_handle(self, handle: int) -> None:
        self._meet("fsync_handle")
        super().fsync_handle(handle)

    def is_due(self, call: str) -> bool:
        """Count this call; whether it is the one that fails."""
        if call != self.call:
            return False
        self.count += 1
        return self.count == self.at

    def _meet(self, call: str) -> None:
        if self.is_due(call):
            self._fail()

    def _fail(self) -> None:
        self.happened, self.call = True, "never again"
        code = errno.ENOSPC if self.fault == "short" else int(self.fault)
        raise OSError(code, os.strerror(code))


class _FaultyFile:
    """A file whose writes the disk may refuse or cut short."""

    def __init__(self, file: BinaryIO, disk: FaultyDisk) -> None:
        self._file, self._disk = file, disk

    def write(self, data: Any) -> int:
        if self._disk.is_due("write"):
            if self._disk.fault == "short":
                self._file.write(memoryview(data)[: len(data) // 2])
                self._file.flush()
            self._disk._fail()
        return self._file.write(data)

    def __enter__(self) -> "_FaultyFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
