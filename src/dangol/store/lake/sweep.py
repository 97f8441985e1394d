"""The sweep: files that no reader can be reading any more leave the disk."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from dangol.settings import Settings
from dangol.store.files import DISK, TEMPORARY, FileLayer
from dangol.store.lake.manifest import FOLDER, SQL, writing
from dangol.store.lake.shelf import SHELVES
from dangol.store.pool import connect

FOLDERS = (FOLDER, *(shelf.folder for shelf in SHELVES))
"""Where files of ours are, in the lake's folder."""
KEEP = timedelta(days=1)
"""A reader that began before a file left the manifest may read it for so long."""


class Swept(msgspec.Struct, frozen=True):
    """Files deleted: out of the manifest for a day, and never in it."""

    removed: int
    orphans: int


def sweep_once(dsn: str, settings: Settings, now: datetime, *, layer: FileLayer = DISK) -> Swept:
    """Delete files that left the manifest a day ago, and day-old files that never got there.

    Opens its own transactions; a file is deleted before its row is.
    """
    with connect(dsn, name="sweep") as conn:
        with conn.transaction():
            old = conn.execute(SQL.list_removed, {"before": now - KEEP}).fetchall()
        for _, path in old:
            layer.unlink(settings.lake_dir / path)
        folders = [settings.lake_dir / name for name in FOLDERS]
        for folder in {(settings.lake_dir / path).parent for _, path in old}:
            layer.fsync_folder(folder)
        with conn.transaction():
            conn.execute(SQL.forget_files, {"ids": [row[0] for row in old]})
        with writing(conn):  # a file that looks old by a wrong clock may be just about to count
            candidates = [path for folder in folders for path in _list_aged(folder, now)]
            with conn.transaction():
                named = {row[0] for row in conn.execute(SQL.list_paths)}
            orphans = [
                path for path in candidates if f"{path.parent.name}/{path.name}" not in named
            ]
            for path in orphans:
                layer.unlink(path)
    return Swept(len(old), len(orphans))


def _list_aged(folder: Path, now: datetime) -> list[Path]:
    """Files of ours that were last written more than a day ago; a writer takes minutes."""
    limit = (now - KEEP).timestamp()
    return [
        path
        for path in folder.glob("*.parquet*")
        if path.name.endswith((".parquet", TEMPORARY)) and path.stat().st_mtime < limit
    ]
