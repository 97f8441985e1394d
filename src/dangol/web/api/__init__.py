"""REST API `/api/v1`: JSON in and out, a key of scope `api`, errors as {code, message, path}."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar, Router
from litestar.concurrency import sync_to_thread

from dangol.web.api.access import PAGING, require_api_key
from dangol.web.api.customers import CUSTOMERS
from dangol.web.api.failure import EXCEPTION_HANDLERS
from dangol.web.api.lists import LISTS
from dangol.web.api.membership import MEMBERSHIP
from dangol.web.api.relationship import BETWEEN, RELATIONSHIP
from dangol.web.api.remembering import REMEMBERING
from dangol.web.api.segments import SEGMENTS
from dangol.web.query import stop_started

_GROUPS = {
    "customers": CUSTOMERS,
    "the relationship with everyone": RELATIONSHIP,
    "segments": [*SEGMENTS, *MEMBERSHIP],
    "notes, items, moments": REMEMBERING,
    "campaigns, letters, keys": LISTS,
}

CALLS = [call for calls in _GROUPS.values() for call in calls]

ROUTES = [
    Router(
        "/api/v1",
        route_handlers=[
            Router("/", route_handlers=handlers, tags=[name]) for name, handlers in _GROUPS.items()
        ],
        guards=[require_api_key],
        dependencies=PAGING | BETWEEN,
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=2 * 1024 * 1024,
    )
]


@asynccontextmanager
async def lifespan(_: Litestar) -> AsyncIterator[None]:
    """Leave no query worker behind."""
    try:
        yield
    finally:
        await sync_to_thread(stop_started)
