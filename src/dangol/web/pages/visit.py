"""One visit to a customers' page: a thread, a connection, and an answer for every failure."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from litestar import Request, Response
from litestar.concurrency import sync_to_thread
from psycopg_pool import PoolTimeout

from dangol.errors import DangolError, NotFound
from dangol.store.brand import Brand, read_brand
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring
from dangol.web.pages.showing import show_not_found, show_trouble

MAX_FORM = 16_384
"""Bytes of one form: pages of ours send a few hundred."""

_LOG = logging.getLogger(__name__)


class Visit(msgspec.Struct, frozen=True):
    """What a page's function gets."""

    request: Request
    conn: psycopg.Connection
    keyring: Keyring
    journal: Journal
    brand: Brand
    now: datetime
    form: dict[str, str] = {}

    @property
    def base_url(self) -> str:
        """Where our pages are reached."""
        return (self.brand.public_url or str(self.request.base_url)).rstrip("/")


Page = Callable[[Visit], Response[Any]]


async def visit(request: Request, page: Page, form: dict[str, str] | None = None) -> Response[Any]:
    """The answer of `page`, run in a thread with a connection of its own."""
    return await sync_to_thread(_visit, request, page, form or {})


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, urlencoded or multipart, however the sender labels it."""
    kind = request.headers.get("content-type", "")
    if "form" not in kind:
        body = (await request.body()).decode("latin-1")
        return dict(pair.partition("=")[::2] for pair in body.strip().split("&") if pair)
    fields = await request.form()
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _visit(request: Request, page: Page, form: dict[str, str]) -> Response[Any]:
    state = request.app.state
    brand = Brand()
    try:
        with state.pool.connection(timeout=10) as conn:
            brand = read_brand(conn)
            now = datetime.now(UTC)
            return page(Visit(request, conn, state.keyring, state.journal, brand, now, form))
    except NotFound:
        return show_not_found(request, brand)
    except (psycopg.Error, PoolTimeout, OSError, DangolError):
        _LOG.exception("a customers' page could not be answered")
        return show_trouble(request, brand)
