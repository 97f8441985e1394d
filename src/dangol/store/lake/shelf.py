"""Rows that are final, as files of a kind of their own: written once, read seldom, gathered, cleaned.

A shelf is what event history is not: its rows came from one table and left it in one move, nothing
masks them, and no two files hold the same row. Files stand in the same manifest, under the same
lock, and are swept like the others.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import duckdb
import msgspec
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.files import DISK, FileLayer, make_folder, write_file
from dangol.store.lake.duck import open_duckdb
from dangol.store.lake.manifest import (
    MEMBERSHIP,
    MESSAGE,
    LakeFile,
    add_file,
    list_files,
    remove_files,
    writing,
)
from dangol.store.lake.plan import find_peers
from dangol.store.lake.shape import FORMAT_VERSION, quote
from dangol.store.lake.soundness import find_damaged, naming_damage
from dangol.store.lake.writing import GROUP_ROWS
from dangol.store.pool import connect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of final rows and the shape of its files."""

    kind: str
    folder: str
    schema: pa.Schema
    """Must have `bucket` int32 and `customer_id` int64."""
    order: tuple[str, ...]
    """Columns by which rows are sorted; `bucket` first."""
    time: str
    """The column of which the manifest keeps the first and the last."""
    told: str | None
    """What of a row goes when its person is erased; None: the row does."""


_TIME = pa.timestamp("us", "UTC")

MESSAGES = Shelf(
    kind=MESSAGE,
    folder="messages",
    schema=pa.schema(
        [
            pa.field("bucket", pa.int32(), nullable=False),
            pa.field("customer_id", pa.int64(), nullable=False),
            pa.field("send_id", pa.int64(), nullable=False),
            pa.field("state", pa.string(), nullable=False),
            pa.field("reason", pa.string()),
            pa.field("seen", pa.string()),
            pa.field("due_at", _TIME, nullable=False),
            pa.field("planned_at", _TIME, nullable=False),
            pa.field("handed_at", _TIME),
            pa.field("finished_at", _TIME),
            pa.field("attempts", pa.int16(), nullable=False),
        ]
    ),
    order=("bucket", "customer_id", "send_id"),
    time="planned_at",
    told="seen",
)
"""Messages that are final; `seen` is JSON text, and null once its person was erased. No address."""

MEMBERSHIPS = Shelf(
    kind=MEMBERSHIP,
    folder="memberships",
    schema=pa.schema(
        [
            pa.field("bucket", pa.int32(), nullable=False),
            pa.field("customer_id", pa.int64(), nullable=False),
            pa.field("segment_id", pa.string(), nullable=False),
            pa.field("at", _TIME, nullable=False),
            pa.field("entered", pa.bool_(), nullable=False),
            pa.field("recorded_at", _TIME, nullable=False),
            pa.field("cause", pa.string(), nullable=False),
            pa.field("version", pa.int32(), nullable=False),
        ]
    ),
    order=("bucket", "customer_id", "segment_id", "at"),
    time="recorded_at",
    told=None,
)
"""Entries into segments with the exits that ended them, as in the table `segment_change`."""

SHELVES = (MESSAGES, MEMBERSHIPS)


class Place(msgspec.Struct, frozen=True):
    """Where the files of an installation are written."""

    settings: Settings
    layer: FileLayer
    now: datetime


def write_rows(
    place: Place, shelf: Shelf, batches: Iterable[pa.RecordBatch], level: int = 0
) -> LakeFile | None:
    """A durable file of these rows, given in order and not yet in the manifest; None without rows.

    Raises:
        StorageError: it could not be written; nothing is left behind.
    """
    filled = (batch for batch in batches if batch.num_rows)
    first = next(filled, None)
    if first is None:
        return None
    folder = place.settings.lake_dir / shelf.folder
    make_folder(place.layer, folder)
    identity = uuid4()

    def fill(file: BinaryIO) -> _Tally:
        return _fill(file, shelf, chain([first], filled))

    tally = write_file(place.layer, folder / f"{identity.hex}.parquet", fill)
    return LakeFile(
        id=identity,
        kind=shelf.kind,
        level=level,
        path=f"{shelf.folder}/{identity.hex}.parquet",
        bucket_lo=tally.bucket_lo,
        bucket_hi=tally.bucket_hi,
        rows=tally.rows,
        bytes=tally.bytes,
        min_time=tally.min_time,
        max_time=tally.max_time,
        format_version=FORMAT_VERSION,
        typed_columns={},
        created_at=place.now,
    )


