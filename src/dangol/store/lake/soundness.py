"""Is a history file as it was written? Each page carries a checksum; the rows are counted.

Bits that flip on a disk are told by nobody: a decompressor hands out other values as calmly as the
right ones (measured: in two of three cases). So whatever would make a copy the only one left
(compaction, a backup) looks first, and whoever cannot read asks here which file it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from dangol.errors import StorageError
from dangol.store.lake.manifest import LakeFile

_GONE = "it is not there"
_ASKED_WRONGLY = (
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
)
"""What DuckDB says about a question; about bytes that it cannot read it says nearly anything."""


class DamagedFile(StorageError):
    """A file of the history is damaged or gone; bring it back from a backup."""

    code = "unavailable"


def check_file(lake_dir: Path, file: LakeFile) -> None:
    """Read `file` whole; returns when every page of it is as it was written.

    Files of versions that wrote no checksums are read and counted only. Memory: one row group.

    Raises:
        DamagedFile: it is not; the message names it and says how to bring it back.
    """
    path = lake_dir / file.path
    try:
        size = path.stat().st_size
        if size != file.bytes:
            raise _damaged(lake_dir, file, f"{size} of {file.bytes} bytes")
        with pq.ParquetFile(path, page_checksum_verification=True) as opened:
            rows = sum(batch.num_rows for batch in opened.iter_batches(65_536))
    except FileNotFoundError:
        raise _damaged(lake_dir, file, _GONE) from None
    except (OSError, pa.ArrowException) as error:
        raise _damaged(lake_dir, file, str(error).splitlines()[0][:200]) from None
    if rows != file.rows:
        raise _damaged(lake_dir, file, f"{rows} of {file.rows} rows")


def find_damaged(lake_dir: Path, files: Sequence[LakeFile]) -> dict[UUID, DamagedFile]:
    """What is wrong with those of `files` that are not as they were written, by their ids."""
    found: dict[UUID, DamagedFile] = {}
    for file in files:
        try:
            check_file(lake_dir, file)
        except DamagedFile as error:
            found[file.id] = error
    return found


@contextmanager
def naming_damage(lake_dir: Path, files: Sequence[LakeFile]) -> Iterator[None]:
    """Say which of `files` is damaged where DuckDB could not read them; other errors stay.

    Raises:
        DamagedFile: reading failed, and one of the files is the reason.
    """
    try:
        yield
    except duckdb.Error as error:
        if isinstance(error, _ASKED_WRONGLY):
            raise
        for damage in find_damaged(lake_dir, files).values():
            raise damage from error
        raise


def _damaged(lake_dir: Path, file: LakeFile, why: str) -> DamagedFile:
    return DamagedFile(
        "{path} of the history is damaged ({why}). Bring it back from a backup: "
        "tar -xf BACKUP -C {folder} {member}",
        path=str(lake_dir / file.path),
        why=why,
        folder=str(lake_dir.parent),
        member=f"{lake_dir.name}/{file.path}",
    )
