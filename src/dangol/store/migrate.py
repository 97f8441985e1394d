"""Migrations: numbered SQL files, each applied once, in order, in a transaction of its own."""

from importlib.resources import files
from typing import NamedTuple

import psycopg

from dangol.errors import SchemaMismatch

_LOCK = 0x64616E676F6C  # "dangol"


class Migration(NamedTuple):
    """One file of `migrations/`: its number, its name without the ending, its SQL."""

    number: int
    name: str
    sql: str


def list_migrations() -> list[Migration]:
    """All migrations that this version knows, in order."""
    folder = files("dangol.store").joinpath("migrations")
    found = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    return [
        Migration(int(name[:4]), name[:-4], folder.joinpath(name).read_text(encoding="utf-8"))
        for name in found
    ]


def migrate(conn: psycopg.Connection) -> list[str]:
    """Bring the database up to date and return the names of what was applied.

    Several processes may call it at once; one works and the others wait. `conn` must be in
    autocommit mode.

    Raises:
        SchemaMismatch: the database was changed by a newer version of Dangol.
    """
    known = list_migrations()
    conn.execute("select pg_advisory_lock(%s)", [_LOCK])
    try:
        conn.execute(
            "create table if not exists migration (number int primary key, "
            "name text not null, applied_at timestamptz not null default now())"
        )
        done = {row[0] for row in conn.execute("select number from migration")}
        newest = max(done, default=0)
        if newest > known[-1].number:
            raise SchemaMismatch(
                f"The database has migration {newest}, this version knows {known[-1].number}: "
                "install the newer version, or restore the backup made before the upgrade."
            )
        return [_apply(conn, migration) for migration in known if migration.number not in done]
    finally:
        conn.execute("select pg_advisory_unlock(%s)", [_LOCK])


def check_schema(conn: psycopg.Connection) -> None:
    """Make sure that the database is exactly at this version.

    Raises:
        SchemaMismatch: it is older or newer; the message says what to do.
    """
    known = list_migrations()[-1].number
    row = conn.execute("select to_regclass('migration') is not null").fetchone()
    newest = 0
    if row and row[0]:
        newest = conn.execute("select coalesce(max(number), 0) from migration").fetchone()[0]
    if newest < known:
        raise SchemaMismatch(
            f"The database is at migration {newest}, this version needs {known}: "
            "start it once with `dangol up`, or run `dangol migrate`."
        )
    if newest > known:
        raise SchemaMismatch(
            f"The database is at migration {newest}, this version knows {known}: "
            "install the newer version of Dangol."
        )


def _apply(conn: psycopg.Connection, migration: Migration) -> str:
    with conn.transaction():
        conn.execute(migration.sql)
        conn.execute(
            "insert into migration (number, name) values (%s, %s)",
            [migration.number, migration.name],
        )
    return migration.name
