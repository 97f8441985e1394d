"""What customers see: the way in and out, preferences, a letter in the browser, a question.

Everything works without script, cookie or login, by signed link; a GET never changes anything.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar

from dangol.store.journal import Journal
from dangol.web.pages import asking, icon, preferences, reach, subscribing, unsubscribe, viewing

__all__ = ["ROUTES", "lifespan"]

_PARTS = (unsubscribe, preferences, viewing, asking, subscribing, reach, icon)
ROUTES = [route for part in _PARTS for route in part.ROUTES]


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    """Opens the journal of opt-outs as `app.state.journal`, unless another part did."""
    if not hasattr(app.state, "journal"):
        app.state.journal = Journal(app.state.settings.journal_dir)
    yield
