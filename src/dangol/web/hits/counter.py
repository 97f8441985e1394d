"""The click and pixel endpoints, straight on ASGI.

A hit is durable before it is answered. What is not genuine gets a plain 404 and never a redirect;
HEAD is answered and not counted. When the database is away a person is still sent on, if we
remember where to: one uncounted click is better than one lost visitor.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import psycopg
from psycopg_pool import PoolTimeout

from dangol.speak.links.hits import Hit, write_hit
from dangol.store.keyring import Keyring
from dangol.store.token import unseal
from dangol.web.hits.targets import Targets
from dangol.web.track.committer import Away, Committer, Overloaded

Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""A transparent picture of one pixel, 43 bytes."""
_QUIET: Headers = [
    (b"cache-control", b"no-store, max-age=0"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
]
_PREFETCHING = (b"purpose", b"sec-purpose", b"x-purpose", b"x-moz")


class _Reply(NamedTuple):
    """Both messages of an answer; made once, sent often."""

    start: dict[str, Any]
    body: dict[str, Any]


def _reply(status: int, headers: Headers, body: bytes = b"") -> _Reply:
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status, "headers": [*headers, length]}
    return _Reply(start, {"type": "http.response.body", "body": body})


_PIXEL = _reply(200, [(b"content-type", b"image/gif"), *_QUIET], GIF)
_WRONG_METHOD = _reply(405, [(b"allow", b"GET, HEAD")])
_AWAY = _reply(503, [(b"retry-after", b"2"), *_QUIET])
_NOT_FOUND = _reply(
    404, [(b"content-type", b"text/plain; charset=utf-8"), *_QUIET], b"This link is not valid."
)


class Counter:
    """The ASGI application; one per process."""

    def __init__(self, keyring: Keyring, committer: Committer, targets: Targets) -> None:
        self._keyring = keyring
        self._committer = committer
        self._targets = targets

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Answer one request."""
        path, method = scope["path"], scope["method"]
        numbers: tuple[int, ...] | None = None
        if method not in ("GET", "HEAD"):
            reply = _WRONG_METHOD
        elif path.startswith("/o/"):
            reply, numbers = self._open(path)
        else:
            reply, numbers = await self._click(path)
        if numbers is not None and method == "GET":
            try:
                await self._committer.gather("hit", "letter", b"{}", _line(numbers, scope))
            except (Away, Overloaded):
                pass  # the person goes on all the same
        await send(reply.start)
        await send(reply.body)

    def _open(self, path: str) -> tuple[_Reply, tuple[int, ...] | None]:
        """The answer to a pixel, and whose open it is; None when the token is not ours."""
        numbers = unseal(self._keyring, "o", path[3:].removesuffix(".gif"))
        if numbers is None or len(numbers) != 2:
            return _NOT_FOUND, None
        return _PIXEL, (*numbers, 0)

    async def _click(self, path: str) -> tuple[_Reply, tuple[int, ...] | None]:
        """Where a click leads, and whose it is; None when the token is not ours."""
        numbers = unseal(self._keyring, "c", path[3:].removesuffix("/"))
        if numbers is None or len(numbers) != 3:
            return _NOT_FOUND, None
        send_id, _, link = numbers
        try:
            target = self._targets.recall(send_id, link) or await self._targets.find(send_id, link)
        except (psycopg.OperationalError, PoolTimeout):
            return _AWAY, None
        if target is None:
            return _NOT_FOUND, None
        return _reply(302, [(b"location", target), *_QUIET]), numbers


def _line(numbers: tuple[int, ...], scope: dict[str, Any]) -> bytes:
    """The hit as it is kept."""
    agent, prefetch = "", False
    for name, value in scope["headers"]:
        if name == b"user-agent":
            agent = value.decode("latin-1")
        elif name in _PREFETCHING and (b"prefetch" in value or b"preview" in value):
            prefetch = True
    return write_hit(Hit(*numbers, at_us=time.time_ns() // 1000, agent=agent, prefetch=prefetch))
