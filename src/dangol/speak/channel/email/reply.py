"""SMTP replies (RFC 5321, 4.2): bytes in, in any chunks, whole replies out."""

from functools import lru_cache
from typing import NamedTuple

MAX_REPLY = 64 * 1024
"""Bytes of one reply, over all its lines; a server that says more is broken or hostile."""


_CODES = {b"%d" % code: code for code in range(200, 600)}


class Reply(NamedTuple):
    """One answer of the server: its code, and its words (lines joined by a newline)."""

    code: int
    text: str


class ReplyError(Exception):
    """The server said something that is no SMTP reply."""


class ReplyParser:
    """Collects bytes until replies are complete."""

    def __init__(self) -> None:
        self.failure: str | None = None
        """Why nothing more can be read: what came was no SMTP reply."""
        self._rest = b""
        self._lines: list[str] = []
        self._size = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing half-read is left."""
        return not self._rest and not self._lines

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that `data` completes, in order; look at `failure` afterwards.

        It fails when a line has no code, the code changes within a reply, or it is too long; the
        replies before that still count.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._size += len(self._rest)
        replies: list[Reply] = []
        try:
            for line in lines:
                reply = _whole(line) if not self._lines else None
                reply = reply or self._take(line)
                if reply is not None:
                    replies.append(reply)
            if self._size > MAX_REPLY:
                raise ReplyError("the reply is too long")
        except ReplyError as error:
            self.failure = str(error)
        self._size = sum(map(len, self._lines))
        return replies

    def _take(self, line: bytes) -> Reply | None:
        line = line.removesuffix(b"\r")
        code, mark = line[:3], line[3:4]
        number = _CODES.get(code)
        if number is None or mark not in (b" ", b"-", b""):
            raise ReplyError(f"not an SMTP reply: {line[:80]!r}")
        words = line[4:].decode("utf-8", "replace")
        if self._lines and self._lines[0] != code.decode():
            raise ReplyError("the code changed within one reply")
        if mark == b"-":
            self._keep(code.decode(), words)
            return None
        text = "\n".join([*self._lines[1:], words])
        self._lines = []
        return Reply(number, text)

    def _keep(self, code: str, words: str) -> None:
        if not self._lines:
            self._lines.append(code)
        self._lines.append(words)
        if sum(map(len, self._lines)) > MAX_REPLY or len(self._lines) > 1000:
            raise ReplyError("the reply is too long")


@lru_cache(maxsize=256)
def _whole(line: bytes) -> Reply | None:
    """The reply that is all in `line`, as most are, and the same ones over and over."""
    line = line.removesuffix(b"\r")
    number = _CODES.get(line[:3])
    if number is None or line[3:4] not in (b" ", b""):
        return None
    return Reply(number, line[4:].decode("utf-8", "replace"))
