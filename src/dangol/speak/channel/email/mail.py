"""One message to one address, what became of it, and the bytes that may go over the wire."""

import re
from enum import StrEnum
from typing import Any

import msgspec

from dangol.errors import InputError

_FORBIDDEN = re.compile(r'[\x00-\x20<>()\[\],;:\\"\x7f]')


class Mail(msgspec.Struct, frozen=True):
    """An envelope and its content, ready for SMTP. `tag` is the caller's own, handed back."""

    sender: str
    recipient: str
    raw: bytes
    tag: Any = None
    is_wire_form: bool = False
    """Whether `raw` is already as `wire_body` would make it, which its maker promises."""


class OutcomeKind(StrEnum):
    """The four things that can become of one attempt."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    """It surely was not taken; it may be offered again."""
    PERMANENT = "permanent"
    UNKNOWN = "unknown"
    """The final dot left, no reply came back: it may or may not have been taken."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one attempt, with the server's own words."""

    kind: OutcomeKind
    code: int = 0
    text: str = ""
    stage: str = ""
    """The command that was answered, or during which the connection broke."""
    counts: bool = True
    """Whether it is an attempt: a broken connection or a 421 says nothing about the message."""


def wire_address(address: str) -> tuple[str, bool]:
    """`address` as it stands in an envelope (domain in punycode), and whether it needs SMTPUTF8.

    Raises:
        InputError: it is no address, or holds characters that could break out of a command.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain or len(address) > 320:
        raise InputError("{address!r} is no e-mail address.", address=address[:80])
    if _FORBIDDEN.search(address):
        raise InputError(
            "{address!r} holds characters that no address may hold.", address=address[:80]
        )
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            raise InputError("{address!r} has no usable domain.", address=address[:80]) from None
    return f"{local}@{domain}", not local.isascii()


def wire_body(raw: bytes) -> bytes:
    """`raw` as it may stand after DATA: CRLF line ends only, dots stuffed, ended by CRLF.

    Three scans in C in the usual case, where nothing is to be done. A bare CR or LF would let two
    servers disagree about where the message ends.

    >>> wire_body(b"a\\n.b")
    b'a\\r\\n..b\\r\\n'
    """
    ends = raw.count(b"\r\n")
    if raw.count(b"\n") != ends or raw.count(b"\r") != ends:
        lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        raw = lines.replace(b"\n", b"\r\n")
    if b"\r\n." in raw:
        raw = raw.replace(b"\r\n.", b"\r\n..")
    if raw.startswith(b"."):
        raw = b"." + raw
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"
