"""Fixtures by what a test needs: `dsn` is an own, migrated, empty database on a real server."""

import shutil
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from dangol.settings import temporary
from dangol.store.migrate import migrate
from dangol.store.pool import connect
from dangol.store.server import EmbeddedServer


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """One embedded PostgreSQL for the whole run.

    Not below pytest's own folder: that is closed to other accounts, and as root the server has one
    of its own.
    """
    home = temporary("tests")
    home.chmod(0o755)
    server = EmbeddedServer(home, settings={"shared_buffers": "128MB", "fsync": "off"})
    server.start()
    yield server
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


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
