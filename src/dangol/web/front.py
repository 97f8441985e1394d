"""The web application with a short way for its hottest paths.

Clicks, opens and tracked events come by the thousand per second; routing them through the whole
framework would cost as much as the work itself. A part that is a plain ASGI application may be
reached by the first three characters of its paths instead; its routes stay in the framework too.
"""

import asyncio
from typing import Any

from litestar import Litestar

IDLE_SECONDS = 30.0
"""A sender who says nothing for so long in the middle of a request has hung up."""


class Front(Litestar):
    """Litestar, but for the paths in `hot`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.hot: dict[str, Any] = {}
        """ASGI applications by the first three characters of their paths, such as `/c/`."""
        super().__init__(*args, **kwargs)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or take part in starting and stopping."""
        hot = self.hot.get(scope["path"][:3]) if scope["type"] == "http" else None
        if hot is None:
            if scope["type"] == "http":
                receive = patiently(receive)
            await super().__call__(scope, receive, send)
        else:
            await hot(scope, receive, send)


def patiently(receive: Any) -> Any:
    """`receive`, but it says that the sender is gone when the next part of the body does not come.

    Otherwise a few thousand senders who never finish would take every connection that we may have.
    """
    is_complete = False

    async def next_part() -> Any:
        nonlocal is_complete
        if is_complete:
            return await receive()
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        is_complete = not message.get("more_body", False)
        return message

    return next_part
