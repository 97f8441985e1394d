"""Old and new database change places by renames; what a kill left halfway is finished later.

Names inside the server's own folder: `data` is the one in use. An upgrade fills `data.new`, calls
it `data.ready` once it is whole and compared, then renames `data` to `data.old-16` and
`data.ready` to `data`. So `data` is always a whole database, or it is missing and `data.ready` is one.
"""

import os
import shutil
from pathlib import Path

from dangol.errors import ServerError

CURRENT, NEW, READY, KEPT = "data", "data.new", "data.ready", "data.old-"


def finish_swap(root: Path) -> bool:
    """Take the last step of an upgrade that was killed before it; whether there was one to take.

    Raises:
        ServerError: the database is missing although there once was one. A new and empty one in
            its place would look as if everything were lost.
    """
    if (root / CURRENT).exists():
        return False
    if (root / READY).exists():
        _rename(root / READY, root / CURRENT)
        return True
    kept = list_kept(root)
    if kept:
        raise ServerError(
            f"{root / CURRENT} is missing, but {kept[-1]} is there: rename it to {CURRENT} if that "
            "is your database, or move it away to begin with an empty one."
        )
    return False


def swap(root: Path, major: int) -> Path:
    """Put `data.new` in the place of `data`, made by `major`; where that one is kept from now on."""
    kept = root / f"{KEPT}{major}"
    discard(root / READY)
    _rename(root / NEW, root / READY)
    _rename(root / CURRENT, kept)
    finish_swap(root)
    return kept


def list_kept(root: Path) -> list[Path]:
    """Older databases that upgrades left."""
    return sorted(root.glob(f"{KEPT}*"))


def discard(folder: Path) -> None:
    """Remove a database, if it is there."""
    if folder.exists():
        shutil.rmtree(folder)


def _rename(source: Path, target: Path) -> None:
    source.rename(target)
    handle = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)  # in this order also after a power cut
    finally:
        os.close(handle)
