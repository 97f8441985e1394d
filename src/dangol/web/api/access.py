"""Who may use the REST API: holders of a key of scope `api`, sent as a bearer token; and how."""

from collections.abc import Callable
from typing import TypeVar

import psycopg
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from psycopg_pool import ConnectionPool

from dangol.listen.keys import ApiKey, find_key

T = TypeVar("T")


async def require_api_key(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Let the request pass and note its actor, `key:<id>`.

    Raises:
        NotAuthorizedException: no key was sent, or it is unknown, revoked or of another scope.
    """
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotAuthorizedException("Send an API key as “Authorization: Bearer <key>”.")
    key = await sync_to_thread(_find, connection.app.state.pool, secret.strip())
    if key is None or key.revoked_at is not None:
        raise NotAuthorizedException(
            "This key is unknown, revoked or not of scope api; "
            "make one with `dangol keys create NAME --scope api`."
        )
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
