"""What travels between web and query worker: a length of four bytes, then so much JSON.

Standard library and msgspec only: the web process reads this module too.
"""

import hashlib
import socket
import struct
import tempfile
from pathlib import Path
from typing import Any

import msgspec

MAX_FRAME = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")
_LONGEST_SOCKET_PATH = 100


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One request: which question, its values, how long the asker waits."""

    kind: str
    values: dict[str, Any] = {}
    is_batch: bool = False
    """Answered after everything that a person waits for."""
    timeout_s: float = 30.0


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer: a code for programs, words for people, a path into the question.

    Sentence and values are those of a `DangolError`, so that any language can be made of them.
    """

    code: str
    sentence: str
    values: dict[str, str | int | float] = {}
    path: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer or a failure."""

    answer: Any = None
    failure: Failure | None = None


def socket_path(temp_dir: Path) -> Path:
    """Where the worker of an installation listens; short enough for the kernel."""
    inside = temp_dir / "query.sock"
    if len(str(inside)) < _LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(str(temp_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"dangol-query-{digest}" / "query.sock"


def write_frame(stream: socket.socket, value: msgspec.Struct) -> None:
    """Send one value.

    Raises:
        OSError: the other side is gone.
        ValueError: the value is larger than a frame may be.
    """
    body = msgspec.json.encode(value)
    if len(body) > MAX_FRAME:
        raise ValueError(f"an answer of {len(body):,} bytes is too large")
    stream.sendall(_LENGTH.pack(len(body)) + body)


def read_frame(stream: socket.socket) -> bytes:
    """The bytes of one value.

    Raises:
        ConnectionError: the other side ended before it was complete, or sent too much.
    """
    (size,) = _LENGTH.unpack(_read_exactly(stream, _LENGTH.size))
    if size > MAX_FRAME:
        raise ConnectionError(f"a frame of {size:,} bytes is too large")
    return _read_exactly(stream, size)


def _read_exactly(stream: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        piece = stream.recv(min(size - len(parts), 1 << 20))
        if not piece:
            raise ConnectionError("the query worker ended in the middle of an answer")
        parts += piece
    return bytes(parts)
