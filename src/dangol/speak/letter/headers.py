"""Header values in raw bytes: what a person typed can neither end a header nor begin one.

The standard library folds and encodes header tokens longer than 77 characters, which breaks
List-Unsubscribe; so headers are written here, and compared with its reading in the tests.
"""

import re
from binascii import b2a_base64
from collections.abc import Iterable

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_VISIBLE = re.compile(r"[ -~]*")
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]+")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_WORD_BYTES = 42
"""UTF-8 bytes of one encoded word: 56 characters of base64, 68 with its frame."""


def clean_line(text: str) -> str:
    """`text` as one line: control characters and line ends become blanks, ends are trimmed."""
    return _CONTROL.sub(" ", text).strip()


def is_address(address: str) -> bool:
    """Whether it can stand in a header and an SMTP command as it is (RFC 5322 addr-spec, ASCII)."""
    return bool(_ADDRESS.fullmatch(address))


def encode_text(text: str) -> bytes:
    """An unstructured value (RFC 5322, RFC 2047), folded, without the header's name.

    >>> encode_text("Hello"), encode_text("단골")
    (b'Hello', b'=?utf-8?b?64uo6rOo?=')
    """
    line = clean_line(text)
    if len(line) <= 65 and _VISIBLE.fullmatch(line) and "=?" not in line and "  " not in line:
        return line.encode()
    return encode_words(line)


def encode_words(text: str) -> bytes:
    """`text` as encoded words of at most 75 characters, split between characters, one a line."""
    raw = text.encode("utf-8", "replace")
    words, start = [], 0
    while len(raw) - start > _WORD_BYTES:
        end = start + _WORD_BYTES
        while raw[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        words.append(raw[start:end])
        start = end
    words.append(raw[start:])
    return b"\r\n ".join(b"=?utf-8?b?" + b2a_base64(word, newline=False) + b"?=" for word in words)


def encode_mailbox(name: str, address: str) -> bytes:
    """`name <address>` (RFC 5322 mailbox); `address` must be one by `is_address`."""
    line = clean_line(name)
    if not line:
        return address.encode()
    if len(line) > 60 or not line.isascii() or "=?" in line or "  " in line:
        return encode_words(line) + b"\r\n <" + address.encode() + b">"
    if not _ATOMS.fullmatch(line):
        line = '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return line.encode() + b"\r\n <" + address.encode() + b">"


def write_headers(fields: Iterable[tuple[str, bytes]]) -> bytes:
    """Lines of `Name: value`, each ended by CRLF."""
    return b"".join(name.encode() + b": " + value + b"\r\n" for name, value in fields)
