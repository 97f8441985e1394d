"""The tracking API alone, on a real database, spoken to over ASGI."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import TestClient

from dangol.listen.keys import create_key
from dangol.settings import Settings
from dangol.web import track

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def client(dsn: str) -> Iterator[TestClient[Any]]:
    """A client of the tracking API on `dsn`."""
    state = State({"settings": Settings(database_url=dsn)})
    app = Litestar(track.ROUTES, lifespan=[track.lifespan], state=state, openapi_config=None)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def key(conn: psycopg.Connection) -> str:
    """A server's write key."""
    secret = create_key(conn, "shop", "track", by="test", now=NOW)
    conn.commit()
    return secret


@pytest.fixture
def browser_key(conn: psycopg.Connection) -> str:
    """A write key for the pages of one shop only."""
    secret = create_key(conn, "page", "track", origins=["https://shop.example"], by="test", now=NOW)
    conn.commit()
    return secret
