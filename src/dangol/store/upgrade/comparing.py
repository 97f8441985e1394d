"""Is everything there? What one database holds, counted, so that two can be compared."""

import msgspec
import psycopg
from psycopg import sql

from dangol.errors import ServerError
from dangol.store.pool import connect
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Contents(msgspec.Struct, frozen=True):
    """What a database holds."""

    rows: dict[str, int]
    """How many rows each table has, by schema and name."""
    sequences: dict[str, int]
    """The last number that each counter gave out."""
    migrations: list[tuple[int, str]]

    @property
    def total(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())


def count_contents(conn: psycopg.Connection) -> Contents:
    """Read all tables of the database once."""
    rows = {}
    for schema, table in conn.execute(SQL.list_tables).fetchall():
        counting = sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table))
        rows[f"{schema}.{table}"] = conn.execute(counting).fetchone()[0]
    return Contents(
        rows=rows,
        sequences=dict(conn.execute(SQL.list_sequences).fetchall()),
        migrations=conn.execute(SQL.list_migrations).fetchall(),
    )


def compare(old_dsn: str, new_dsn: str) -> Contents:
    """What both databases hold.

    Raises:
        ServerError: they differ; names the first differences.
    """
    with connect(old_dsn, name="upgrade") as old, connect(new_dsn, name="upgrade") as new:
        before, after = count_contents(old), count_contents(new)
    differing = [
        f"{name}: {was.get(name)} became {became.get(name)}"
        for was, became in (
            (before.rows, after.rows),
            (before.sequences, after.sequences),
            (dict(before.migrations), dict(after.migrations)),
        )
        for name in sorted(was.keys() | became.keys())
        if was.get(name) != became.get(name)
    ]
    if differing:
        raise ServerError(
            f"The new database is not the same as the old one ({'; '.join(differing[:5])}); "
            "it was thrown away, and the old one is as it was."
        )
    return after


def list_foreign(dsn: str) -> list[str]:
    """Databases on the same server that are not ours, and are not moved."""
    with connect(dsn, name="upgrade") as conn:
        return [row[0] for row in conn.execute(SQL.list_foreign_databases)]
