"""`dangol check`: is everything there that an installation needs, and if not, what to do."""

import datetime as dt
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import available_timezones

import psycopg
import typer

from dangol.cli.operate import shared_settings
from dangol.errors import DangolError
from dangol.settings import Settings, find_database_url, load_settings
from dangol.store.brand import read_brand
from dangol.store.files import storage_error
from dangol.store.keyring import check_keyring, load_keyring
from dangol.store.migrate import check_schema
from dangol.store.pool import connect

if TYPE_CHECKING:
    from dangol.store.lake.salvage import Loss

_LARGEST_CLOCK_ERROR = dt.timedelta(seconds=2)
_SMALLEST_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str


def register(app: typer.Typer) -> None:
    """Add this module's command to `app`."""
    app.command()(check)


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    give_up: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Go on without what is damaged of this history file."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before giving up.")] = False,
) -> None:
    """Verify settings, database, history, clock and keyring, and say what to do."""
    if give_up is not None:
        _give_up(give_up, yes)
        return
    findings = check_installation(load_settings())
    if as_json:
        print(json.dumps([finding.__dict__ for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.what}: {finding.detail}")
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


def _give_up(named: str, yes: bool) -> None:
    from dangol.store.lake.manifest import list_partitions
    from dangol.store.lake.salvage import assess, find_file, give_up

    settings, now = shared_settings(), dt.datetime.now(dt.UTC)
    with connect(settings.database_url or "", name="check") as conn:
        file, partitions = find_file(conn, settings.lake_dir, named), list_partitions(conn)
    told = describe_loss(assess(settings.lake_dir, file), partitions)
    print(f"{settings.lake_dir / file.path}: {told}.")
    if not yes:
        typer.confirm("No backup holds this file? Give up what cannot be read?", abort=True)
    done = give_up(settings, named, "cli", now)
    print(f"{done.saved.rows if done.saved else 0:,} are kept, {done.loss.rows:,} are given up.")
    print(
        f"The damaged file stays where it is until {done.kept_until:%Y-%m-%d}; copy it if somebody "
        "may repair it. It is deleted then, for it may hold people who ask to be forgotten."
    )


def describe_loss(loss: "Loss", partitions: list[tuple[int, int]]) -> str:
    """What cannot be read: how much, of which partitions, and of which days (UTC)."""
    if not loss.rows:
        return "everything can be read"
    numbers = [
        number
        for number, (low, high) in enumerate(partitions)
        if low <= loss.bucket_hi and loss.bucket_lo <= high
    ]
    who = (
        f"partition {numbers[0]}"
        if len(numbers) == 1
        else f"partitions {numbers[0]} to {numbers[-1]}"
    )
    what = {"event": "events", "message": "messages", "membership": "entries and exits"}
    return (
        f"{loss.rows:,} of {loss.file.rows:,} {what[loss.file.kind]} cannot be read "
        f"(customers of {who}, from {loss.first:%Y-%m-%d} to {loss.last:%Y-%m-%d})"
    )


def check_installation(settings: Settings) -> list[Finding]:
    """Look at everything once; nothing is changed."""
    findings = [
        _guarded("settings", lambda: f"data folder {settings.data}"),
        _guarded("keyring", lambda: _keyring(settings)),
        _guarded("disk", lambda: _disk(settings)),
        _guarded("zones", lambda: f"{len(available_timezones())} time zones known"),
    ]
    try:
        url = find_database_url(settings)
    except OSError as error:
        denied = storage_error(Path(error.filename or settings.data), error)
        return [*findings, Finding("database", False, str(denied))]
    if url is None:
        detail = f"nothing runs on {settings.data}; start `dangol up` or set DANGOL_DATABASE_URL"
        return [*findings, Finding("database", False, detail)]
    try:
        with connect(url, name="check") as conn:
            return findings + [
                _guarded("database", lambda: _database(conn)),
                _guarded("schema", lambda: _schema(conn)),
                _guarded("keys", lambda: _keys(conn, settings)),
                _guarded("clock", lambda: _clock(conn)),
                _guarded("history", lambda: _history(conn, settings)),
                _guarded("brand", lambda: _brand(conn)),
            ]
    except psycopg.OperationalError as error:
        return [*findings, Finding("database", False, f"does not answer: {error}")]


def _guarded(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except (DangolError, psycopg.Error) as error:
        return Finding(what, False, str(error))
    except OSError as error:
        return Finding(what, False, str(storage_error(Path(error.filename or ""), error)))


def _keyring(settings: Settings) -> str:
    if not settings.keyring_path.exists():
        raise DangolError(f"{settings.keyring_path} is missing; `dangol up` makes it once.")
    ring = load_keyring(settings.keyring_path)
    if settings.keyring_path.stat().st_mode & 0o077:
        raise DangolError(f"others may read {settings.keyring_path}; run chmod 600 on it.")
    return f"{len(ring.keys)} signing keys"


def _disk(settings: Settings) -> str:
    stat = os.statvfs(settings.data if settings.data.exists() else settings.data.parent)
    free = stat.f_bavail * stat.f_frsize
    if free < _SMALLEST_FREE_BYTES:
        raise DangolError(f"only {free / 1e6:,.0f} MB free for {settings.data}; make room.")
    return f"{free / 1e9:,.1f} GB free"


def _database(conn: psycopg.Connection) -> str:
    version = conn.info.server_version // 10_000
    if version < 15:
        raise DangolError(f"PostgreSQL {version} is too old; 15 or later is needed.")
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        value = conn.execute(f"show {name}").fetchone()[0]
        if value == "off":
            raise DangolError(f"{name} is off: acknowledged events could be lost; turn it on.")
    return f"PostgreSQL {version}"


def _schema(conn: psycopg.Connection) -> str:
    check_schema(conn)
    return "at this version"


def _keys(conn: psycopg.Connection, settings: Settings) -> str:
    if settings.keyring_path.exists():
        check_keyring(conn, load_keyring(settings.keyring_path))
    return "those that the database was made with"


def _clock(conn: psycopg.Connection) -> str:
    there = conn.execute("select clock_timestamp()").fetchone()[0]
    error = abs(there - dt.datetime.now(dt.UTC))
    if error > _LARGEST_CLOCK_ERROR:
        raise DangolError(
            f"the clocks of this machine and the database differ by {error.total_seconds():.1f} s; "
            "set both by NTP."
        )
    return f"within {max(error.total_seconds(), 0.001):.3f} s of the database"


def _history(conn: psycopg.Connection, settings: Settings) -> str:
    from dangol.store.lake.manifest import list_files, list_partitions
    from dangol.store.lake.salvage import assess
    from dangol.store.lake.soundness import find_damaged

    files, partitions = list_files(conn, kind=None), list_partitions(conn)
    damaged = find_damaged(settings.lake_dir, files)
    problems = [
        f"{damaged[file.id]}; {describe_loss(assess(settings.lake_dir, file), partitions)}; if no "
        f"backup holds the file, `dangol check --give-up {file.path}` goes on with the rest"
        for file in files
        if file.id in damaged
    ]
    if problems:
        raise DangolError("{problems}", problems="; ".join(problems))
    return f"{len(files)} files, each page as it was written"


def _brand(conn: psycopg.Connection) -> str:
    brand = read_brand(conn)
    if not brand.name:
        raise DangolError("the shop has no name yet; open Settings in the desk.")
    return brand.name
