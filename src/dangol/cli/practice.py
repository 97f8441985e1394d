"""`dangol demo`: open the practice shop in a running installation, or take it away."""

import datetime as dt
import json
import time
from typing import Annotated, Any
from uuid import UUID

import typer

from dangol.cli.operate import shared_settings
from dangol.errors import Refused
from dangol.store.pool import connect

_POLL_S = 0.3


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(demo)


def demo(
    customers: Annotated[int, typer.Argument(help="300 or 5000.")] = 300,
    remove: Annotated[bool, typer.Option(help="Remove the practice shop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Open a practice shop (a Seoul coffee roaster) and wait until it is ready."""
    if customers not in (300, 5_000):
        raise typer.BadParameter("takes 300 or 5000", param_hint="customers")
    kind = "practice_removal" if remove else "practice"
    args = {} if remove else {"customers": customers}
    result = _follow(shared_settings().database_url or "", kind, args, quiet=as_json)
    if as_json:
        print(json.dumps(result))
    else:
        print(
            "removed" if remove else "ready", *(f"{key}={value}" for key, value in result.items())
        )


def _follow(dsn: str, kind: str, args: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    from dangol.engine.jobs import enqueue, get_job

    with connect(dsn, name="demo", autocommit=True) as conn:
        job_id: UUID = enqueue(conn, kind, args, by="cli", now=dt.datetime.now(dt.UTC))
        shown = ""
        while (job := get_job(conn, job_id)).finished_at is None:
            said = f"{job.progress.get('step', 'waiting')} {job.progress.get('done', 0):,}"
            if said != shown and not quiet:
                print(said)
            shown = said
            time.sleep(_POLL_S)
    if job.state != "done":
        raise Refused(job.error or f"The job was {job.state}.")
    return job.result or {}
