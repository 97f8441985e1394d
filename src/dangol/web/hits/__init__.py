"""Opens and clicks of letters: kept before they are answered, forged ones change nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, route
from litestar.types import ASGIApp

from dangol.web.front import Front
from dangol.web.hits.counter import Counter
from dangol.web.hits.targets import Targets

__all__ = ["ROUTES", "lifespan"]


# No mount: Litestar's mounts match any path that begins like them, so /c would take /customers.
@route(
    ["/c/{token:str}", "/o/{token:str}"],
    http_method=["GET", "HEAD", "POST"],
    include_in_schema=False,
    status_code=200,
)
async def _hits(request: Request[Any, Any, Any]) -> ASGIApp:
    return request.app.state.hit_counter


ROUTES = [_hits]


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    """Opens the counter; needs `app.state.committer`, `.keyring` and `.pool`."""
    state = app.state
    state.hit_counter = Counter(state.keyring, state.committer, Targets(state.pool))
    if isinstance(app, Front):
        app.hot |= {"/c/": state.hit_counter, "/o/": state.hit_counter}
    yield
