"""Long work that a person started or waits for: visible, pausable, resumed after a kill.

A job row is claimed with a lease of 30 seconds that a heartbeat renews. Whoever dies loses it, and
the next worker runs the handler again; so every handler can be run again from any point, with
`task.saved` as a hint how far it came.

`waiting → running → done | failed`, with `paused → waiting` and `cancelled` on a person's word.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import structlog
from psycopg.types.json import Jsonb

from dangol.errors import DangolError, NotFound, Refused
from dangol.settings import Settings
from dangol.store.pool import connect
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

MOST_ATTEMPTS = 5
"""A job whose worker died so often is what kills it; it is given up."""

_BEAT = 2.0
_log = structlog.get_logger("dangol.jobs")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as people see it."""

    id: UUID
    kind: str
    args: dict[str, Any]
    state: str
    progress: dict[str, Any]
    """`done` and `total` where they are known; the handler may add more."""
    result: dict[str, Any] | None
    error: str | None
    created_at: datetime
    created_by: str
    started_at: datetime | None
    finished_at: datetime | None


class Stopped(Exception):
    """The job was paused or cancelled, or this worker is to stop; the handler just ends."""


class Task:
    """A running job as its handler sees it."""

    def __init__(self, settings: Settings, holder: str, row: tuple) -> None:
        self.id, self.kind, self.args, saved, self.attempts, self.by = row
        self.settings = settings
        self.saved: dict[str, Any] = dict(saved)
        """The last progress that was kept, also by a worker that died."""
        self.holder = holder
        self._progress = dict(saved)
        self._stopped = threading.Event()

    @property
    def dsn(self) -> str:
        """Where the database is; a handler opens connections of its own."""
        return self.settings.database_url or ""

    def progress(self, **values: Any) -> None:
        """Say how far it is (`done`, `total`, …), and end here if it is to stop.

        Raises:
            Stopped: somebody paused or cancelled the job, or the engine stops.
        """
        self._progress = self._progress | values
        self.check()

    def check(self) -> None:
        """End here if the job is to stop.

        Raises:
            Stopped: as for `progress`.
        """
        if self._stopped.is_set():
            raise Stopped()

    def stop(self) -> None:
        """Make the next `check` end the handler."""
        self._stopped.set()

    def state(self) -> dict[str, Any]:
        """What a statement about this job needs to know."""
        return {"id": self.id, "holder": self.holder, "progress": Jsonb(self._progress)}


Handler = Callable[[Task], dict[str, Any] | None]


def enqueue(
    conn: psycopg.Connection, kind: str, args: dict[str, Any], *, by: str, now: datetime
) -> UUID:
    """Start a job of `kind` when the caller's transaction commits; its id."""
    job_id = uuid4()
    row = {"id": job_id, "kind": kind, "args": Jsonb(args), "now": now, "by": by}
    conn.execute(SQL.add_job, row)
    conn.execute("select pg_notify('job', '')")
    return job_id


def get_job(conn: psycopg.Connection, job_id: UUID) -> Job:
    """One job.

    Raises:
        NotFound: there is none of that id.
    """
    row = conn.execute(SQL.get_job, {"id": job_id}).fetchone()
    if row is None:
        raise NotFound("There is no such job.")
    return _job(row)


def list_jobs(conn: psycopg.Connection, *, kind: str | None = None, limit: int = 50) -> list[Job]:
    """Jobs, latest first."""
    return [_job(row) for row in conn.execute(SQL.list_jobs, {"kind": kind, "limit": limit})]


def pause_job(conn: psycopg.Connection, job_id: UUID, *, now: datetime) -> None:
    """Let it rest; its worker ends within two seconds.

    Raises:
        Refused: it has ended already.
    """
    _change(conn, job_id, "paused", ["waiting", "running"], now)


def resume_job(conn: psycopg.Connection, job_id: UUID, *, now: datetime) -> None:
    """Go on with a paused job.

    Raises:
        Refused: it is not paused.
    """
    _change(conn, job_id, "waiting", ["paused"], now)
    conn.execute("select pg_notify('job', '')")


