"""`dangol check`: is everything there that an installation needs, and if not, what to do."""

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import available_timezones

import psycopg

from dangol.errors import DangolError
from dangol.settings import Settings, find_database_url
from dangol.store.brand import read_brand
from dangol.store.keyring import check_keyring, load_keyring
from dangol.store.migrate import check_schema
from dangol.store.pool import connect

_LARGEST_CLOCK_ERROR = dt.timedelta(seconds=2)
_SMALLEST_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str


def check_installation(settings: Settings) -> list[Finding]:
    """Look at everything once; nothing is changed."""
    findings = [
        _guarded("settings", lambda: f"data folder {settings.data}"),
        _guarded("keyring", lambda: _keyring(settings)),
        _guarded("disk", lambda: _disk(settings)),
        _guarded("zones", lambda: f"{len(available_timezones())} time zones known"),
    ]
    url = find_database_url(settings)
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
    except (DangolError, OSError, psycopg.Error) as error:
        return Finding(what, False, str(error))


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
    from dangol.store.lake.manifest import list_files
    from dangol.store.lake.soundness import find_damaged

    files = list_files(conn, kind=None)
    damaged = [str(error) for error in find_damaged(settings.lake_dir, files).values()]
    if damaged:
        raise DangolError("{problems}", problems="; ".join(damaged))
    return f"{len(files)} files, each page as it was written"


def _brand(conn: psycopg.Connection) -> str:
    brand = read_brand(conn)
    if not brand.name:
        raise DangolError("the shop has no name yet; open Settings in the desk.")
    return brand.name
