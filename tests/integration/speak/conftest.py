"""An installation with a brand that may send, and the people it may write to."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from dangol.settings import Settings
from dangol.store.keyring import Keyring, load_keyring
from dangol.testing.mailing import prepare_brand, running_sink


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """An installation on the test's database, without a mail server yet."""
    return Settings(data=tmp_path, database_url=dsn)


@pytest.fixture
def keyring(settings: Settings) -> Keyring:
    """Its keyring."""
    return load_keyring(settings.keyring_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """The file in which the sink notes whom it was given mail for."""
    return tmp_path / "ledger"


@pytest.fixture
def mailing(settings: Settings, ledger: Path, conn: psycopg.Connection) -> Iterator[Settings]:
    """The installation with a brand, sending to a counting sink."""
    prepare_brand(conn, datetime.now(UTC))
    conn.commit()
    with running_sink(ledger) as port:
        yield replace(settings, sandbox_port=port)
