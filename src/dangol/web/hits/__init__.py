"""Opens and clicks of letters: kept before they are answered, forged ones change nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send

from dangol.web.hits.counter import Counter
from dangol.web.hits.targets import Targets

__all__ = ["ROUTES", "lifespan"]


@asgi(["/c/{token:str}", "/o/{token:str}"], copy_scope=False)  # a mount at /c takes /customers
async def _hits(scope: Scope, receive: Receive, send: Send) -> None:
    counter: Any = scope["litestar_app"].state.hit_counter
    await counter(scope, receive, send)


ROUTES = [_hits]


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    """Opens the counter; needs `app.state.committer`, `.keyring` and `.pool`."""
    state = app.state
    state.hit_counter = Counter(state.keyring, state.committer, Targets(state.pool))
    yield
