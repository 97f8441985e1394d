"""The brand's own DKIM key: kept encrypted in the setting `dkim`, used where the relay signs nothing."""

from base64 import b64decode, b64encode
from datetime import datetime

import msgspec
import psycopg
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dangol.errors import InputError
from dangol.speak.letter.dkim import Signer
from dangol.speak.letter.headers import is_address
from dangol.store.brand import read_setting, save_setting
from dangol.store.keyring import Keyring

_PURPOSE = "dkim"


class DkimSetting(msgspec.Struct, frozen=True):
    """What is kept: the key is sealed with the keyring, and base64."""

    domain: str
    selector: str
    key: str


class DnsRecord(msgspec.Struct, frozen=True):
    """The TXT record to publish before signed mail leaves."""

    name: str
    text: str


def save_signing(
    conn: psycopg.Connection,
    keyring: Keyring,
    domain: str,
    selector: str,
    *,
    by: str,
    now: datetime,
) -> DnsRecord:
    """Make a new 2,048-bit key for a domain, keep it, and return what to publish for it.

    Raises:
        InputError: the domain or the selector cannot be part of a DNS name.
    """
    if not is_address(f"a@{selector}.{domain}") or "." not in domain:
        raise InputError(
            "{selector}._domainkey.{domain} is no name for a DNS record.",
            selector=selector,
            domain=domain,
        )
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    sealed = b64encode(keyring.encrypt(_PURPOSE, pem)).decode()
    setting = DkimSetting(domain, selector, sealed)
    save_setting(conn, "dkim", msgspec.to_builtins(setting), by=by, now=now)
    return DnsRecord(f"{selector}._domainkey.{domain}", Signer(domain, selector, pem).record)


def stop_signing(conn: psycopg.Connection, *, by: str, now: datetime) -> None:
    """Sign no more; the relay does, or nobody."""
    save_setting(conn, "dkim", None, by=by, now=now)


def find_record(conn: psycopg.Connection, keyring: Keyring) -> DnsRecord | None:
    """What is to be published for the signer that is set up, if any.

    Raises:
        KeyringError: the key was kept with another keyring.
    """
    value = read_setting(conn, "dkim")
    signer = find_signer(conn, keyring)
    if value is None or signer is None:
        return None
    setting = msgspec.convert(value, DkimSetting)
    return DnsRecord(f"{setting.selector}._domainkey.{setting.domain}", signer.record)


def find_signer(conn: psycopg.Connection, keyring: Keyring) -> Signer | None:
    """The signer that is set up, if any.

    Raises:
        KeyringError: the key was kept with another keyring.
    """
    value = read_setting(conn, "dkim")
    if value is None:
        return None
    setting = msgspec.convert(value, DkimSetting)
    pem = keyring.decrypt(_PURPOSE, b64decode(setting.key))
    return Signer(setting.domain, setting.selector, pem)
