"""Signed tokens for links and reply addresses: short, lower-case, valid for years.

A token holds only numbers (which send, which customer, which link) and 96 bits of HMAC-SHA256,
in base32 without padding, so that it survives mail servers that fold the case of addresses.
"""

import hmac
import re
from base64 import b32encode

from dangol.store.keyring import Keyring

_MAC_BYTES = 12
_SPELLED = re.compile(r"[A-Za-z2-7]{20,80}")
_DIGITS = bytes.maketrans(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    b"0123456789abcdefghijklmnop0123456789abcdefghijklmnopqrstuv",
)
"""From base32 in either case to the digits that `int` reads: much faster than `base64`."""


def seal(keyring: Keyring, kind: str, *numbers: int) -> str:
    """The token of `kind` for non-negative `numbers`, 30 to 50 characters of a-z and 2-7."""
    body = bytes([keyring.current]) + b"".join(map(_varint, numbers))
    mac = keyring.sign(f"token:{kind}", body)[:_MAC_BYTES]
    return b32encode(body + mac).decode().rstrip("=").lower()


def unseal(keyring: Keyring, kind: str, token: str) -> tuple[int, ...] | None:
    """The numbers of a genuine token of `kind`; None for anything else, in constant time."""
    raw = _unspell(token)
    if raw is None:
        return None
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if not body or body[0] not in keyring.keys:
        return None
    wanted = keyring.sign(f"token:{kind}", body, key_id=body[0])[:_MAC_BYTES]
    if not hmac.compare_digest(mac, wanted):
        return None
    return _numbers(body[1:])


def _unspell(token: str) -> bytes | None:
    """The bytes of a token in either case; None unless it is the one spelling of some bytes."""
    if not _SPELLED.fullmatch(token):
        return None
    spare = len(token) * 5 % 8
    number = int(token.encode().translate(_DIGITS), 32)
    if spare > 4 or number & ((1 << spare) - 1):
        return None
    return (number >> spare).to_bytes(len(token) * 5 // 8, "big")


def _varint(number: int) -> bytes:
    if number < 0:
        raise ValueError("a token holds no negative numbers")
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _numbers(body: bytes) -> tuple[int, ...] | None:
    numbers, value, shift = [], 0, 0
    for byte in body:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value, shift = 0, 0
    return None if shift else tuple(numbers)
