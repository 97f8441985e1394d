"""The tracking API, straight on ASGI: read, check, commit, answer. 200 means that it is kept."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog

from dangol.errors import InputError
from dangol.listen.request import Summary, check_request
from dangol.listen.track import BATCH_PATHS
from dangol.web.track.answer import (
    OK,
    PIXEL,
    Answer,
    Trouble,
    cross_origin,
    document,
    preflight,
    trouble,
)
from dangol.web.track.boot import analytics_settings, source_config
from dangol.web.track.committer import Away, Committer, Overloaded
from dangol.web.track.incoming import Gone, Incoming, Receive, read_body, read_head
from dangol.web.track.keys import KeyCache, Sender
from dangol.web.track.pixel import body_of

_log = structlog.get_logger()

Send = Callable[[dict[str, Any]], Awaitable[None]]

_CALLS = ("identify", "track", "page", "screen", "group", "alias", "batch")
_PATHS = {
    **{f"/v1/{call}": f"/v1/{call}" for call in _CALLS},
    **{f"/v1/{call[0]}": f"/v1/{call}" for call in _CALLS},
    "/v1/import": "/v1/import",
    "/beacon/v1/batch": "/v1/batch",
}
"""Every path that takes events, and the canonical one that is stored with them."""
_PIXELS = {"/pixel/v1/track": "/v1/track", "/pixel/v1/page": "/v1/page"}
_METRICS = "/v1/m"
_META = {path: msgspec.json.encode({"path": path}) for path in _PATHS.values()}


class Tracker:
    """The ASGI application; one per process."""

    def __init__(self, committer: Committer, keys: KeyCache) -> None:
        self.committer = committer
        self.keys = keys

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        head = read_head(scope)
        try:
            answer = await self._answer(head, receive)
        except Trouble as error:
            answer = trouble(error)
        except Overloaded:
            answer = trouble(Trouble(429, "overloaded", "Too much at once.", retry_after=1))
        except Away:
            message = "The database does not answer; send it again."
            answer = trouble(Trouble(503, "unavailable", message, retry_after=2))
        except Gone:
            return
        except Exception:  # a defect of ours: clients retry on 500, and need its shape too
            _log.exception("tracking call failed", path=head.path[:200])
            answer = trouble(Trouble(500, "failed", "Something broke here; send it again."))
        await _send(answer, head.origin, send)

    async def _answer(self, head: Incoming, receive: Receive) -> Answer:
        path = head.path.rstrip("/")
        if head.method == "OPTIONS":
            return preflight()
        if path not in _PATHS and path != _METRICS:
            return await self._tell(head, path)
        if head.method != "POST":
            raise Trouble(405, "method_not_allowed", "Send events with POST.")
        if path == _METRICS:
            await read_body(head, receive, self.committer)
            return OK
        return await self._take(head, _PATHS[path], receive)

    async def _take(self, head: Incoming, path: str, receive: Receive) -> Answer:
        """A call with events: kept before it is answered."""
        given = head.basic_key
        sender = await self._admit(head, given) if given else None
        body = await read_body(head, receive, self.committer)
        summary = _check(body, path)
        if sender is None:
            sender = await self._admit(head, _text(summary.write_key) or head.query_key)
        if not summary.is_empty:
            await self.committer.append("track", sender.id, _meta(head, path), body)
        return OK

    async def _tell(self, head: Incoming, path: str) -> Answer:
        """What is asked for with GET: the documents that SDKs start with, and pixels."""
        if head.method != "GET":
            raise _unknown_path(path)
        if path.startswith("/v1/projects/") and path.endswith("/settings"):
            key = path.removeprefix("/v1/projects/").removesuffix("/settings")
            await self._known(key)
            host = head.headers.get(b"host", b"").decode("latin-1")
            return document(analytics_settings(key, host, _scheme(head)))
        if path == "/sourceConfig":
            key = head.basic_key or head.query_key or ""
            return document(source_config(key, (await self._known(key)).id))
        if path in _PIXELS:
            sender = await self._admit(head, head.basic_key or head.query_key)
            body = body_of(head.parameters())
            await self.committer.append("track", sender.id, _META[_PIXELS[path]], body)
            return PIXEL
        raise _unknown_path(path)

    async def _known(self, key: str) -> Sender:
        sender = await self.keys.find(key)
        if sender is None or sender.scope != "track":
            raise Trouble(404, "unknown_key", "There is no source with this key.")
        return sender

    async def _admit(self, head: Incoming, key: str | None) -> Sender:
        """The sender with this key, if it may send from where it sends."""
        if not key:
            message = "Send the write key: as basic authentication's user name, or as writeKey."
            raise Trouble(401, "no_key", message)
        sender = await self.keys.find(key)
        if sender is None:
            raise Trouble(401, "unknown_key", "This write key is unknown or was revoked.")
        if sender.scope != "track":
            raise Trouble(403, "wrong_scope", "This key is not for sending events.")
        if sender.origins and head.page_origin not in sender.origins:
            raise Trouble(403, "wrong_origin", "This key may not be used from this origin.")
        return sender


def _check(body: bytes, path: str) -> Summary:
    try:
        return check_request(body, is_batch=path in BATCH_PATHS)
    except InputError as error:
        raise Trouble(400, "invalid_json", str(error)) from None


def _meta(head: Incoming, path: str) -> bytes:
    """What is stored beside the body. One SDK states its sending time in a header only."""
    sent_at = head.headers.get(b"sentat")
    if sent_at is None:
        return _META[path]
    return msgspec.json.encode({"path": path, "sent_at": sent_at[:64].decode("latin-1")})


def _scheme(head: Incoming) -> str:
    """How the page reached us, also behind a proxy that ends TLS."""
    stated = head.headers.get(b"x-forwarded-proto", b"").decode("latin-1")
    return stated if stated in ("http", "https") else head.scheme


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _unknown_path(path: str) -> Trouble:
    return Trouble(404, "unknown_path", f"There is nothing at {path[:200]!r}.")


async def _send(answer: Answer, origin: bytes | None, send: Send) -> None:
    headers = [
        *answer.headers,
        (b"content-length", str(len(answer.body)).encode()),
        *cross_origin(origin),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
