"""Imports: upload, confirm what each column means, watch, and take the refused rows home."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, get_args
from uuid import UUID, uuid4

from dangol.engine.jobs import enqueue, get_job, list_jobs
from dangol.errors import InputError, NotFound
from dangol.listen.importing.fields import IGNORED, Field, Kind, guess_mapping, settle
from dangol.listen.importing.source import Row, Source, open_source, read_rows
from dangol.listen.importing.store import ImportRun, list_runs, write_refusals
from dangol.store import retention
from dangol.web.answer import Answer, Download, Move, Page
from dangol.web.desk.jobs import job_values
from dangol.web.desk.listing import csv_file, paged
from dangol.web.desk.people import SQL
from dangol.web.visit import Upload, Visit

_KINDS = get_args(Kind)
_SHOWN_ROWS = 5
_TYPE = "application/x-dangol-upload"
_TAKEN = "application/x-dangol-import"
_OPEN = ("waiting", "running", "paused")


def show_list(visit: Visit) -> Answer:
    """All imports and the form to upload a file."""
    return _list(visit)


def download(visit: Visit) -> Answer:
    """The list as CSV."""
    rows = (
        (run.file_name, run.kind, run.state, run.rows_read, run.rows_new, run.rows_rejected)
        for run in list_runs(visit.conn, 10_000)
    )
    return csv_file("imports.csv", ("file", "kind", "state", "read", "new", "refused"), rows)


def upload(visit: Visit) -> Answer:
    """Keep the file and ask what its columns mean."""
    kind = visit.form("kind")
    given = visit.given.uploads.get("file")
    try:
        if kind not in _KINDS:
            raise InputError(visit.t("form.choose"))
        if given is None or not given.size:
            raise InputError(visit.t("import.no_file"))
        open_source(given.path)
    except InputError as error:
        return _list(visit, _without_path(visit.say(error), given))
    waiting = _keep(visit, given, kind)
    return Move(f"/imports/waiting/{waiting}")


def confirm(visit: Visit) -> Answer:
    """The guessed columns with some rows, to be corrected."""
    with _waiting(visit) as (note, source):
        return _confirm_page(visit, note, source, guess_mapping(source.columns, note["kind"]))


def begin(visit: Visit) -> Answer:
    """Start the import with the columns as confirmed."""
    with _waiting(visit) as (note, source):
        said = {name: _meaning(visit, name, number) for number, name in enumerate(source.columns)}
        options = {
            "event_name": visit.form("event_name") or None,
            "currency": visit.form("currency") or None,
            "consent": _consent(visit),
        }
        try:
            settle(source.columns, note["kind"], said, options)
        except InputError as error:
            return _confirm_page(visit, note, source, said, visit.say(error))
    visit.conn.execute(SQL.take_upload, {"id": visit.id(), "type": _TAKEN})
    args = {"kind": note["kind"], "file_name": note["name"], "blob_id": str(visit.id())}
    job = enqueue(
        visit.conn, "import", args | {"mapping": said, **options}, by=visit.by, now=visit.now
    )
    visit.record("import_started", note["name"])
    return Move(f"/imports/{job}")


def show(visit: Visit) -> Answer:
    """How far an import is, and what came of it."""
    job = get_job(visit.conn, visit.id())
    if job.kind != "import":
        raise NotFound()
    runs = [run for run in list_runs(visit.conn, 10_000) if run.id == job.id]
    values = {"job": job, "run": runs[0] if runs else None, **job_values(visit, job)}
    return Page("desk/import.html", values)


def download_refusals(visit: Visit) -> Answer:
    """The reject file: line, value, reason, detail."""
    body = "".join(write_refusals(visit.conn, visit.id()))
    return Download(("\ufeff" + body).encode("utf-8", "replace"), "refused.csv")


def _keep(visit: Visit, given: Upload, kind: str) -> UUID:
    """The upload as a blob, so that any machine's engine finds it; unconfirmed it goes before long."""
    before = retention.find_end(visit.conn, retention.Kind.UPLOAD, visit.now)
    visit.conn.execute(SQL.sweep_uploads, {"type": _TYPE, "before": before})
    data = given.path.read_bytes()
    row = {
        "id": uuid4(),
        "sha256": sha256(data).digest(),
        "name": f"{kind}/{given.name}"[:300],
        "type": _TYPE,
        "size": len(data),
        "data": data,
        "now": visit.now,
        "by": visit.by,
    }
    visit.conn.execute(SQL.keep_upload, row)
    return row["id"]


@contextmanager
def _waiting(visit: Visit) -> Iterator[tuple[dict[str, str], Source]]:
    """What waits for its columns, with the file on disk for as long as it is looked at."""
    row = visit.conn.execute(SQL.find_upload, {"id": visit.id(), "type": _TYPE}).fetchone()
    if row is None:
        raise NotFound(visit.t("import.gone"))
    kind, _, name = row[0].partition("/")
    visit.settings.temp_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=visit.settings.temp_dir, prefix="upload-") as file:
        file.write(row[1])
        file.flush()
        yield {"kind": kind, "name": name}, open_source(Path(file.name))


def _meaning(visit: Visit, column: str, number: int) -> str:
    chosen = visit.form(f"c{number}")
    if chosen == "own":
        return visit.form(f"n{number}") or column
    return chosen or IGNORED


def _consent(visit: Visit) -> str | None:
    day, how = visit.form("consent_day"), visit.form("consent_how")
    return f"{day} {how}" if day or how else None


def _confirm_page(
    visit: Visit, note: dict[str, str], source: Source, mapping: dict[str, str], problem: str = ""
) -> Page:
    rows = [row.values for row in islice(read_rows(source), 50) if isinstance(row, Row)]
    known = {field.value for field in Field}
    columns = [
        {
            "name": column,
            "chosen": field if field in known or field == IGNORED else "own",
            "own": column if field in known or field == IGNORED else field,
            "examples": [row[number] or "" for row in rows[:_SHOWN_ROWS]],
        }
        for number, (column, field) in enumerate(
            (column, mapping.get(column, IGNORED)) for column in source.columns
        )
    ]
    values: dict[str, Any] = {
        "note": note,
        "columns": columns,
        "fields": [field.value for field in Field],
        "problem": problem,
        "has_amounts": Field.REVENUE in mapping.values(),
        "has_names": Field.EVENT in mapping.values(),
    }
    return Page("desk/import_confirm.html", values, 422 if problem else 200)


def _list(visit: Visit, problem: str = "") -> Page:
    runs: list[ImportRun] = list_runs(visit.conn, 10_000)
    jobs = [job for job in list_jobs(visit.conn, kind="import") if job.state in _OPEN]
    values = {
        "page": paged(visit, runs, "/imports", {}),
        "jobs": jobs,
        "kinds": _KINDS,
        "problem": problem,
        "kind": visit.form("kind", "events"),
    }
    return Page("desk/imports.html", values, 422 if problem else 200)


def _without_path(text: str, given: Upload | None) -> str:
    """Errors name the file as it lies here; people know it by its own name."""
    return text.replace(given.path.name, given.name, 1) if given else text
