"""Signed tokens for links and reply addresses: short, lower-case, valid for years.

A token holds only numbers (which send, which customer, which link) and 96 bits of HMAC-SHA256,
in base32 without padding, so that it survives mail servers that fold the case of addresses.
"""

import hmac
from base64 import b32decode, b32encode

from dangol.store.keyring import Keyring

_MAC_BYTES = 12


def seal(keyring: Keyring, kind: str, *numbers: int) -> str:
    """The token of `kind` for non-negative `numbers`, 30 to 50 characters of a-z and 2-7."""
    body = bytes([keyring.current]) + b"".join(map(_varint, numbers))
    mac = keyring.sign(f"token:{kind}", body)[:_MAC_BYTES]
    return b32encode(body + mac).decode().rstrip("=").lower()


def unseal(keyring: Keyring, kind: str, token: str) -> tuple[int, ...] | None:
    """The numbers of a genuine token of `kind`; None for anything else, in constant time."""
    if not token.isascii() or not 20 <= len(token) <= 80:
        return None
    try:
        raw = b32decode(token.upper() + "=" * (-len(token) % 8))
    except ValueError:
        return None
    if b32encode(raw).decode().rstrip("=") != token.upper():
        return None  # spare bits of the last character: one token, one spelling
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if not body or body[0] not in keyring.keys:
        return None
    wanted = keyring.sign(f"token:{kind}", body, key_id=body[0])[:_MAC_BYTES]
    if not hmac.compare_digest(mac, wanted):
        return None
    return _numbers(body[1:])


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
