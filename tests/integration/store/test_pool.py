"""Waiting for a bell: heard at once, also when it rang before, and a dead server is noticed."""

import os
import signal
import time

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from dangol.store.pool import await_notices, check_answers, connect, open_pool


@pytest.fixture
def ears(dsn: str):
    with connect(dsn, name="test", autocommit=True) as conn:
        conn.execute("listen one")
        conn.execute("listen two")
        yield conn


def test_what_rings_is_heard_at_once(ears, dsn) -> None:
    assert await_notices(ears, 0.0) == set()
    with connect(dsn, name="test", autocommit=True) as other:
        other.execute("notify one")
        begun = time.monotonic()
        assert await_notices(ears, 30.0) == {"one"}
        assert time.monotonic() - begun < 10


def test_what_rang_during_a_query_is_not_slept_through(ears) -> None:
    ears.execute("notify two")
    ears.execute("notify one")
    ears.execute("select 1")
    begun = time.monotonic()
    assert await_notices(ears, 30.0) == {"one", "two"}
    assert time.monotonic() - begun < 10


def test_a_server_that_goes_away_is_noticed(ears, dsn) -> None:
    with connect(dsn, name="test", autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [ears.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        await_notices(ears, 30.0)


def test_a_server_that_is_frozen_is_not_waited_for(dsn) -> None:
    with connect(dsn, name="test") as conn:
        check_answers(conn)
        assert conn.info.transaction_status == TransactionStatus.IDLE
        backend = conn.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        try:
            with pytest.raises(psycopg.OperationalError, match="no answer within"):
                check_answers(conn, 0.1)
        finally:
            os.kill(backend, signal.SIGCONT)
        assert conn.closed


def test_the_pool_passes_over_connections_that_broke(dsn) -> None:
    with open_pool(dsn, name="test", size=2) as pool:
        with pool.connection() as conn:
            broken = conn.info.backend_pid
        with connect(dsn, name="test", autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s, 5000)", [broken])
        with pool.connection() as conn:
            assert conn.execute("select 1").fetchone() == (1,)
            assert conn.info.backend_pid != broken
