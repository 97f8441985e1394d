"""An import from file to profile: read, shape, hand to Route in parts, wait until all is applied.

Killed anywhere and run again it changes nothing twice: the key of every fact follows from the
file's content, and keys of imports are never forgotten.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zlib import crc32

import msgspec
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg.types.json import Jsonb

from dangol.engine.jobs import Task
from dangol.engine.upkeep import refit_stages
from dangol.errors import InputError
from dangol.listen.heard import Rejected
from dangol.listen.importing.fields import ImportOptions, settle
from dangol.listen.importing.shaping import Setting, Shaper
from dangol.listen.importing.source import Row, Source, Unreadable, open_source, read_rows
from dangol.listen.importing.store import SQL, source_of
from dangol.listen.intake import append_intake
from dangol.listen.refuse import save_rejects
from dangol.model.reason import RejectReason
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.lake import open_duckdb
from dangol.store.pool import connect

_PART = 5_000
"""Facts per row of intake."""
_MOST_WAITING = 100
"""Parts that may wait for Route; more would only fill the database."""

MOST_UNREADABLE = 100_000
"""Lines that do not fit the file's own form; a quote left open may make a hundred million of them."""

_LOCKS = 0x696D70 << 32  # "imp"; which import stands in the lower half

Watch = Callable[..., None]
"""Told how far it is: `done`, `total` and `phase`; raises to end the import."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be imported, as whom."""

    run_id: UUID
    path: Path
    file_name: str
    options: ImportOptions
    by: str


class Counts(msgspec.Struct, frozen=True):
    """What came of an import. Facts are rows, and the consents that rows state."""

    read: int
    new: int
    known: int
    rejected: int


class _Tally(msgspec.Struct):
    """Counts on their way; what an earlier attempt brought is new, though it is known by now."""

    earlier: int = 0
    read: int = 0
    fresh: int = 0
    found: int = 0
    rejected: int = 0

    @property
    def new(self) -> int:
        return self.earlier + self.fresh

    @property
    def known(self) -> int:
        return max(0, self.found - self.earlier)


def import_file(settings: Settings, request: Request, watch: Watch, *, wait: bool = True) -> Counts:
    """Import one file; with `wait`, return when every profile and stage shows it.

    Opens its own transactions. An engine must be running for the waiting to end.

    Raises:
        InputError: the file cannot be read at all; what of it was read before stays.
    """
    source = open_source(request.path)
    with connect(settings.database_url or "", name="import") as conn:
        tally = _Tally(earlier=_begin(conn, request, watch))
        try:
            _read(conn, settings, request, source, watch, tally)
            if wait:
                _await_applied(conn, request, watch)
        except Exception as error:
            conn.rollback()
            _end(conn, request, "failed", str(error)[:1000])
            raise
        counts = _end(conn, request, "done" if wait else "applying", None)
    if wait and tally.new and request.options.kind == "events":
        watch(phase="stages")
        refit_stages(settings, datetime.now(UTC))
    return counts


def run_import(task: Task) -> dict[str, object]:
    """The job of kind `import`.

    Args: `kind`, `file_name`, and `path` or `blob_id` (deleted at the end: it holds people);
    optionally `mapping`, `event_name`, `currency`, `consent` as for `fields.settle`.
    """
    path = _fetch(task)
    try:
        columns = open_source(path).columns
        said = {name: task.args.get(name) for name in ("event_name", "currency", "consent")}
        options = settle(columns, task.args["kind"], task.args.get("mapping") or {}, said)
        request = Request(
            run_id=task.id,
            path=path,
            file_name=task.args.get("file_name") or path.name,
            options=options,
            by=task.by,
        )
        counts = import_file(task.settings, request, task.progress)
    except InputError:
        _drop_blob(task, path)
        raise
    _drop_blob(task, path)
    return {"run_id": str(task.id), **msgspec.structs.asdict(counts)}


# -- reading ---------------------------------------------------------------------------------


def _read(
    conn: psycopg.Connection,
    settings: Settings,
    request: Request,
    source: Source,
    watch: Watch,
    tally: _Tally,
) -> None:
    now = datetime.now(UTC)
    brand = read_brand(conn)
    conn.rollback()
    setting = Setting(brand.zone, brand.currency, source_of(request.run_id), now)
    refused = _Refused(conn, request.run_id, now)
    with open_duckdb(settings) as duck:
        shaper = Shaper(duck, request.options, setting)
        tally.read = shaper.load(_readable(source, refused, watch), source.columns)
        tally.read += refused.count
        watch(phase="checking", done=0, total=tally.read)
        shaper.shape()
        for refusal in shaper.refusals():
            reason = RejectReason(refusal.reason)
            item = refusal.value.encode("utf-8", "replace")
            refused.add(Rejected(reason, refusal.detail, item, setting.source, refusal.line))
        refused.save()
        tally.rejected = refused.count
        for batch in shaper.facts(_PART):
            _hand_over(conn, request, batch, tally)
            watch(phase="handing over", done=tally.fresh + tally.found + tally.rejected)
            _await_room(conn, request, watch, _MOST_WAITING)


class _Refused:
    """Rows that are refused while the file is read, written in groups."""

    def __init__(self, conn: psycopg.Connection, run_id: UUID, now: datetime) -> None:
        self._conn, self._run_id, self._now = conn, run_id, now
        self._source = source_of(run_id)
        self._waiting: list[Rejected] = []
        self.count = 0

    def add(self, rejected: Rejected) -> None:
        self.count += 1
        self._waiting.append(rejected)
        if len(self._waiting) == 1_000:
            self.save()

    def unreadable(self, row: Unreadable) -> None:
        text = row.text.encode("utf-8", "replace")
        self.add(Rejected(RejectReason.BAD_VALUE, row.why, text, self._source, row.line))

    def save(self) -> None:
        if self._waiting:
            save_rejects(self._conn, self._waiting, self._now)
            counted = {"id": self._run_id, "refused": len(self._waiting)}
            self._conn.execute(SQL.count_refused, counted)
            self._conn.commit()
        self._waiting = []