@contextmanager
def reading_shelf(
    settings: Settings, conn: psycopg.Connection, shelf: Shelf, buckets: tuple[int, int]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with a view `shelf` of what files hold of these buckets, both ends included.

    Rows that leave the table after this call are in no file that it reads: ask the table first,
    then the shelf, and count a row that is in both once.

    Raises:
        DamagedFile: a file cannot be read, now or by a query inside the block.
    """
    with conn.transaction():
        files = list_files(conn, buckets, shelf.kind)
    with naming_damage(settings.lake_dir, files), open_duckdb(settings) as duck:
        duck.register("nothing", shelf.schema.empty_table())
        source = select_rows(settings.lake_dir, files) if files else "select * from nothing"
        duck.execute(f"create view shelf as {source}")
        yield duck


def gather_once(
    dsn: str, settings: Settings, shelf: Shelf, now: datetime, *, layer: FileLayer = DISK
) -> LakeFile | None:
    """Make one file of several of about one size; None when there are too few of any size.

    A damaged file is never written again, which would make the damage whole.

    Raises:
        StorageError: it could not be written; nothing has changed.
    """
    with connect(dsn, name="gathering") as conn:
        with conn.transaction():
            files = list_files(conn, kind=shelf.kind)
        while peers := find_peers(files):
            damaged = find_damaged(settings.lake_dir, peers)
            if not damaged:
                return _rewrite(conn, Place(settings, layer, now), shelf, peers)
            files = [file for file in files if file.id not in damaged]
    return None


def clean_once(
    conn: psycopg.Connection, place: Place, shelf: Shelf, customers: Sequence[int]
) -> bool:
    """Write files again without what is told of these customers; whether there was any.

    In transactions of its own. The old files are swept a day later.

    Raises:
        DamagedFile: a file cannot be read.
    """
    lake_dir = place.settings.lake_dir
    with conn.transaction():
        files = list_files(conn, kind=shelf.kind)
    if not files:
        return False
    listed = ", ".join(f"({bucket_of(one)}, {int(one)})" for one in customers)
    buckets = ", ".join(str(bucket_of(one)) for one in customers)
    said = f"bucket in ({buckets}) and (bucket, customer_id) in ({listed})"
    said += f" and {shelf.told} is not null" if shelf.told else ""
    with naming_damage(lake_dir, files), open_duckdb(place.settings, threads=1) as duck:
        source = select_rows(lake_dir, files, ", filename = true")
        found = duck.execute(f"select distinct filename from ({source}) where {said}").fetchall()
    paths = {path for (path,) in found}
    dirty = [file for file in files if str(lake_dir / file.path) in paths]
    for damage in find_damaged(lake_dir, dirty).values():
        raise damage
    for file in dirty:
        _rewrite(conn, place, shelf, [file], said)
    return bool(dirty)


def _rewrite(
    conn: psycopg.Connection,
    place: Place,
    shelf: Shelf,
    files: Sequence[LakeFile],
    told: str = "false",
) -> LakeFile | None:
    """One file instead of these, in order, without what is to go where the SQL `told` holds.

    None when nothing stays, or somebody else replaced one of them meanwhile; then the new one is
    an orphan.
    """
    emptied = f"replace (case when not ({told}) then {shelf.told} end as {shelf.told})"
    what = f"* {emptied}" if shelf.told else "*"
    kept = "true" if shelf.told else f"not ({told})"
    source = select_rows(place.settings.lake_dir, files)
    order = ", ".join(f'"{column}"' for column in shelf.order)
    with open_duckdb(place.settings, threads=1) as duck:
        rows = duck.sql(f"select {what} from ({source}) where {kept} order by {order}")
        made = write_rows(place, shelf, _cast(rows.to_arrow_reader(65_536), shelf), level=1)
    with writing(conn), conn.transaction():
        # a wrong clock swept it otherwise
        is_there = made is None or (place.settings.lake_dir / made.path).exists()
        if not (is_there and remove_files(conn, [file.id for file in files], place.now)):
            raise psycopg.Rollback  # of all of them: those that are still there stay
        if made is not None:
            add_file(conn, made)
        return made
    return None


def select_rows(lake_dir: Path, files: Sequence[LakeFile], extra: str = "") -> str:
    """SQL that reads all rows of these files, of which there is at least one."""
    paths = ", ".join(quote(str(lake_dir / file.path)) for file in files)
    return f"select * from read_parquet([{paths}], union_by_name = true{extra})"


def _cast(batches: Iterable[pa.RecordBatch], shelf: Shelf) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield from pa.Table.from_batches([batch]).cast(shelf.schema).to_batches()


class _Tally(msgspec.Struct):
    bucket_lo: int
    bucket_hi: int
    min_time: datetime
    max_time: datetime
    rows: int = 0
    bytes: int = 0


def _fill(file: BinaryIO, shelf: Shelf, batches: Iterable[pa.RecordBatch]) -> _Tally:
    tally = _Tally(1 << 30, -1, datetime.max.replace(tzinfo=UTC), _EPOCH)
    with pq.ParquetWriter(
        file, shelf.schema, compression="zstd", compression_level=1, write_page_checksum=True
    ) as writer:
        for table in _groups(batches):
            low, high = pc.min_max(table["bucket"]).as_py().values()
            first, last = pc.min_max(table[shelf.time]).as_py().values()
            tally.bucket_lo = min(tally.bucket_lo, low)
            tally.bucket_hi = max(tally.bucket_hi, high)
            tally.min_time = min(tally.min_time, first)
            tally.max_time = max(tally.max_time, last)
            tally.rows += table.num_rows
            writer.write_table(table, row_group_size=GROUP_ROWS)
    tally.bytes = file.tell()
    return tally


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows in tables of about a row group each."""
    pending: list[pa.RecordBatch] = []
    for batch in batches:
        pending.append(batch)
        if sum(one.num_rows for one in pending) >= GROUP_ROWS:
            yield pa.Table.from_batches(pending)
            pending = []
    if pending:
        yield pa.Table.from_batches(pending)
