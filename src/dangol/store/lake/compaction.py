"""Compaction: few large files per partition instead of many small ones, without what is masked.

One step reads some files as one sorted stream and writes them again, one file per partition, in
the same order. The new files are durable before one transaction swaps them in; a step that dies
leaves files that the sweep removes.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import duckdb
import msgspec
import psycopg
import pyarrow as pa

from dangol.settings import Settings
from dangol.store.files import DISK, FileLayer
from dangol.store.lake.duck import open_duckdb
from dangol.store.lake.manifest import (
    LakeFile,
    add_file,
    list_files,
    list_masked,
    list_partitions,
    list_typed,
    mark_rewritten,
    remove_files,
    writing,
)
from dangol.store.lake.plan import Plan, Range, Why, plan_step
from dangol.store.lake.reading import UNMASKED, select_files
from dangol.store.lake.shape import file_schema, quote
from dangol.store.lake.soundness import DamagedFile, find_damaged
from dangol.store.lake.writing import Target, write_events
from dangol.store.pool import connect

STEP_ROWS = 500_000
"""About so many rows are sorted at a time; more only when one bucket holds more."""
REWRITE_AHEAD = timedelta(days=6)
"""Masked rows are rewritten this long before they must be gone, so a bad week is no breach."""

_ORDER = "bucket, customer_id, time, event_id"


class Compacted(msgspec.Struct, frozen=True):
    """What one step did."""

    why: Why
    removed: tuple[LakeFile, ...]
    added: tuple[LakeFile, ...]


def compact_once(
    dsn: str, settings: Settings, now: datetime, *, layer: FileLayer = DISK
) -> Compacted | None:
    """Do the most urgent step, in transactions of its own; None when there is none to do.

    Mover, merges and readers go on meanwhile. Call again until it returns None. A damaged file is
    never written again, which would make the damage whole; the others are.

    Raises:
        StorageError: a file could not be written; nothing has changed.
        DamagedFile: nothing is left to do but with a file that is damaged.
    """
    with connect(dsn, name="compaction") as conn:
        with conn.transaction():
            files, partitions = list_files(conn), list_partitions(conn)
            due = list_masked(conn, due_by=now + REWRITE_AHEAD)
        dirty, damaged = _find_dirty(conn, settings, files, due, now)
        plan = _plan_sound(settings.lake_dir, files, partitions, dirty, damaged)
        if plan is None:
            for damage in damaged.values():
                raise damage
            return None
        with conn.transaction():
            masked = list_masked(conn)
            target = Target(
                layer=layer,
                lake_dir=settings.lake_dir,
                level=1,
                typed=list_typed(conn),
                borders=tuple(low for low, _ in partitions),
                now=now,
            )
        with open_duckdb(settings) as duck:
            duck.execute("set arrow_lossless_conversion = true")  # uuids as uuids, not as text
            duck.register("masked", masked)
            added = _write_again(duck, target, plan, partitions)
        return _swap(conn, target, plan, added)


def _plan_sound(
    lake_dir: Path,
    files: Sequence[LakeFile],
    partitions: Sequence[Range],
    dirty: set[UUID],
    damaged: dict[UUID, DamagedFile],
) -> Plan | None:
    """The most urgent step of which every file is sound; others are noted in `damaged`."""
    while True:
        plan = plan_step([file for file in files if file.id not in damaged], partitions, dirty)
        found = find_damaged(lake_dir, plan.files) if plan else {}
        if not found:
            return plan
        damaged |= found


def _write_again(
    duck: duckdb.DuckDBPyConnection, target: Target, plan: Plan, partitions: Sequence[Range]
) -> tuple[LakeFile, ...]:
    """One new file for each partition that the plan's files reach into, without masked rows."""
    written: list[LakeFile] = []
    try:
        for span in partitions:
            files = [f for f in plan.files if f.bucket_lo <= span[1] and f.bucket_hi >= span[0]]
            done = write_events(target, _sorted(duck, target, files, span)) if files else None
            if done:
                written.append(done.file)
    except BaseException:
        for file in written:
            target.layer.unlink(target.lake_dir / file.path)
        raise
    return tuple(written)


def _sorted(
    duck: duckdb.DuckDBPyConnection, target: Target, files: Sequence[LakeFile], span: Range
) -> Iterator[pa.RecordBatch]:
    """The events of these buckets in the order of files, a few buckets at a time."""
    source = select_files(target.lake_dir, files, target.typed)
    schema = file_schema(target.typed)
    density = sum(file.rows / (file.bucket_hi - file.bucket_lo + 1) for file in files)
    step = max(1, int(STEP_ROWS / density))
    for low in range(span[0], span[1] + 1, step):
        high = min(low + step - 1, span[1])
        part = f"select * from ({source}) e where bucket between {low} and {high}"
        rows = duck.sql(f"{part} and {UNMASKED} order by {_ORDER}").to_arrow_reader(65_536)
        for batch in rows:
            yield from pa.Table.from_batches([batch]).cast(schema).to_batches()


def _swap(
    conn: psycopg.Connection, target: Target, plan: Plan, added: tuple[LakeFile, ...]
) -> Compacted | None:
    """New files in, old files out; nothing when another compaction took one of the old ones."""
    with writing(conn), conn.transaction() as swap:
        if not all((target.lake_dir / file.path).exists() for file in added):
            return None  # a sweep whose clock was ahead took them for orphans
        if remove_files(conn, [file.id for file in plan.files], target.now):
            for file in added:
                add_file(conn, file)
            return Compacted(plan.why, plan.files, added)
        raise psycopg.Rollback(swap)  # those of the old ones that were still there stay
    return None  # the new files are orphans now, and swept


def _find_dirty(
    conn: psycopg.Connection,
    settings: Settings,
    files: Sequence[LakeFile],
    due: pa.Table,
    now: datetime,
) -> tuple[set[UUID], dict[UUID, DamagedFile]]:
    """The files that hold due customers, and those that do not tell because they are damaged.

    Customers that no file holds are noted as rewritten, if all files could be read.
    """
    if not due.num_rows:
        return set(), {}
    with open_duckdb(settings, threads=1) as duck:
        try:
            held = find_customers(duck, settings.lake_dir, files, due)
        except duckdb.Error:
            damaged = find_damaged(settings.lake_dir, files)
            if not damaged:
                raise
            sound = [file for file in files if file.id not in damaged]
            held = find_customers(duck, settings.lake_dir, sound, due)
            return {file for file, _ in held}, damaged
    inside = pa.table({"customer_id": pa.array({row[1] for row in held}, pa.int64())})
    gone = due.join(inside, "customer_id", join_type="left anti")
    with writing(conn), conn.transaction():
        if gone.num_rows and {f.id for f in list_files(conn)} <= {f.id for f in files}:
            mark_rewritten(conn, gone, now)
    return {file for file, _ in held}, {}


def find_customers(
    duck: duckdb.DuckDBPyConnection, lake_dir: Path, files: Sequence[LakeFile], who: pa.Table
) -> set[tuple[UUID, int]]:
    """Which of these files hold rows of which of these customers (bucket, customer_id)."""
    if not files or not who.num_rows:
        return set()
    by_path = {str(lake_dir / file.path): file.id for file in files}
    duck.register("wanted", who)  # replaces that of an earlier call that failed
    paths = ", ".join(map(quote, by_path))
    rows = duck.sql(
        f"select distinct filename, customer_id from read_parquet([{paths}], filename = true, "
        "union_by_name = true) semi join wanted using (bucket, customer_id)"
    ).fetchall()
    duck.unregister("wanted")
    return {(by_path[path], customer) for path, customer in rows}