def _readable(source: Source, refused: _Refused, watch: Watch) -> Iterator[Row]:
    for number, row in enumerate(read_rows(source)):
        if number % 20_000 == 0:
            watch(phase="reading", done=number)
        if isinstance(row, Unreadable):
            refused.unreadable(row)
            if refused.count > MOST_UNREADABLE:
                raise InputError(
                    "More than {most} lines cannot be read, line {line} for one; nothing was "
                    "imported. Is a quote left open, or is it another kind of file?",
                    most=MOST_UNREADABLE,
                    line=row.line,
                )
        else:
            yield row


def _hand_over(
    conn: psycopg.Connection, request: Request, batch: pa.RecordBatch, tally: _Tally
) -> None:
    """Append what is new in `batch` to intake, and count; one transaction."""
    keys = batch.column("key")
    found = conn.execute(SQL.find_known, {"keys": keys.to_pylist()})
    known = pa.array([key.hex for (key,) in found], pa.string())
    fresh = batch.filter(pc.invert(pc.is_in(keys, value_set=known)))
    tally.found += batch.num_rows - fresh.num_rows
    tally.fresh += fresh.num_rows
    if fresh.num_rows:
        now, source = datetime.now(UTC), source_of(request.run_id)
        append_intake(conn, kind="import", source=source, body=_stream(fresh), at=now)
    conn.execute(SQL.count_run, _counted(request, tally, "reading"))
    conn.commit()


def _stream(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


# -- waiting ---------------------------------------------------------------------------------


def _await_room(conn: psycopg.Connection, request: Request, watch: Watch, most: int) -> None:
    """Return when at most so many parts of this import wait for Route."""
    args = {"source": source_of(request.run_id)}
    while conn.execute(SQL.count_waiting, args).fetchone()[0] > most:
        conn.rollback()
        watch(phase="handing over")
        time.sleep(0.2)
    conn.rollback()


def _await_applied(conn: psycopg.Connection, request: Request, watch: Watch) -> None:
    args, pause = {"source": source_of(request.run_id)}, 0.05
    while conn.execute(SQL.is_applying, args).fetchone()[0]:
        conn.rollback()
        watch(phase="applying")
        time.sleep(pause)
        pause = min(1.0, pause * 1.5)
    conn.rollback()


# -- the run's own row -----------------------------------------------------------------------


def find_unfinished(settings: Settings, request: Request) -> Request:
    """The same with the id of an import of that file which was killed, if there is one."""
    with connect(settings.database_url or "", name="import") as conn:
        for (run_id,) in conn.execute(SQL.find_unfinished, _described(request)).fetchall():
            if _hold(conn, run_id):
                return msgspec.structs.replace(request, run_id=run_id)
    return request


def _begin(conn: psycopg.Connection, request: Request, watch: Watch) -> int:
    """Note that the import begins; how many facts earlier attempts at it have brought."""
    _hold(conn, request.run_id)
    _await_room(conn, request, watch, 0)
    row = _described(request) | {
        "id": request.run_id,
        "source": source_of(request.run_id),
        "now": datetime.now(UTC),
    }
    earlier = conn.execute(SQL.begin_run, row).fetchone()[0]
    conn.execute(SQL.forget_refusals, {"source": source_of(request.run_id)})
    conn.commit()
    return earlier


def _hold(conn: psycopg.Connection, run_id: UUID) -> bool:
    """Whether the import is ours until the session ends; another's process may be alive."""
    held = conn.execute(SQL.hold_run, {"key": _LOCKS | crc32(run_id.bytes)}).fetchone()[0]
    conn.commit()
    return held


def _described(request: Request) -> dict[str, object]:
    return {
        "kind": request.options.kind,
        "file_name": request.file_name,
        "options": Jsonb(msgspec.to_builtins(request.options)),
        "by": request.by,
    }


def _counted(request: Request, tally: _Tally, state: str) -> dict[str, object]:
    return {
        "id": request.run_id,
        "state": state,
        "rows_read": tally.read,
        "rows_new": tally.new,
        "rows_known": tally.known,
        "rows_rejected": tally.rejected,
    }


def _end(conn: psycopg.Connection, request: Request, state: str, error: str | None) -> Counts:
    row = {"id": request.run_id, "source": source_of(request.run_id), "now": datetime.now(UTC)}
    found = conn.execute(SQL.end_run, row | {"state": state, "error": error}).fetchone()
    conn.commit()
    return Counts(*found)


# -- the uploaded file -----------------------------------------------------------------------


def _fetch(task: Task) -> Path:
    """Where the file is: as named, or written from the uploaded blob.

    Raises:
        InputError: it is gone.
    """
    if "blob_id" not in task.args:
        return Path(task.args["path"])
    folder = task.settings.temp_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"import-{task.id}"
    with connect(task.dsn, name="import") as conn:
        row = conn.execute("select data from blob where id = %s", [task.args["blob_id"]]).fetchone()
    if row is None:
        raise InputError("The uploaded file is gone; upload it again.")
    path.write_bytes(row[0])
    return path


def _drop_blob(task: Task, path: Path) -> None:
    if "blob_id" not in task.args:
        return
    with connect(task.dsn, name="import") as conn:
        conn.execute("delete from blob where id = %s", [task.args["blob_id"]])
    path.unlink(missing_ok=True)
