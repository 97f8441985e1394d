"""Who may use the REST API: holders of a key of scope `api`, sent as a bearer token; and how."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import psycopg
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.params import FromQuery
from psycopg_pool import ConnectionPool

from dangol.errors import DangolError, NotFound
from dangol.know.profile.service import Profile, get_profile
from dangol.listen.keys import ApiKey, find_key

T = TypeVar("T")

_LARGEST = 2**63 - 1


class Unauthorized(DangolError):
    """Send an API key as “Authorization: Bearer <key>”."""


class UnknownKey(Unauthorized):
    """This key is unknown, revoked or not of scope api; make one under Settings → Keys."""


async def require_api_key(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Let the request pass and note its actor, `key:<id>`.

    Raises:
        Unauthorized: no key was sent, or it is unknown, revoked or of another scope.
    """
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthorized
    key = await sync_to_thread(_find, connection.app.state.pool, secret.strip())
    if key is None or key.revoked_at is not None:
        raise UnknownKey
    connection.state.actor = f"key:{key.id}"


def _find(pool: ConnectionPool, secret: str) -> ApiKey | None:
    with pool.connection() as conn:
        return find_key(conn, secret, "api")


async def in_transaction(request: Request, work: Callable[[psycopg.Connection], T]) -> T:
    """What `work` makes of one transaction, run in a thread."""

    def run() -> T:
        with request.app.state.pool.connection() as conn:
            return work(conn)

    return await sync_to_thread(run)


def customer_of(conn: psycopg.Connection, number: int) -> Profile:
    """The customer of this number; of the winner, where it was merged.

    Raises:
        NotFound: there never was such a customer.
    """
    if not 0 <= number <= _LARGEST:
        raise NotFound("There is no customer {customer_id}.", customer_id=str(number))
    return get_profile(conn, number)


class Offset(NamedTuple):
    """A page of a list with numbered rows."""

    limit: int
    start: int


class After(NamedTuple):
    """A page of a list that goes on after a customer."""

    after: int
    limit: int


def offset_asked(limit: FromQuery[int] = 50, offset: FromQuery[int] = 0) -> Offset:
    """At most 500 rows; what makes no sense becomes the nearest that does."""
    return Offset(min(max(limit, 1), 500), min(max(offset, 0), 10**9))


def after_asked(after: FromQuery[int] = 0, limit: FromQuery[int] = 50) -> After:
    """At most 1,000 people."""
    return After(min(max(after, 0), _LARGEST), min(max(limit, 1), 1_000))


PAGING = {
    "rows": Provide(offset_asked, sync_to_thread=False),
    "page": Provide(after_asked, sync_to_thread=False),
}
"""What calls with pages take as `rows` or `page`."""
