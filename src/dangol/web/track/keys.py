"""Which sender a key belongs to, from memory: read again every two seconds, and for unknown keys.

A key that was just made must never be refused, because senders throw their events away on 401;
so an unknown one is refused only after a look at the database that began after it was asked for.
"""

import asyncio
import contextlib
import time

import msgspec
import psycopg

from dangol.listen.keys import hash_secret
from dangol.store.sql import load_queries
from dangol.web.track.committer import Away

_SQL = load_queries("dangol.listen")
_FRESH = 2.0
_TIMEOUT = 5.0


class Sender(msgspec.Struct, frozen=True):
    """Who a key identifies, and what it may do."""

    id: str
    scope: str
    origins: frozenset[str]


class KeyCache:
    """All living keys, by the hash of their secret."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._senders: dict[bytes, Sender] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()
        self._conn: psycopg.AsyncConnection | None = None

    async def find(self, secret: str) -> Sender | None:
        """The sender with this secret, or None when there is none.

        Raises:
            Away: it is not known and the database does not answer.
        """
        asked_at = time.monotonic()
        digest = hash_secret(secret)
        sender = self._senders.get(digest)
        if sender is not None and asked_at - self._read_at < _FRESH:
            return sender
        try:
            await self._read_since(asked_at)
        except (psycopg.Error, TimeoutError, OSError):
            if sender is None:
                raise Away from None
            return sender
        return self._senders.get(digest)

    async def close(self) -> None:
        """Give the connection back."""
        conn, self._conn = self._conn, None
        if conn is not None:
            with contextlib.suppress(Exception):
                await conn.close()

    async def _read_since(self, asked_at: float) -> None:
        """Make sure that the keys were read after `asked_at`; many askers share one reading."""
        async with self._lock:
            if self._read_at >= asked_at:
                return
            began = time.monotonic()
            try:
                async with asyncio.timeout(_TIMEOUT):
                    rows = await self._read()
            except BaseException:
                await self.close()
                raise
            self._senders = {
                bytes(digest): Sender(key_id, scope, frozenset(origins))
                for digest, key_id, scope, origins in rows
            }
            self._read_at = began

    async def _read(self) -> list[tuple]:
        if self._conn is None or self._conn.closed:
            self._conn = await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, application_name="dangol keys", connect_timeout=5
            )
        cursor = await self._conn.execute(_SQL.living_keys)
        return await cursor.fetchall()
