"""The click and pixel endpoints, straight on ASGI.

A hit is durable before it is answered. What is not genuine gets a plain 404 and never a redirect;
HEAD is answered and not counted. When the database is away a person is still sent on, if we
remember where to: one uncounted click is better than one lost visitor.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

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
_GATHER = 0.001
"""Seconds that hits gather into one row of the intake."""


class Counter:
    """The ASGI application; one per process."""

    def __init__(self, keyring: Keyring, committer: Committer, targets: Targets) -> None:
        self._keyring = keyring
        self._committer = committer
        self._targets = targets
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._gathering: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Answer one request."""
        path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
        token = path[3:].decode("latin-1").rstrip("/")
        method = scope["method"]
        if method not in ("GET", "HEAD"):
            await _answer(send, 405, [(b"allow", b"GET, HEAD")], b"")
        elif path.startswith(b"/o/"):
            await self._open(token.removesuffix(".gif"), method, scope, send)
        else:
            await self._click(token, method, scope, send)

    async def _open(self, token: str, method: str, scope: dict[str, Any], send: Send) -> None:
        numbers = unseal(self._keyring, "o", token)
        if numbers is None or len(numbers) != 2:
            await _not_found(send)
            return
        if method == "GET":
            await self._keep(_hit((*numbers, 0), scope))
        await _answer(send, 200, [(b"content-type", b"image/gif"), *_QUIET], GIF)

    async def _click(self, token: str, method: str, scope: dict[str, Any], send: Send) -> None:
        numbers = unseal(self._keyring, "c", token)
        if numbers is None or len(numbers) != 3:
            await _not_found(send)
            return
        send_id, _, link = numbers
        try:
            target = self._targets.recall(send_id, link) or await self._targets.find(send_id, link)
        except (psycopg.OperationalError, PoolTimeout):
            await _answer(send, 503, [(b"retry-after", b"2"), *_QUIET], b"")
            return
        if target is None:
            await _not_found(send)
            return
        if method == "GET":
            await self._keep(_hit(numbers, scope))
        await _answer(send, 302, [(b"location", target), *_QUIET], b"")

    async def _keep(self, hit: Hit) -> None:
        """Returns once the hit is durable, or cannot be made so."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((write_hit(hit), done))
        if self._gathering is None:
            self._gathering = asyncio.create_task(self._keep_gathered())
        await done

    async def _keep_gathered(self) -> None:
        await asyncio.sleep(_GATHER)
        waiting, self._waiting, self._gathering = self._waiting, [], None
        with contextlib.suppress(Away, Overloaded):
            body = b"".join([line for line, _ in waiting])
            await self._committer.append("hit", "letter", b"{}", body)
        for _, done in waiting:
            if not done.done():  # whoever asked may have hung up
                done.set_result(None)


def _hit(numbers: tuple[int, ...], scope: dict[str, Any]) -> Hit:
    agent, prefetch = "", False
    for name, value in scope["headers"]:
        if name == b"user-agent":
            agent = value.decode("latin-1")[:200]
        elif name in _PREFETCHING and (b"prefetch" in value or b"preview" in value):
            prefetch = True
    return Hit(*numbers, at_us=time.time_ns() // 1000, agent=agent, prefetch=prefetch)


async def _not_found(send: Send) -> None:
    body = b"This link is not valid."
    await _answer(send, 404, [(b"content-type", b"text/plain; charset=utf-8"), *_QUIET], body)


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
