"""REST API `/api/v1`: JSON in and out, a key of scope `api`, errors as {code, message, path}."""

from litestar import Router

from dangol.web.api.access import require_api_key
from dangol.web.api.failure import EXCEPTION_HANDLERS
from dangol.web.api.segments import SEGMENTS

ROUTES = [
    Router(
        "/api/v1",
        route_handlers=[*SEGMENTS],
        guards=[require_api_key],
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=2 * 1024 * 1024,
    )
]
