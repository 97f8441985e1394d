"""The keyring: one file of random keys that signs tokens and sessions and encrypts secrets.

Keys are never removed, only followed by newer ones: mail lies in boxes for years, and its links
name the key that signed them. Losing the file makes every link in sent mail invalid.
"""

import hmac
import json
import os
import secrets
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dangol.errors import DangolError
from dangol.store.files import storage_error

_BLOCK = 64
"""Bytes that SHA-256 takes in at once."""


class KeyringError(DangolError):
    """The keyring cannot be read; restore keyring.json from a backup, do not make a new one."""


class Keyring(msgspec.Struct, frozen=True):
    """Keys by id; the last one signs and encrypts, all of them verify and decrypt."""

    keys: dict[int, bytes]
    addresses: bytes
    """The key of address hashes; it never rotates, or every suppression would be forgotten."""

    def __repr__(self) -> str:
        return f"Keyring(ids={sorted(self.keys)})"  # keys must not reach a log or a traceback

    @property
    def current(self) -> int:
        """The id of the key in use, 0 to 31."""
        return max(self.keys)

    def derived(self, key_id: int, purpose: str) -> bytes:
        """The 32-byte subkey for one purpose, so that no signature serves for another."""
        return _derive(self.keys[key_id], purpose)

    def sign(self, purpose: str, payload: bytes, *, key_id: int | None = None) -> bytes:
        """HMAC-SHA256 of `payload` under the key of `purpose`."""
        inner, outer = _begun(self.keys[self.current if key_id is None else key_id], purpose)
        inner, outer = inner.copy(), outer.copy()
        inner.update(payload)
        outer.update(inner.digest())
        return outer.digest()

    def encrypt(self, purpose: str, plain: bytes) -> bytes:
        """`plain` sealed with AES-256-GCM; the key's id and the nonce come first."""
        nonce = secrets.token_bytes(12)
        sealed = AESGCM(self.derived(self.current, purpose)).encrypt(nonce, plain, None)
        return bytes([self.current]) + nonce + sealed

    def decrypt(self, purpose: str, sealed: bytes) -> bytes:
        """The reverse of `encrypt`.

        Raises:
            KeyringError: it was sealed with another keyring, or changed since.
        """
        try:
            key = self.derived(sealed[0], purpose)
            return AESGCM(key).decrypt(sealed[1:13], sealed[13:], None)
        except (KeyError, IndexError, ValueError, InvalidTag):
            raise KeyringError("A stored secret does not open with this keyring.") from None

    def address_hash(self, channel: str, address: str) -> bytes:
        """What stands for a normalised address where the address itself must not be kept."""
        return hmac.digest(self.addresses, f"{channel}\0{address}".encode(), "sha256")


def load_keyring(path: Path) -> Keyring:
    """The keyring at `path`, made on first use, readable by its owner only.

    Raises:
        KeyringError: the file is there but damaged.
        StorageError: it is not ours to read, or the folder not ours to write.
    """
    try:
        if not path.exists():
            _create(path)
        raw = json.loads(path.read_text())
        keys = {int(key): bytes.fromhex(value) for key, value in raw["keys"].items()}
        ring = Keyring(keys=keys, addresses=bytes.fromhex(raw["addresses"]))
    except PermissionError as error:
        raise storage_error(Path(error.filename or path), error) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeyringError(
            f"{path} cannot be read ({error}); restore it from a backup: with a new keyring every "
            "link in sent mail and every stored password would be lost."
        ) from None
    if not ring.keys or any(len(key) != 32 for key in [*ring.keys.values(), ring.addresses]):
        raise KeyringError(f"{path} holds keys of a wrong length; restore it from a backup.")
    return ring


def bind_keyring(conn: psycopg.Connection, ring: Keyring) -> None:
    """Note in a new database which keyring is its own; in the caller's transaction.

    Raises:
        KeyringError: it is another's.
    """
    conn.execute(
        "insert into installation (key, value) values ('keyring', to_jsonb(%s::text))"
        " on conflict (key) do nothing",
        [_mark(ring)],
    )
    check_keyring(conn, ring)


def check_keyring(conn: psycopg.Connection, ring: Keyring) -> None:
    """Make sure that address hashes in this database were made with `ring`.

    Raises:
        KeyringError: they were not, so nobody's opt-out would be found any more.
    """
    row = conn.execute("select value #>> '{}' from installation where key = 'keyring'").fetchone()
    if row is not None and not hmac.compare_digest(row[0], _mark(ring)):
        raise KeyringError(
            "keyring.json is not the one that this database was made with: every opt-out would be "
            "forgotten. Put the old file back, from a backup or from the machine that has it."
        )


def _mark(ring: Keyring) -> str:
    """What tells keyrings apart without telling anything of their keys."""
    return hmac.digest(ring.addresses, b"dangol keyring", "sha256").hex()[:32]


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {"keys": {"0": secrets.token_hex(32)}, "addresses": secrets.token_hex(32)}
    partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(body, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)  # fails when another process was first: theirs counts
    except FileExistsError:
        pass
    finally:
        partial.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@lru_cache(maxsize=256)
def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=b"dangol", info=purpose.encode()).derive(key)


@lru_cache(maxsize=256)
def _begun(key: bytes, purpose: str) -> tuple[Any, Any]:
    """Both hashes of HMAC (RFC 2104) with the subkey taken in: copying them costs a third of
    starting anew, and a hit on a link does it."""
    block = _derive(key, purpose).ljust(_BLOCK, b"\0")
    return sha256(bytes(octet ^ 0x36 for octet in block)), sha256(
        bytes(octet ^ 0x5C for octet in block)
    )


def token_hash(token: str) -> bytes:
    """What is stored for a random secret (session, login link, API key): its SHA-256."""
    return sha256(token.encode()).digest()
