"""Signing with DKIM (RFC 6376, 8301): rsa-sha256 over headers and body, relaxed or simple.

Usually the relay signs, and should: one RSA signature costs ten times the rest of a message. Our
own signature covers both List headers (RFC 8058 asks for that) and `From` twice, so that nobody
adds a second one.
"""

import re
from base64 import b64encode
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from dangol.errors import InputError

SIGNED = (
    "from", "to", "subject", "date", "message-id", "mime-version", "content-type", "reply-to",
    "in-reply-to", "references", "list-unsubscribe", "list-unsubscribe-post", "list-id",
    "feedback-id",
)  # fmt: skip
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:((?:[^\r]|\r(?!\n)|\r\n[ \t])*)\r\n", re.MULTILINE)
_BLANKS = re.compile(rb"[ \t]+")
_LEAST_BITS = 1024


class Signer:
    """Signs for one domain with one key; loaded once, used by any number of threads."""

    def __init__(
        self, domain: str, selector: str, key_pem: bytes, *, relaxed: bool = False
    ) -> None:
        """`relaxed` chooses the body's canonicalisation; simple is faster, relaxed survives more.

        Raises:
            InputError: the key is no RSA key of at least 1,024 bits in PEM.
        """
        self._key = _load(key_pem)
        self._relaxed = relaxed
        body = "relaxed" if relaxed else "simple"
        self._head = f"v=1; a=rsa-sha256; c=relaxed/{body}; d={domain}; s={selector};".encode()

    def sign(self, raw: bytes) -> bytes:
        """The message `raw` (CRLF line ends, headers final) with its signature in front.

        Raises:
            InputError: it has no From.
        """
        head, _, body = raw.partition(b"\r\n\r\n")
        fields = [(name.lower(), value) for name, value in _FIELD.findall(head + b"\r\n")]
        chosen = _choose(fields)
        digest = b64encode(sha256(_relax_body(body) if self._relaxed else _trim(body)).digest())
        names = b":".join([*(name for name, _ in chosen), b"from"])
        bare = self._head + b"\r\n h=" + _folded(names) + b";\r\n bh=" + digest + b";\r\n b="
        covered = b"".join(_relax(name, value) for name, value in chosen)
        covered += _relax(b"dkim-signature", b" " + bare).removesuffix(b"\r\n")
        signature = b64encode(self._key.sign(covered, PKCS1v15(), SHA256()))
        lines = b"\r\n ".join(signature[at : at + 72] for at in range(0, len(signature), 72))
        return b"DKIM-Signature: " + bare + lines + b"\r\n" + raw

    @property
    def record(self) -> str:
        """The text of the TXT record at `selector._domainkey.domain`."""
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={b64encode(der).decode()}"


def _load(pem: bytes) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise InputError("The DKIM key cannot be read: {error}", error=error) from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _LEAST_BITS:
        raise InputError("The DKIM key must be an RSA key of 1,024 bits or more; 2,048 is usual.")
    return key


def _choose(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The signed headers that are there; of repeated ones the last, as verifiers take it."""
    last = dict(fields)
    chosen = [(name.encode(), last[name.encode()]) for name in SIGNED if name.encode() in last]
    if not chosen or chosen[0][0] != b"from":
        raise InputError("A message without From cannot be signed.")
    return chosen


def _folded(names: bytes) -> bytes:
    """The list of headers over several lines of reasonable length."""
    rows, row = [], b""
    for name in names.split(b":"):
        if len(row) + len(name) > 66:
            rows.append(row)
            row = b""
        row += name + b":"
    return b"\r\n  ".join([*rows, row.removesuffix(b":")])


def _relax(name: bytes, value: bytes) -> bytes:
    """A header in the relaxed form (RFC 6376 3.4.2)."""
    flat = _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" \t")
    return name.lower() + b":" + flat + b"\r\n"


def _trim(body: bytes) -> bytes:
    """A body in the simple form (3.4.3): empty lines at the end are one line end."""
    while body.endswith(b"\r\n"):
        body = body[:-2]
    return body + b"\r\n"


def _relax_body(body: bytes) -> bytes:
    """A body in the relaxed form (3.4.4)."""
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"\r\n".join(lines) + b"\r\n" if lines else b""
