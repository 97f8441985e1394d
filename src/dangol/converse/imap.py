"""Answers from a mailbox that somebody else receives for: polled by IMAP, never deleted there.

Setting `imap`: {"host", "port", "user", "folder", "password", "active"}; the password is sealed
with the keyring (purpose "imap") and written in base64.
"""

import asyncio
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
import structlog
from imap_tools import MailBox
from imap_tools.errors import ImapToolsError

from dangol.converse.intake import SOURCE
from dangol.errors import DangolError
from dangol.listen.intake import append_intake
from dangol.settings import Settings
from dangol.store.brand import read_setting, save_setting
from dangol.store.keyring import Keyring, load_keyring
from dangol.store.pool import connect
from dangol.store.sql import load_queries

_LOG = structlog.get_logger(__name__)
_SQL = load_queries(__package__)

Use = Callable[[Callable[[psycopg.Connection], Any]], Any]

_POLL_SECONDS = 30.0
_BATCH = 50
_TIMEOUT = 30.0


class ImapConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where answers are fetched from."""

    host: str
    port: int = 993
    user: str
    folder: str = "INBOX"
    password: str
    active: bool = True

    @property
    def mailbox(self) -> str:
        """What the checkpoint is kept under."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"


def save_config(
    conn: psycopg.Connection,
    keyring: Keyring,
    config: ImapConfig,
    *,
    by: str,
    now: datetime,
) -> None:
    """Poll this mailbox from now on; `config.password` is plain here and sealed when stored."""
    sealed = b64encode(keyring.encrypt("imap", config.password.encode())).decode()
    stored = msgspec.structs.replace(config, password=sealed)
    save_setting(conn, "imap", msgspec.to_builtins(stored), by=by, now=now)


def find_config(conn: psycopg.Connection, keyring: Keyring) -> ImapConfig | None:
    """The mailbox that is polled, with its password in plain; None when there is none.

    Raises:
        KeyringError: the password was kept with another keyring.
    """
    value = read_setting(conn, "imap")
    if value is None:
        return None
    config = msgspec.convert(value, ImapConfig)
    password = keyring.decrypt("imap", b64decode(config.password)).decode()
    return msgspec.structs.replace(config, password=password)


def stop_polling(conn: psycopg.Connection, *, by: str, now: datetime) -> None:
    """Poll nothing any more; the password is not kept."""
    save_setting(conn, "imap", None, by=by, now=now)


async def poll(settings: Settings, use: Use) -> None:
    """Fetch what is new, every half a minute, until cancelled; nothing when none is configured.

    `use` runs a short look at the database on a connection that is open anyway.
    """
    while True:
        try:
            await asyncio.to_thread(_poll_once, settings, use)
        except (OSError, ImapToolsError, psycopg.Error, DangolError) as error:
            _LOG.warning("mailbox not read", error=str(error))
        await asyncio.sleep(_POLL_SECONDS)


def _poll_once(settings: Settings, use: Use) -> None:
    value = use(lambda conn: read_setting(conn, "imap"))
    if value is None:
        return
    config = msgspec.convert(value, ImapConfig)
    if config.active:
        with connect(settings.database_url or "", name="imap") as conn:
            fetch_new(conn, config, load_keyring(settings.keyring_path))


def fetch_new(conn: psycopg.Connection, config: ImapConfig, keyring: Keyring) -> int:
    """Append everything newer than the checkpoint to intake; returns how many mails.

    The checkpoint is UIDVALIDITY and UID, and moves in the transaction of what was read; mails
    read twice are recognised by their Message-ID. On a mailbox seen for the first time, what is
    there already is left alone.
    """
    password = keyring.decrypt("imap", b64decode(config.password)).decode()
    box = MailBox(config.host, config.port, timeout=_TIMEOUT)
    try:
        box.login(config.user, password, initial_folder=config.folder)
        return read_box(conn, config, box)
    finally:
        box.client.shutdown()  # also after a refused login, which leaves it open


def read_box(conn: psycopg.Connection, config: ImapConfig, box: MailBox) -> int:
    """The same on an open mailbox."""
    status = box.folder.status(config.folder, ["UIDVALIDITY", "UIDNEXT"])
    validity, following = status["UIDVALIDITY"], status["UIDNEXT"]
    row = conn.execute(_SQL.imap_checkpoint, {"mailbox": config.mailbox}).fetchone()
    if row is None or row[0] != validity:
        first = following - 1 if row is None else 0
        _save(conn, config, validity, first)
        row = (validity, first)
    uids = sorted(uid for uid in map(int, box.uids(f"UID {row[1] + 1}:*")) if uid > row[1])
    for start in range(0, len(uids), _BATCH):
        part = uids[start : start + _BATCH]
        for uid in part:
            raw = _fetch(box, uid)
            if raw is not None:
                at = datetime.now(UTC)
                append_intake(conn, kind="mail", source=SOURCE, body=raw, at=at, meta={})
        _save(conn, config, validity, part[-1])
    return len(uids)


def _fetch(box: MailBox, uid: int) -> bytes | None:
    """The raw mail, left unread; None when it is gone by now."""
    _, parts = box.client.uid("fetch", str(uid), "(BODY.PEEK[])")
    found = (
        part[1] for part in parts if isinstance(part, tuple) and re.search(rb"BODY\[", part[0])
    )
    return next(found, None)


def _save(conn: psycopg.Connection, config: ImapConfig, validity: int, uid: int) -> None:
    values = {"mailbox": config.mailbox, "uid_validity": validity, "uid": uid}
    conn.execute(_SQL.save_checkpoint, values)
    conn.commit()