def cancel_job(conn: psycopg.Connection, job_id: UUID, *, now: datetime) -> None:
    """Give it up for good; what it has done so far stays.

    Raises:
        Refused: it has ended already.
    """
    _change(conn, job_id, "cancelled", ["waiting", "running", "paused"], now)


def work_once(
    conn: psycopg.Connection,
    settings: Settings,
    holder: str,
    find_handler: Callable[[str], Handler],
    stop: threading.Event,
) -> bool:
    """Claim one job and work on it until it ends or must stop; whether there was one.

    `conn` is in autocommit mode; it carries the heartbeat while the handler uses its own.
    """
    row = conn.execute(SQL.claim_job, {"holder": holder}).fetchone()
    if row is None:
        return False
    task = Task(settings, holder, row)
    log = _log.bind(job=str(task.id), kind=task.kind)
    if task.attempts > MOST_ATTEMPTS:
        _finish(conn, task, "failed", error="The engine stopped each time it worked on this.")
        return True
    outcome = _Outcome(task, find_handler)
    log.info("job started", attempt=task.attempts)
    _watch(conn, task, outcome, stop)
    if outcome.stopped:
        conn.execute(SQL.return_job, task.state())
        log.info("job stopped")
    elif outcome.error is not None:
        _finish(conn, task, "failed", result=outcome.told, error=outcome.error)
        log.warning("job failed", error=outcome.error)
    else:
        _finish(conn, task, "done", result=outcome.result)
        log.info("job done")
    return True


class _Outcome(threading.Thread):
    """Runs the handler beside the heartbeat, and holds how it ended."""

    def __init__(self, task: Task, find_handler: Callable[[str], Handler]) -> None:
        super().__init__(name=f"job-{task.kind}", daemon=True)
        self._task, self._find_handler = task, find_handler
        self.result: dict[str, Any] | None = None
        self.error: str | None = None
        self.told: dict[str, Any] | None = None
        """The error as sentence and values, for other languages."""
        self.stopped = False
        self.start()

    def run(self) -> None:
        try:
            self.result = self._find_handler(self._task.kind)(self._task)
        except Stopped:
            self.stopped = True
        except DangolError as error:
            self.error = str(error)
            self.told = {"sentence": error.sentence, "values": error.values}
        except Exception as error:  # whatever it is belongs into the job's row, not into the void
            _log.exception("job crashed", kind=self._task.kind)
            self.error = f"{type(error).__name__}: {error}"


def _watch(conn: psycopg.Connection, task: Task, outcome: _Outcome, stop: threading.Event) -> None:
    """Keep the lease until the handler ends; make it end when it should."""
    beat = time.monotonic()
    try:
        while outcome.is_alive():
            outcome.join(0.2)
            if stop.is_set():
                task.stop()
            if time.monotonic() - beat >= _BEAT:
                beat = time.monotonic()
                if conn.execute(SQL.keep_job, task.state()).fetchone() is None:
                    task.stop()
    finally:
        task.stop()  # without a database there is no lease: the handler must not go on alone
        outcome.join()


def _finish(
    conn: psycopg.Connection,
    task: Task,
    state: str,
    *,
    result: dict[str, Any] | None = None,
    error: str | None = None,
) -> None:
    row = {"state": state, "result": None if result is None else Jsonb(result), "error": error}
    conn.execute(SQL.finish_job, task.state() | row)


def _change(
    conn: psycopg.Connection, job_id: UUID, state: str, from_states: list[str], now: datetime
) -> None:
    row = {"id": job_id, "state": state, "from_states": from_states, "now": now}
    if conn.execute(SQL.change_job, row).rowcount == 0:
        was = get_job(conn, job_id).state
        raise Refused("The job is {was}; it cannot become {state}.", was=was, state=state)


def _job(row: tuple) -> Job:
    names = (field.name for field in msgspec.structs.fields(Job))
    return Job(**dict(zip(names, row, strict=True)))


def job_connection(settings: Settings) -> psycopg.Connection:
    """A connection as `work_once` wants it."""
    return connect(settings.database_url or "", name="jobs", autocommit=True)
