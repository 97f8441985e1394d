"""A migrated database on an embedded server of its own, for measurements."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from dangol.engine.leases import ensure_leases
from dangol.settings import Settings, temporary
from dangol.store.migrate import migrate
from dangol.store.pool import connect
from dangol.store.server import EmbeddedServer


@contextmanager
def fresh_database() -> Iterator[Settings]:
    """Settings of an empty installation, as `dangol up` would make it; gone afterwards."""
    home = temporary("bench")
    home.chmod(0o755)
    server = EmbeddedServer(home / "postgres")
    server.start()
    try:
        with connect(server.dsn, name="bench", autocommit=True) as conn:
            migrate(conn)
        with connect(server.dsn, name="bench") as conn:
            ensure_leases(conn, 16)
        yield Settings(data=home, database_url=server.dsn)
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
