"""What senders are told: always JSON of one shape, readable across origins.

Success is 200 and nothing else, errors carry `code` and `message`: clients exist that retry on
anything different for hours. 410 is never used: others retry that. 401, 403, 404 and 413 make
clients throw their events away, so they are for what is wrong for good.
"""

from typing import Any

import msgspec

Headers = list[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json")
_NO_STORE = (b"cache-control", b"no-store")
_ALLOWED_HEADERS = (
    b"authorization, content-type, content-encoding, x-retry-count, anonymousid, sentat, "
    b"rsa-retry-attempt, rsa-retry-reason, rsa-retry-timeout, rsa-since-last-attempt"
)


class Answer(msgspec.Struct, frozen=True):
    """A whole HTTP answer."""

    status: int
    headers: Headers
    body: bytes


class Trouble(Exception):
    """An answer other than success, raised where the trouble is found."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


OK = Answer(200, [_JSON], b'{"success":true}')
PIXEL = Answer(
    200,
    [(b"content-type", b"image/gif"), _NO_STORE],
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
)


def trouble(error: Trouble) -> Answer:
    """The answer that tells what is wrong and what would be right."""
    body = {"success": False, "code": error.code, "message": error.message}
    headers = [_JSON]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    return Answer(error.status, headers, msgspec.json.encode(body))


def document(content: dict[str, Any]) -> Answer:
    """A JSON document that browsers may keep for a minute."""
    return Answer(
        200, [_JSON, (b"cache-control", b"public, max-age=60")], msgspec.json.encode(content)
    )


def preflight() -> Answer:
    """What a page of another origin may send; asked again after two hours."""
    headers = [
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", _ALLOWED_HEADERS),
        (b"access-control-max-age", b"7200"),
    ]
    return Answer(204, headers, b"")


def cross_origin(origin: bytes | None) -> Headers:
    """Headers that let a page of `origin` read the answer; without an origin there are none."""
    if origin is None:
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"Retry-After"),
        (b"vary", b"Origin"),
    ]
