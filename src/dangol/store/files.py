"""Files that are either whole and durable or not there.

A file is written beside its target, fsynced, renamed, and its folder fsynced. What a disk can do
wrong goes through `FileLayer`, so tests can make it go wrong.
"""

import errno
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from dangol.errors import StorageError

T = TypeVar("T")

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED = frozenset({errno.EACCES, errno.EPERM})
REFUSALS = _FULL | _DENIED | {errno.EROFS, errno.ENOTDIR, errno.EEXIST}
"""What `storage_error` has an advice for."""

TEMPORARY = ".partial"
"""Ending of a file that is being written; one that stays behind is swept."""


class FileLayer(Protocol):
    """The calls by which bytes become durable."""

    def create(self, path: Path) -> BinaryIO:
        """Open a new, empty file for writing."""
        ...

    def fsync(self, file: BinaryIO) -> None:
        """Return when every byte of `file` is on the disk."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Give a file its final name, atomically."""
        ...

    def fsync_folder(self, folder: Path) -> None:
        """Return when the names in `folder` are on the disk."""
        ...

    def unlink(self, path: Path) -> None:
        """Remove a file; one that is gone already is fine."""
        ...

    def append(self, handle: int, data: memoryview) -> int:
        """Write at the end of an open file; how many bytes went, perhaps not all."""
        ...

    def fsync_handle(self, handle: int) -> None:
        """Return when every byte of an open file is on the disk."""
        ...


class Disk:
    """The real one."""

    def create(self, path: Path) -> BinaryIO:
        return open(path, "xb", buffering=1 << 20, opener=_private)

    def fsync(self, file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())

    def rename(self, source: Path, target: Path) -> None:
        os.rename(source, target)

    def fsync_folder(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def append(self, handle: int, data: memoryview) -> int:
        return os.write(handle, data)

    def fsync_handle(self, handle: int) -> None:
        os.fsync(handle)


def _private(path: str, flags: int) -> int:
    """Whatever we write is about people: for the owner's eyes only."""
    return os.open(path, flags, 0o600)


DISK = Disk()


def write_file(layer: FileLayer, target: Path, fill: Callable[[BinaryIO], T]) -> T:
    """Let `fill` write a new file, make it durable under its name, and return what `fill` returned.

    On any error nothing is left under `target`.

    Raises:
        StorageError: the disk refused; the message names the file and the cause.
    """
    partial = target.with_name(target.name + TEMPORARY)
    try:
        layer.unlink(partial)  # of a writer that was killed; one that lives still has its own
        with layer.create(partial) as file:
            result = fill(file)
            layer.fsync(file)
        layer.rename(partial, target)
        layer.fsync_folder(target.parent)
    except BaseException as error:
        _discard(layer, partial, target)
        if isinstance(error, OSError):
            raise storage_error(target, error) from error
        raise
    return result


def storage_error(path: Path, error: OSError) -> StorageError:
    """`error` in words that say what to do."""
    if error.errno in _FULL:
        return StorageError(
            "The disk is full: {path} could not be written. Free space there.", path=path
        )
    if error.errno == errno.EROFS:
        return StorageError(
            "{path} is on a read-only file system. Mount it for writing, or name another folder.",
            path=path,
        )
    if error.errno in {errno.ENOTDIR, errno.EEXIST}:
        return StorageError(
            "{path} is no folder, but one is needed there. Move it away, or name another folder.",
            path=path,
        )
    if error.errno in _DENIED:
        return _denied(path)
    return StorageError(
        "{path} could not be written ({error}). Check the disk and its rights.",
        path=path,
        error=error,
    )


def _denied(path: Path) -> StorageError:
    """Whose it is, and what to do. Of a path that is not there, the folder in which it would be."""
    place = next((one for one in reversed([path, *path.parents]) if not _is_open(one)), path)
    place = place if place.exists() else place.parent
    user, owner = (_name(number) for number in (os.geteuid(), place.stat().st_uid))
    if user == owner:
        return StorageError(
            "{user} may not use {path}. Change its rights: chmod -R u+rwX {path}",
            user=user,
            path=place,
        )
    return StorageError(
        "{user} may not use {path}: it belongs to {owner}. Run this as {owner}, or hand it over: "
        "sudo chown -R {user} {path}",
        user=user,
        owner=owner,
        path=place,
    )


def _is_open(path: Path) -> bool:
    """Whether we may pass through this folder, or read and write this file."""
    return os.access(path, os.X_OK if path.is_dir() else os.R_OK | os.W_OK)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def make_folder(layer: FileLayer, folder: Path) -> None:
    """Create `folder` with its parents, durably; one that is there is fine."""
    if folder.is_dir():
        return
    make_folder(layer, folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    layer.fsync_folder(folder.parent)


def _discard(layer: FileLayer, *paths: Path) -> None:
    for path in paths:
        try:
            layer.unlink(path)
        except OSError:
            continue  # the sweep takes it later: no manifest row names it
