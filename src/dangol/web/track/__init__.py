"""The tracking API: wire-compatible with the clients that people already run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send

from dangol.web.front import Front
from dangol.web.track.committer import Committer
from dangol.web.track.keys import KeyCache
from dangol.web.track.tracker import Tracker

__all__ = ["ROUTES", "Committer", "lifespan"]


@asgi(["/v1", "/sourceConfig", "/beacon", "/pixel"], is_mount=True, copy_scope=False)
async def _tracking(scope: Scope, receive: Receive, send: Send) -> None:
    tracker: Any = scope["litestar_app"].state.tracker
    await tracker(scope, receive, send)


ROUTES = [_tracking]


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    """Opens the committer (`app.state.committer`) and commits what waits when the server stops.

    Needs `app.state.settings.database_url`.
    """
    dsn = app.state.settings.database_url or ""
    committer, keys = Committer(dsn), KeyCache(dsn)
    await committer.start()
    app.state.committer = committer
    app.state.tracker = Tracker(committer, keys)
    if isinstance(app, Front):
        app.hot["/v1"] = app.state.tracker
    try:
        yield
    finally:
        await committer.stop()
        await keys.close()
