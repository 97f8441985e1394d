"""The web application with a short way for its hottest paths.

Clicks, opens and tracked events come by the thousand per second; routing them through the whole
framework would cost as much as the work itself. A part that is a plain ASGI application may be
reached by the first three characters of its paths instead; its routes stay in the framework too.
"""

from typing import Any

from litestar import Litestar


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
            await super().__call__(scope, receive, send)
        else:
            await hot(scope, receive, send)
