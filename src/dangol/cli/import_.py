"""`dangol import`: a file of customers or events becomes history."""

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from dangol.cli.operate import shared_settings
from dangol.errors import InputError

_import = typer.Typer(help="Import customers or events from a file.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="CSV, Parquet or JSON lines.")]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="COLUMN=FIELD, repeatable; FIELD is user_id, email, time, event, revenue (or "
        "revenue:USD), currency, consent, any other name, or - to leave the column out.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, ask nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether the columns are right.")]
Rejects = Annotated[
    Path | None, typer.Option(help="Where refused rows are written; FILE.rejects.csv by default.")
]


def register(app: typer.Typer) -> None:
    """Add the group to `app`."""
    app.add_typer(_import, name="import")


@_import.command()
def customers(
    file: File,
    mapping: Map = None,
    consent: Annotated[
        str, typer.Option(help="`none`, or when and how all agreed: '2024-05-01 sign-up form'.")
    ] = "none",
    rejects: Rejects = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Import people. Everyone is kept; without --consent nobody becomes mailable."""
    _run(file, "customers", mapping, {"consent": consent}, _Talk(rejects, yes, as_json))


@_import.command()
def events(
    file: File,
    mapping: Map = None,
    name: Annotated[
        str | None, typer.Option(help="What happened, such as 'Order Completed'.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Of the amounts, such as USD.")] = None,
    rejects: Rejects = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Import what happened. It becomes history: it is known, and triggers nothing."""
    said = {"event_name": name, "currency": currency}
    _run(file, "events", mapping, said, _Talk(rejects, yes, as_json))


class _Talk:
    """How to speak with the person at the terminal."""

    def __init__(self, rejects: Path | None, yes: bool, as_json: bool) -> None:
        self.rejects, self.as_json = rejects, as_json
        self.asks = not yes and not as_json and sys.stdin.isatty()
        self._last = ""

    def progress(self, **how_far: object) -> None:
        """One line that is written over, where somebody looks."""
        if self.as_json or not sys.stderr.isatty():
            return
        text = " ".join(str(value) for value in how_far.values())
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)


def _run(
    file: Path, kind: str, mapping: list[str] | None, said: dict[str, str | None], talk: _Talk
) -> None:
    from dangol.engine.importing import Request, find_unfinished, import_file
    from dangol.listen.importing.fields import settle
    from dangol.listen.importing.source import open_source

    settings = shared_settings()
    columns = open_source(file).columns
    options = settle(columns, kind, read_pairs(mapping or []), said)
    if talk.asks:
        _confirm(columns, options.mapping)
    request = Request(
        run_id=uuid4(), path=file.resolve(), file_name=file.name, options=options, by="cli"
    )
    request = find_unfinished(settings, request)
    begun = dt.datetime.now(dt.UTC)
    counts = import_file(settings, request, talk.progress)
    seconds = (dt.datetime.now(dt.UTC) - begun).total_seconds()
    refused = (
        _write_rejects(settings.database_url or "", request, talk) if counts.rejected else None
    )
    _tell(talk, request, counts, refused, seconds)


def read_pairs(mapping: list[str]) -> dict[str, str]:
    """{column: field} of what `--map` was given.

    Raises:
        InputError: one of them is no pair.
    """
    pairs = {}
    for text in mapping:
        column, equals, field = text.partition("=")
        if not equals or not column.strip() or not field.strip():
            raise InputError(
                f"--map takes COLUMN=FIELD, such as customer_no=user_id; not {text!r}."
            )
        pairs[column.strip()] = field.strip()
    return pairs


def _confirm(columns: tuple[str, ...], mapping: dict[str, str]) -> None:
    for column in columns:
        print(f"  {column}  →  {mapping.get(column, '(left out)')}")
    typer.confirm("Are the columns right?", default=True, abort=True)


def _write_rejects(dsn: str, request: object, talk: _Talk) -> Path:
    from dangol.listen.importing.store import write_refusals
    from dangol.store.pool import connect

    path = talk.rejects or Path(f"{request.file_name}.rejects.csv")
    with connect(dsn, name="import") as conn, path.open("w", encoding="utf-8-sig") as out:
        out.writelines(write_refusals(conn, request.run_id))
    return path


def _tell(talk: _Talk, request, counts, refused: Path | None, seconds: float) -> None:
    if talk.as_json:
        said = {
            "run_id": str(request.run_id),
            "read": counts.read,
            "new": counts.new,
            "known": counts.known,
            "rejected": counts.rejected,
            "rejects": str(refused) if refused else None,
            "mapping": request.options.mapping,
            "seconds": round(seconds, 3),
        }
        print(json.dumps(said, ensure_ascii=False))
        return
    print(
        f"{counts.read:,} rows read: {counts.new:,} new, {counts.known:,} known already, "
        f"{counts.rejected:,} refused ({seconds:.1f} s)."
    )
    if refused:
        print(f"Refused rows with their reasons: {refused}")
