"""Can recipients open our links? The public address is asked for something only we can answer."""

import ipaddress
import secrets
import socket
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import psycopg

from dangol.store.brand import read_brand, save_brand
from dangol.store.keyring import Keyring

if TYPE_CHECKING:
    import httpx

PATH = "/reach/"
_TIMEOUT = 10.0
_MOST = 1024
Resolve = Callable[[str], list[str]]


class ReachProblem(StrEnum):
    """Why the public address cannot be used in letters."""

    NOT_HTTPS = "not_https"
    UNKNOWN_HOST = "unknown_host"
    PRIVATE_ADDRESS = "private_address"
    """Only this network can open it; recipients cannot."""
    NO_ANSWER = "no_answer"
    """Nothing answers there, or with a certificate that nobody trusts."""
    OTHER_ANSWER = "other_answer"
    """Something answers that is not this installation."""


def prove(keyring: Keyring, nonce: str) -> str:
    """What only this installation can answer to a question that it asks itself."""
    return keyring.sign("reach", nonce.encode("utf-8", "replace")).hex()


def verify_public_address(
    conn: psycopg.Connection, keyring: Keyring, *, by: str, now: datetime
) -> ReachProblem | None:
    """Ask the brand's public address, keep when it was verified, and return what is wrong.

    Takes up to 20 seconds; the caller commits.
    """
    import httpx

    brand = read_brand(conn)
    with httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client:
        problem = find_reach_problem(brand.public_url, keyring, client, resolve_host)
    verified_at = None if problem else now
    if (brand.public_url_verified_at is None) != (verified_at is None):
        changed = msgspec.structs.replace(brand, public_url_verified_at=verified_at)
        save_brand(conn, changed, by=by, now=now)
    return problem


def find_reach_problem(
    url: str, keyring: Keyring, client: "httpx.Client", resolve: Resolve
) -> ReachProblem | None:
    """What keeps recipients from opening links at `url`; None when nothing does.

    The address is asked at the place that was looked at, so that it cannot change in between.
    """
    import httpx

    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" or not host:
        return ReachProblem.NOT_HTTPS
    try:
        places = resolve(host)
    except (OSError, UnicodeError):
        return ReachProblem.UNKNOWN_HOST
    if not places or not all(ipaddress.ip_address(place).is_global for place in places):
        return ReachProblem.PRIVATE_ADDRESS
    nonce = secrets.token_hex(16)
    place = f"[{places[0]}]" if ":" in places[0] else places[0]
    target = f"https://{place}:{parts.port or 443}{parts.path.rstrip('/')}{PATH}{nonce}"
    try:
        answer = client.get(
            target, headers={"host": parts.netloc}, extensions={"sni_hostname": host}
        )
    except httpx.HTTPError:
        return ReachProblem.NO_ANSWER
    if answer.status_code != 200 or answer.text[:_MOST].strip() != prove(keyring, nonce):
        return ReachProblem.OTHER_ANSWER
    return None


def resolve_host(host: str) -> list[str]:
    """All addresses of a host name.

    Raises:
        OSError: it has none.
    """
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, 443)})
