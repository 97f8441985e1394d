"""Fixtures by what a test needs: `dsn` is an own, migrated, empty database on a real server."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from dangol.store.migrate import migrate
from dangol.store.pool import connect
from dangol.store.server import EmbeddedServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One embedded PostgreSQL for the whole run."""
    home = Path(tmp_path_factory.mktemp("pg"))
    for folder in [home, *home.parents]:
        if folder.owner() != "root" or folder == Path("/tmp"):
            continue
        folder.chmod(folder.stat().st_mode | 0o011)
    server = EmbeddedServer(home, settings={"shared_buffers": "128MB", "fsync": "off"})
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> str:
    """The name of a migrated database to clone."""
    admin = server.dsn.replace("/dangol?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("create database template_dangol")
    with connect(
        server.dsn.replace("/dangol?", "/template_dangol?"), name="test", autocommit=True
    ) as conn:
        migrate(conn)
    return "template_dangol"


@pytest.fixture
def dsn(server: EmbeddedServer, template: str) -> Iterator[str]:
    """The connection string of a fresh database of the test's own."""
    admin = server.dsn.replace("/dangol?", "/postgres?")
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"create database {name} template {template} strategy file_copy")
    yield server.dsn.replace("/dangol?", f"/{name}?")
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"drop database {name} with (force)")


@pytest.fixture
def conn(dsn: str) -> Iterator[psycopg.Connection]:
    """An open connection to `dsn`, in transactions of its own (commit what others must see)."""
    with connect(dsn, name="test") as connection:
        yield connection
