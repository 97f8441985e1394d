"""A database belongs to one keyring: with another, every opt-out would be forgotten."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from dangol.cli.checking import check_installation
from dangol.cli.preparing import prepare
from dangol.settings import Settings
from dangol.store.keyring import KeyringError, check_keyring, load_keyring

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """An installation that has been started once."""
    made = Settings(data=tmp_path / "data", database_url=dsn)
    prepare(made, demo=None, now=NOW)
    return made


def test_a_lost_keyring_is_not_replaced_silently(
    conn: psycopg.Connection, settings: Settings
) -> None:
    kept = settings.keyring_path.rename(settings.data / "kept.json")
    with pytest.raises(KeyringError, match="Put the old file back"):
        prepare(settings, demo=None, now=NOW)
    with pytest.raises(KeyringError, match="Put the old file back"):
        check_keyring(conn, load_keyring(settings.keyring_path))
    kept.replace(settings.keyring_path)
    prepare(settings, demo=None, now=NOW)


def test_the_check_tells_of_another_keyring(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANGOL_DATABASE_URL", settings.database_url or "")
    settings.keyring_path.unlink()
    load_keyring(settings.keyring_path)
    findings = {finding.what: finding for finding in check_installation(settings)}
    assert not findings["keys"].ok
    assert "Put the old file back" in findings["keys"].detail


def test_what_holds_people_is_closed_to_other_accounts(settings: Settings) -> None:
    for folder in (settings.lake_dir, settings.journal_dir, settings.temp_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
