"""Which provider carries our mail: set up in the desk, its password encrypted with the keyring.

Where nothing is set up everything goes to the sandbox mailbox, so that nothing leaves by accident.
"""

from datetime import datetime
from uuid import UUID, uuid4

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.errors import InputError, NotFound
from dangol.settings import Settings
from dangol.speak.channel.email.connection import SmtpTarget
from dangol.speak.channel.email.session import SessionOptions
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries

_Q = load_queries(__package__)
_PURPOSE = "channel secret"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SmtpConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the team types in about an SMTP provider; the password is kept apart."""

    host: str = ""
    port: int = 587
    tls: str = "starttls"
    """`starttls`, `implicit` or `none`."""
    username: str = ""
    helo: str = "localhost"
    rate_per_second: float | None = None
    """How much the provider allows; None measures what it takes."""
    max_connections: int = 10
    messages_per_connection: int = 1000
    ca_file: str | None = None
    """A file of certificates to trust instead of the system's, for a relay of your own."""


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One channel that is set up."""

    id: UUID | None
    kind: str
    """`sandbox` or `smtp`."""
    config: SmtpConfig
    has_password: bool
    active: bool
    verified_at: datetime | None


class ActiveChannel(msgspec.Struct, frozen=True, kw_only=True):
    """The way out that is in use, ready to be connected to."""

    kind: str
    target: SmtpTarget
    rate_per_second: float | None

    @property
    def is_practice(self) -> bool:
        """Whether it leads to the sandbox mailbox."""
        return self.kind == "sandbox"


def parse_config(raw: object) -> SmtpConfig:
    """A provider's settings from JSON.

    Raises:
        InputError: says which field cannot be used, and what it takes.
    """
    try:
        config = msgspec.convert(raw, SmtpConfig)
    except msgspec.ValidationError as error:
        raise InputError(
            "The mail server's settings cannot be used: {error}", error=error
        ) from None
    if not config.host or any(char.isspace() for char in config.host + config.helo):
        raise InputError("The mail server needs a host name without blanks.")
    if not 1 <= config.port <= 65535:
        raise InputError("{port} is no port; mail servers use 465, 587 or 25.", port=config.port)
    if config.tls not in ("starttls", "implicit", "none"):
        raise InputError("Encryption is `starttls`, `implicit` or `none`.")
    if config.tls == "none" and config.username and config.host not in _LOOPBACK:
        raise InputError("A password needs encryption: choose `starttls` or `implicit`.")
    if not (1 <= config.max_connections <= 500 and config.messages_per_connection >= 1):
        raise InputError("Take 1 to 500 connections, and at least one message for each.")
    if config.rate_per_second is not None and not config.rate_per_second > 0:
        raise InputError("The rate is more than 0 messages a second, or left empty.")
    return config


def save_config(
    conn: psycopg.Connection,
    keyring: Keyring,
    config: SmtpConfig,
    password: str | None,
    *,
    config_id: UUID | None = None,
    by: str,
    now: datetime,
) -> UUID:
    """Keep a provider's settings, new or (with `config_id`) changed; without a password the old
    one stays. It is not used before `choose_config`.

    Raises:
        NotFound: there is no such channel.
    """
    secret = keyring.encrypt(_PURPOSE, password.encode()) if password else None
    fields = {"kind": "smtp", "config": Jsonb(msgspec.to_builtins(config)), "secret": secret}
    args = fields | {"id": config_id or uuid4(), "now": now, "by": by}
    if config_id is None:
        conn.execute(_Q.insert_config, args)
    elif conn.execute(_Q.change_config, args).fetchone() is None:
        raise NotFound()
    return args["id"]


def list_configs(conn: psycopg.Connection) -> list[ChannelRow]:
    """All channels that are set up, the one in use first."""
    return [_row(row) for row in conn.execute(_Q.list_configs)]


def choose_config(
    conn: psycopg.Connection, config_id: UUID | None, *, by: str, now: datetime
) -> None:
    """Send everything through this channel from now on; None means the sandbox mailbox."""
    if config_id is not None and not conn.execute(_Q.find_config, {"id": config_id}).fetchone():
        raise NotFound()
    none = UUID(int=0)
    conn.execute(_Q.choose_config, {"id": config_id or none, "by": by, "now": now})


def mark_verified(conn: psycopg.Connection, config_id: UUID, now: datetime) -> None:
    """The provider was connected to and let us in."""
    conn.execute(_Q.set_verified, {"id": config_id, "now": now})


def find_target(conn: psycopg.Connection, keyring: Keyring, config_id: UUID) -> SmtpTarget:
    """How to connect to a channel that is set up, in use or not."""
    row = conn.execute(_Q.find_config, {"id": config_id}).fetchone()
    if row is None:
        raise NotFound()
    return _target(msgspec.convert(row[2], SmtpConfig), row[3], keyring)


def active_channel(conn: psycopg.Connection, keyring: Keyring, settings: Settings) -> ActiveChannel:
    """The channel in use; the sandbox mailbox where none is chosen.

    Raises:
        KeyringError: its password was sealed with another keyring.
    """
    row = conn.execute(_Q.list_configs).fetchone()
    if row is None or not row[4] or row[1] == "sandbox":
        target = SmtpTarget(
            host="127.0.0.1", port=settings.sandbox_port, tls="none", max_connections=32
        )
        return ActiveChannel(kind="sandbox", target=target, rate_per_second=None)
    config = msgspec.convert(row[2], SmtpConfig)
    target = _target(config, row[3], keyring)
    return ActiveChannel(kind="smtp", target=target, rate_per_second=config.rate_per_second)


def _target(config: SmtpConfig, secret: bytes | None, keyring: Keyring) -> SmtpTarget:
    options = SessionOptions(
        helo=config.helo,
        username=config.username,
        password=keyring.decrypt(_PURPOSE, secret).decode() if secret else "",
        starttls=config.tls == "starttls",
        may_auth_plain=config.host in _LOOPBACK,
        limit=config.messages_per_connection,
    )
    return SmtpTarget(
        host=config.host,
        port=config.port,
        tls=config.tls,
        options=options,
        ca_file=config.ca_file,
        max_connections=config.max_connections,
    )


def _row(row: tuple) -> ChannelRow:
    return ChannelRow(
        id=row[0],
        kind=row[1],
        config=msgspec.convert(row[2], SmtpConfig),
        has_password=row[3] is not None,
        active=row[4],
        verified_at=row[5],
    )
