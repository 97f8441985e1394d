"""Sorted events in, one Parquet file out: streamed, row groups cut at partition borders."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dangol.store.files import FileLayer, make_folder, write_file
from dangol.store.lake.manifest import FOLDER, LakeFile
from dangol.store.lake.shape import FORMAT_VERSION, PropertyType, TypedColumn, file_schema

GROUP_ROWS = 122_880
"""Rows of a full row group; what DuckDB reads at a time on one thread."""

_PLAIN = ("event_id", "customer_id", "time", "received_at", "recorded_at")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SortKey = tuple[int, int, datetime, UUID]
"""(bucket, customer_id, time, event_id): the order of every file."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file goes and how it is cut."""

    layer: FileLayer
    lake_dir: Path
    level: int
    typed: tuple[TypedColumn, ...]
    borders: tuple[int, ...]
    """First buckets of partitions: no row group spans one."""
    now: datetime


class Written(msgspec.Struct, frozen=True):
    """A durable file that is not yet in the manifest, and the key of its last row."""

    file: LakeFile
    last: SortKey


def write_events(target: Target, batches: Iterable[pa.RecordBatch]) -> Written | None:
    """Write events, given in the order of files, and return the file; None when there are none.

    Memory: one row group. Raises StorageError, and then leaves nothing behind.
    """
    filled = (batch for batch in batches if batch.num_rows)
    first = next(filled, None)
    if first is None:
        return None
    identity = uuid4()
    path = f"{FOLDER}/{identity.hex}.parquet"
    make_folder(target.layer, target.lake_dir / FOLDER)
    tally = write_file(
        target.layer,
        target.lake_dir / path,
        lambda file: _fill(file, target, chain([first], filled)),
    )
    made = LakeFile(
        id=identity,
        level=target.level,
        path=path,
        bucket_lo=tally.bucket_lo,
        bucket_hi=tally.last[0],
        rows=tally.rows,
        bytes=tally.bytes,
        min_time=_EPOCH + tally.min_time,
        max_time=_EPOCH + tally.max_time,
        format_version=FORMAT_VERSION,
        typed_columns={column.name: column for column in target.typed},
        created_at=target.now,
    )
    return Written(made, tally.last)


class _Tally(msgspec.Struct):
    bucket_lo: int
    min_time: timedelta
    max_time: timedelta
    last: SortKey
    rows: int = 0
    bytes: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Count a batch that follows the ones before."""
        low, high = pc.min_max(batch["time"].cast(pa.int64())).as_py().values()
        self.min_time = min(self.min_time, timedelta(microseconds=low))
        self.max_time = max(self.max_time, timedelta(microseconds=high))
        self.last = _key_of(batch, batch.num_rows - 1)
        self.rows += batch.num_rows


def _fill(file: BinaryIO, target: Target, batches: Iterable[pa.RecordBatch]) -> _Tally:
    schema = file_schema(target.typed)
    tally = _Tally(0, timedelta.max, timedelta.min, (0, 0, _EPOCH, UUID(int=0)))
    plain = {*_PLAIN, *(c.name for c in target.typed if c.type is PropertyType.NUMBER)}
    writer = pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in schema.names if name not in plain],
        write_page_checksum=True,
    )
    with writer:
        for group in cut_groups(batches, target.borders):
            if tally.rows == 0:
                tally.bucket_lo = group["bucket"][0].as_py()
            table = group.cast(schema)
            for batch in table.to_batches():
                tally.add(batch)
            writer.write_table(table, row_group_size=GROUP_ROWS)
    tally.bytes = file.tell()
    return tally


def cut_groups(
    batches: Iterable[pa.RecordBatch], borders: Sequence[int], rows: int = GROUP_ROWS
) -> Iterator[pa.Table]:
    """The same rows as row groups: none larger than `rows`, none across a border.

    `borders` are the first buckets of partitions; `batches` are in order of bucket.
    """
    pending: list[pa.RecordBatch] = []
    waiting, partition = 0, -1
    for batch in batches:
        for number, piece in _split(batch, borders):
            while piece.num_rows:
                if pending and (number != partition or waiting == rows):
                    yield pa.Table.from_batches(pending)
                    pending, waiting = [], 0
                partition = number
                taken = piece.slice(0, rows - waiting)
                pending.append(taken)
                waiting += taken.num_rows
                piece = piece.slice(taken.num_rows)
    if pending:
        yield pa.Table.from_batches(pending)


def _split(batch: pa.RecordBatch, borders: Sequence[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The batch cut where a partition begins, each piece with its partition's number."""
    buckets = batch["bucket"].to_numpy()
    numbers = np.searchsorted(np.asarray(borders), buckets, side="right")
    starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), batch.num_rows]
    for start, end in pairwise(starts):
        yield int(numbers[start]), batch.slice(start, end - start)


def _key_of(batch: pa.RecordBatch, row: int) -> SortKey:
    bucket, customer, micros, identity = (
        batch["bucket"][row].as_py(),
        batch["customer_id"][row].as_py(),
        batch["time"].cast(pa.int64())[row].as_py(),
        batch["event_id"][row].as_py(),
    )
    return bucket, customer, _EPOCH + timedelta(microseconds=micros), identity
