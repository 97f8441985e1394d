"""How the REST API describes itself as OpenAPI: its key, its errors, what each call is for."""

from dataclasses import dataclass
from functools import partial

import litestar
import msgspec
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
)

SCHEMA_PATH = "/api/v1/schema"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What every refusal looks like."""

    code: str
    """For programs: invalid, unauthorized, not_found, conflict, refused, unavailable …"""
    message: str
    """For people, in the language of `Accept-Language`: what happened and what to do."""
    path: str | None
    """Where in the request; null where it concerns all of it."""


def _failed(description: str) -> ResponseSpec:
    return ResponseSpec(Failure, generate_examples=False, description=description)


_FAILURES = {
    400: _failed("Something in the request cannot be used; nothing was changed."),
    401: _failed("No key of scope `api` was sent, or it was revoked."),
    404: _failed("There is no such thing."),
    409: _failed("Refused in this state, or somebody changed it in the meantime."),
    413: _failed("The body is too large."),
    503: _failed("The database or the history does not answer; send it again."),
    504: _failed("The answer took too long; ask for less."),
}

get = partial(litestar.get, responses=_FAILURES)
post = partial(litestar.post, responses=_FAILURES)
put = partial(litestar.put, responses=_FAILURES)
delete = partial(litestar.delete, responses=_FAILURES)


@dataclass
class CsvTaken(Operation):
    """A call whose body is a file."""

    def __post_init__(self) -> None:
        text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        self.request_body = RequestBody(content={"text/csv": text}, required=True)


OPENAPI = OpenAPIConfig(
    title="Dangol",
    version="1",
    description="Everything the team can do, for programs. Send a key of scope `api`.",
    path=SCHEMA_PATH,
    render_plugins=[JsonRenderPlugin()],  # the other plugins fetch scripts from elsewhere
    use_handler_docstrings=True,
    security=[{"key": []}],
    components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
)
