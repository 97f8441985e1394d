"""A tracking request as it comes off the wire: who sends it, and its body, unpacked and bounded."""

import asyncio
import base64
import binascii
import zlib
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from dangol.listen.request import MAX_BODY
from dangol.web.track.answer import Trouble
from dangol.web.track.committer import Committer

Receive = Callable[[], Awaitable[dict[str, Any]]]

_GZIP = 31
BODY_SECONDS = 60.0
"""So long a sender may take for a body; a slow telephone needs a tenth of it."""


class Gone(Exception):
    """The sender hung up before the request was complete."""


class Incoming(msgspec.Struct):
    """The head of one request."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    scheme: str

    @property
    def origin(self) -> bytes | None:
        """The page's origin as the browser states it."""
        return self.headers.get(b"origin")

    @property
    def page_origin(self) -> str | None:
        """The same, or where a browser leaves it out, the origin of the referring page."""
        if self.origin is not None:
            return self.origin.decode("latin-1")
        try:
            parts = urlsplit(self.headers.get(b"referer", b"").decode("latin-1"))
        except ValueError:
            return None
        return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else None

    @property
    def basic_key(self) -> str | None:
        """The key from basic authentication: the user name; older callers leave the colon out."""
        kind, _, given = self.headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() != b"basic":
            return None
        try:
            text = base64.b64decode(given.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return None
        return text.partition(":")[0] or None

    def parameters(self) -> dict[str, str]:
        """The query's fields; of repeated ones the first."""
        found = parse_qs(self.query.decode("latin-1"), max_num_fields=200)
        return {name: values[0] for name, values in found.items()}

    @property
    def query_key(self) -> str | None:
        """The key from the query, as beacons and pixels carry it."""
        try:
            return self.parameters().get("writeKey") if self.query else None
        except ValueError:
            return None


def read_head(scope: dict[str, Any]) -> Incoming:
    """The head of the request that `scope` describes; of repeated headers the last counts."""
    path = scope.get("raw_path") or scope["path"].encode()
    return Incoming(
        scope["method"],
        path.partition(b"?")[0].decode("latin-1"),
        scope["query_string"],
        dict(scope["headers"]),
        scope["scheme"],
    )


async def read_body(head: Incoming, receive: Receive, committer: Committer) -> bytes:
    """The request's body, unpacked, with its bytes held at `committer` while it comes in.

    Raises:
        Trouble: it is too large or too slow, or packed in a way that we cannot undo.
        Overloaded: too much is on its way in already.
        Gone: the sender hung up.
    """
    declared = head.headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            packed = await _read_packed(receive, committer)
    except TimeoutError:
        raise Trouble(408, "too_slow", "The body did not come in time; send it again.") from None
    encoding = head.headers.get(b"content-encoding", b"").strip().lower()
    if encoding in (b"", b"identity"):
        return packed
    if encoding in (b"gzip", b"x-gzip"):
        return unzip(packed)
    raise Trouble(400, "unknown_encoding", "Send the body plain or with Content-Encoding: gzip.")


async def _read_packed(receive: Receive, committer: Committer) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part = message.get("body", b"")
            size += len(part)
            if size > MAX_BODY:
                size -= len(part)
                raise _too_large()
            committer.hold(len(part))
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts) if len(parts) > 1 else parts[0]
    finally:
        committer.release(sum(map(len, parts)))


def unzip(packed: bytes) -> bytes:
    """The unpacked body, never more than the limit, whatever a few bytes claim to hold.

    Raises:
        Trouble: it is no gzip, incomplete, or holds too much.
    """
    parts: list[bytes] = []
    room = MAX_BODY
    try:
        while packed:
            unpacker = zlib.decompressobj(_GZIP)
            parts.append(unpacker.decompress(packed, room + 1))
            room -= len(parts[-1])
            if room < 0:
                raise _too_large()
            if not unpacker.eof:
                raise Trouble(400, "invalid_gzip", "The gzip data is incomplete.")
            packed = unpacker.unused_data
    except zlib.error as error:
        raise Trouble(400, "invalid_gzip", f"The body is not gzip: {error}") from None
    return b"".join(parts)


def _too_large() -> Trouble:
    return Trouble(413, "too_large", f"A request takes {MAX_BODY} bytes, unpacked.")
