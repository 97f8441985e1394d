"""Keys with which senders and programs identify themselves; only their hashes are kept."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

import msgspec
import psycopg
from psycopg.rows import class_row

from dangol.errors import InputError
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)


class ApiKey(msgspec.Struct, frozen=True):
    """A key as the desk shows it; the secret itself is nowhere."""

    id: str
    name: str
    scope: str
    origins: list[str]
    """Browsers may use it from these origins only; without any, it is a server's key."""
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


def hash_secret(secret: str) -> bytes:
    """What is stored of a secret: it has 128 random bits, so a plain hash protects it."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def create_key(
    conn: psycopg.Connection,
    name: str,
    scope: str,
    *,
    origins: Sequence[str] = (),
    by: str,
    now: datetime,
) -> str:
    """Make a key for `track` or `api` and return its secret, which is shown this once.

    Raises:
        InputError: the scope is another, the name is empty, or an origin is no origin.
    """
    if scope not in ("track", "api"):
        raise InputError("A key's scope is track or api, not {scope!r}.", scope=scope)
    if not name.strip():
        raise InputError("A key needs a name, such as 'online store'.")
    secret = f"dg{scope[0]}_{secrets.token_hex(16)}"
    values = {
        "id": f"key_{secrets.token_hex(5)}",
        "name": name.strip(),
        "scope": scope,
        "secret_hash": hash_secret(secret),
        "origins": [read_origin(origin) for origin in origins],
        "by": by,
        "now": now,
    }
    conn.execute(_SQL.insert_key, values)
    return secret


def revoke_key(conn: psycopg.Connection, key_id: str, now: datetime) -> bool:
    """Make a key worthless; False when there is no such key or it was revoked before."""
    return conn.execute(_SQL.revoke_key, {"id": key_id, "now": now}).rowcount == 1


def list_keys(conn: psycopg.Connection) -> list[ApiKey]:
    """All keys, the newest first, revoked ones too."""
    with conn.cursor(row_factory=class_row(ApiKey)) as cursor:
        return cursor.execute(_SQL.list_keys).fetchall()


def find_key(conn: psycopg.Connection, secret: str, scope: str) -> ApiKey | None:
    """The key that has this secret and scope and was not revoked."""
    with conn.cursor(row_factory=class_row(ApiKey)) as cursor:
        values = {"secret_hash": hash_secret(secret), "scope": scope}
        return cursor.execute(_SQL.find_key, values).fetchone()


def read_origin(text: str) -> str:
    """An origin as browsers write it: `scheme://host[:port]`, lower case, default port left out.

    >>> read_origin("https://Shop.example:443/")
    'https://shop.example'

    Raises:
        InputError: it is none.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise InputError(
            "{text!r} is no origin; write it as https://shop.example.", text=text
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise InputError("{text!r} is no origin; write it as https://shop.example.", text=text)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if port in (None, default) else f":{port}")
