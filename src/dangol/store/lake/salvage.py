"""Giving up a damaged file of the history that no backup holds: what is readable of it goes on.

Each row group is read until the page that is not as it was written; what follows in it is lost, and
so is everything of a file without its end. The rest becomes a new file, durable before one
transaction puts it in the place of the damaged one. That one stays on the disk for some days, out
of the manifest; then the sweep takes it, for it may hold people who ask to be forgotten.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg.types.json import Jsonb

from dangol.errors import Conflict, NotFound, Refused
from dangol.settings import Settings
from dangol.store.files import DISK, FileLayer
from dangol.store.lake.duck import open_duckdb
from dangol.store.lake.manifest import (
    EVENT,
    SQL,
    LakeFile,
    add_file,
    list_files,
    list_partitions,
    list_typed,
    remove_files,
    writing,
)
from dangol.store.lake.mover import with_typed
from dangol.store.lake.shape import EVENT_SCHEMA
from dangol.store.lake.shelf import SHELVES, Place, write_rows
from dangol.store.lake.soundness import DamagedFile, check_file
from dangol.store.lake.sweep import KEEP
from dangol.store.lake.writing import Target, write_events
from dangol.store.pool import connect

KEPT = timedelta(days=6)
"""So long a file that was given up stays on the disk: less than an erasure may take."""

_STEP = 1_024
_SHAPES = {EVENT: (EVENT_SCHEMA, "time")} | {
    shelf.kind: (shelf.schema, shelf.time) for shelf in SHELVES
}


class Loss(msgspec.Struct, kw_only=True):
    """What cannot be read of a file, and of whom and when it tells as far as that is known."""

    file: LakeFile
    rows: int = 0
    bucket_lo: int = 1 << 30
    bucket_hi: int = -1
    first: datetime = datetime.max.replace(tzinfo=UTC)
    last: datetime = datetime.min.replace(tzinfo=UTC)

    def add(self, rows: int, buckets: tuple[int, int], times: tuple[datetime, datetime]) -> None:
        """Count rows that are somewhere between these."""
        self.rows += rows
        self.bucket_lo, self.bucket_hi = (
            min(self.bucket_lo, buckets[0]),
            max(self.bucket_hi, buckets[1]),
        )
        self.first, self.last = min(self.first, times[0]), max(self.last, times[1])


class GivenUp(msgspec.Struct, frozen=True):
    """What was done."""

    loss: Loss
    saved: LakeFile | None
    """The file with the rest; None when nothing could be read."""
    kept_until: datetime
    """Until then the damaged file stays where it is."""


def find_file(conn: psycopg.Connection, lake_dir: Path, named: str) -> LakeFile:
    """The file of the manifest that somebody names by its path or by its name alone.

    Raises:
        NotFound: the history has no such file.
    """
    for file in list_files(conn, kind=None):
        if named in (file.path, str(lake_dir / file.path), Path(file.path).name):
            return file
    raise NotFound("The history has no file {path}; `dangol check` names them.", path=named)


def assess(lake_dir: Path, file: LakeFile) -> Loss:
    """What would be lost of a damaged file."""
    loss = Loss(file=file)
    for _ in read_sound(lake_dir, loss):
        pass
    return loss


def read_sound(lake_dir: Path, loss: Loss) -> Iterator[pa.RecordBatch]:
    """The rows of `loss.file` that are as they were written, in order; the others are counted."""
    file = loss.file
    schema, time = _SHAPES[file.kind]
    whole = ((file.bucket_lo, file.bucket_hi), (file.min_time, file.max_time))
    try:
        opened = pq.ParquetFile(lake_dir / file.path, page_checksum_verification=True)
    except (OSError, pa.ArrowException):
        loss.add(file.rows, *whole)
        return
    with opened:
        for number in range(opened.metadata.num_row_groups):
            group, done = opened.metadata.row_group(number), 0
            try:
                for batch in opened.iter_batches(_STEP, [number], schema.names):
                    done += batch.num_rows
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
            except (OSError, pa.ArrowException):
                spans = _span(group, "bucket") or whole[0], _span(group, time) or whole[1]
                loss.add(group.num_rows - done, *spans)


def _span(group: pq.RowGroupMetaData, column: str) -> tuple | None:
    """The least and the greatest value of a column in a row group."""
    columns = (group.column(number) for number in range(group.num_columns))
    told = next((one.statistics for one in columns if one.path_in_schema == column), None)
    return (told.min, told.max) if told is not None and told.has_min_max else None


def give_up(
    settings: Settings, named: str, by: str, now: datetime, *, layer: FileLayer = DISK
) -> GivenUp:
    """Put what can be read of a damaged file in its place; transactions of its own.

    Killed anywhere, the history is as before or as afterwards; do it again then.

    Raises:
        NotFound: there is no such file.
        Refused: the file is sound.
        Conflict: somebody else replaced it meanwhile.
        StorageError: the rest could not be written; nothing has changed.
    """
    with connect(settings.database_url or "", name="salvage") as conn:
        with conn.transaction():
            file = find_file(conn, settings.lake_dir, named)
        _refuse_sound(settings.lake_dir, file)
        loss = Loss(file=file)
        saved = _save(conn, Place(settings, layer, now), loss)
        with writing(conn), conn.transaction():
            if not remove_files(conn, [file.id], now + KEPT - KEEP):
                raise Conflict("{path} is no part of the history any more.", path=file.path)
            if saved is not None:
                add_file(conn, saved)
            conn.execute(SQL.note_loss, _note(loss, saved, by, now))
    return GivenUp(loss, saved, now + KEPT)


def _refuse_sound(lake_dir: Path, file: LakeFile) -> None:
    try:
        check_file(lake_dir, file)
    except DamagedFile:
        return
    raise Refused("{path} is as it was written; nothing of it is given up.", path=file.path)


def _save(conn: psycopg.Connection, place: Place, loss: Loss) -> LakeFile | None:
    """What can be read, in a durable file that is not yet in the manifest."""
    rows = read_sound(place.settings.lake_dir, loss)
    for shelf in SHELVES:
        if shelf.kind == loss.file.kind:
            return write_rows(place, shelf, rows, loss.file.level)
    with conn.transaction():
        target = Target(
            layer=place.layer,
            lake_dir=place.settings.lake_dir,
            level=loss.file.level,
            typed=list_typed(conn),
            borders=tuple(low for low, _ in list_partitions(conn)),
            now=place.now,
        )
    with open_duckdb(place.settings, threads=1) as duck:
        written = write_events(target, with_typed(duck, rows, target.typed))
    return written.file if written else None


def _note(loss: Loss, saved: LakeFile | None, by: str, now: datetime) -> dict[str, object]:
    detail = {
        "lost": loss.rows,
        "saved": saved.rows if saved else 0,
        "from": loss.first.isoformat(),
        "until": loss.last.isoformat(),
        "buckets": [loss.bucket_lo, loss.bucket_hi],
    }
    return {"id": uuid4(), "now": now, "by": by, "path": loss.file.path, "detail": Jsonb(detail)}
