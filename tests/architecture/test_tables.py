"""The schema as a whole: written down in one file, and every table with one owner."""

import re
import subprocess
from pathlib import Path

import psycopg

from dangol.store.server import EmbeddedServer

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "src/dangol/store/schema.sql"


def test_the_migrations_make_the_schema_that_is_written_down(
    server: EmbeddedServer, dsn: str
) -> None:
    """To renew the file after a migration: `python -m tests.architecture.test_tables`."""
    assert dump(server, dsn) == SCHEMA.read_text(), (
        test_the_migrations_make_the_schema_that_is_written_down.__doc__
    )


def test_every_table_has_one_owner(conn: psycopg.Connection) -> None:
    tables = {
        row[0]
        for row in conn.execute(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition"
        )
    }
    listed = re.findall(
        r"^\| `(\w+)` \| `([\w.]+)` \|", (ROOT / "docs/tables.md").read_text(), re.M
    )
    assert tables == {name for name, _ in listed}
    assert len(listed) == len({name for name, _ in listed})
    for _, owner in listed:
        path = ROOT / "src/dangol" / owner.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), f"no package {owner}"


def dump(server: EmbeddedServer, dsn: str) -> str:
    """The schema as pg_dump prints it, without what changes from run to run."""
    command = [server.binaries / "pg_dump", "--schema-only", "--no-owner", "--no-privileges", dsn]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    kept = [
        line
        for line in text.splitlines()
        if line.strip()
        and not line.startswith(("--", "SET ", "SELECT ", "\\"))
        and not re.search(r"\bseen_\d+|seen_p?\d{4}", line)
    ]
    return "\n".join(kept) + "\n"


def renew() -> None:
    """Write schema.sql anew from the migrations."""
    from dangol.settings import temporary
    from dangol.store.migrate import migrate
    from dangol.store.pool import connect

    home = temporary("schema")
    home.chmod(0o755)
    server = EmbeddedServer(home)
    dsn = server.start()
    try:
        with connect(dsn, name="schema", autocommit=True) as conn:
            migrate(conn)
        SCHEMA.write_text(dump(server, dsn))
    finally:
        server.stop()


if __name__ == "__main__":
    renew()
