"""What is needed to boot, from the environment and the command line; all else is a row in the desk."""

import os
import tempfile
from pathlib import Path

import msgspec

from dangol.errors import SettingError


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One installation's boot settings. Every field can be set as DANGOL_<FIELD>."""

    data: Path = Path("data")
    """Folder of everything that is kept on this machine: embedded database, lake, keyring, journal."""
    database_url: str | None = None
    """A PostgreSQL 15+ to use instead of the embedded one."""
    host: str = "127.0.0.1"
    """Address on which pages, desk and APIs listen."""
    port: int = 8080
    """Port of the same."""
    mail_port: int = 8025
    """Port on which answers to our letters are received (SMTP)."""
    sandbox_port: int = 8026
    """Port of the sandbox mailbox (SMTP), on the loopback address only."""
    partitions: int = 16
    """How many ranges of buckets a new installation starts with (1 to 1,024)."""
    web_workers: int = 1
    """Processes that answer HTTP."""
    workers: int = 1
    """Processes that the engine spreads a computation about everybody over."""
    engine_memory_mb: int = 1024
    """What DuckDB may use in the engine and in each query worker."""
    journal: Path | None = None
    """Folder of the opt-out journal; by default inside `data`."""

    @property
    def lake_dir(self) -> Path:
        """Where the history files are."""
        return self.data / "lake"

    @property
    def journal_dir(self) -> Path:
        """Where opt-outs and tombstones are written before they are acknowledged."""
        return self.journal or self.data / "journal"

    @property
    def keyring_path(self) -> Path:
        """The keys that sign tokens and sessions and encrypt provider secrets."""
        return self.data / "keyring.json"

    @property
    def temp_dir(self) -> Path:
        """Where large sorts spill to."""
        return self.data / "tmp"


def load_settings(**given: object) -> Settings:
    """The settings of this process: `given` (not None) over DANGOL_* over the defaults.

    Raises:
        SettingError: a value does not fit; names the setting and says what it takes.
    """
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    raw: dict[str, object] = {}
    for name in fields:
        text = os.environ.get(f"DANGOL_{name.upper()}")
        if text not in (None, ""):
            raw[name] = text
    raw |= {name: value for name, value in given.items() if value is not None}
    try:
        settings = msgspec.convert(raw, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingError(f"A setting cannot be used: {error}") from None
    for name, most in (("partitions", 1024), ("workers", 64)):
        value = getattr(settings, name)
        if not 1 <= value <= most:
            raise SettingError(f"DANGOL_{name.upper()} is {value}; it takes 1 to {most:,}.")
    return msgspec.structs.replace(settings, data=settings.data.resolve())


def find_database_url(settings: Settings) -> str | None:
    """The database to join: the one that is set, or that of a running `dangol up` on this folder.

    Raises:
        OSError: the folder is not ours to read.
    """
    if settings.database_url:
        return settings.database_url
    try:
        return (settings.data / "run" / "database_url").read_text().strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None


def temporary(prefix: str) -> Path:
    """A new folder outside the data folder, for tests and benchmarks."""
    return Path(tempfile.mkdtemp(prefix=f"dangol-{prefix}-"))


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value)).expanduser()
    raise NotImplementedError(kind)
