"""Group commit: what arrives within about 2 ms becomes durable together, with one COPY.

`append` returns a future that is done once the row is committed, and only then may a sender be
told so. One connection, one COPY at a time: while one is under way the next batch gathers. What
waits is bounded in bytes; beyond that senders are asked to come back later.
"""

import asyncio
import contextlib
import struct
import time
from collections.abc import Iterable

import psycopg

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_TRAILER = struct.pack("!h", -1)
_COPY = "copy intake (received_at, kind, source, meta, body) from stdin (format binary)"
_ROW = struct.Struct("!hiqi")
_LENGTH = struct.Struct("!i")
_JSONB = b"\x01"
_EPOCH_2000_US = 946_684_800_000_000

PAUSE = 0.002
"""Seconds that a batch gathers: costs nothing under load and keeps single requests quick."""
_WAKE_EVERY = 0.02
"""Seconds between two calls to Route: the first row of a while calls at once, the next together."""
MOST_BYTES = 64 * 1024 * 1024
"""Bytes that may wait or be on their way in; with their copies, a few times that in memory."""
_BATCH_BYTES = 8 * 1024 * 1024
_ROW_COST = 512
_LINES_BYTES = 1024 * 1024
"""Lines beyond that become a row of their own."""
_TIMEOUT = 15.0


class Overloaded(Exception):
    """More is waiting than we hold; come back later."""


class Away(Exception):
    """The database does not answer; come back later. Nothing is lost, nothing was acknowledged."""


class _Lines:
    """Lines of many senders that become one row, and the future that they all wait for."""

    def __init__(self, meta: bytes) -> None:
        self.meta = meta
        self.lines: list[bytes] = []
        self.size = 0
        self.future = _Shared()


class _Shared(asyncio.Future[None]):
    """Waited for by many: one who gives up does not end it for the others."""

    def cancel(self, msg: object = None) -> bool:
        """Nothing; the one who waits is cancelled all the same."""
        return False


class Committer:
    """Appends rows to `intake` for many senders at once. Start it, append, stop it."""

    def __init__(self, dsn: str, *, most_bytes: int = MOST_BYTES) -> None:
        self._dsn = dsn
        self._most_bytes = most_bytes
        self._held = 0
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._gathering: dict[tuple[str, str], _Lines] = {}
        self._arrived = asyncio.Event()
        self._conn: psycopg.AsyncConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._woke_at = 0.0
        self._is_silent = True

    async def start(self) -> None:
        """Begin to commit; the connection opens with the first row."""
        self._task = asyncio.create_task(self._run(), name="committer")

    async def stop(self) -> None:
        """Commit what waits, then close."""
        self._stopping = True
        self._arrived.set()
        if self._task is not None:
            await self._task
        if not self._is_silent:
            await self._wake_route()
        await self._close()

    def hold(self, size: int) -> None:
        """Count `size` bytes as on their way in; give them back with `release`.

        Raises:
            Overloaded: there is no room for them.
        """
        if self._held + size > self._most_bytes:
            raise Overloaded
        self._held += size

    def release(self, size: int) -> None:
        """Give back what was held."""
        self._held -= size

    def append(self, kind: str, source: str, meta: bytes, body: bytes) -> asyncio.Future[None]:
        """A future that is done when the row is durable; `meta` is a JSON object.

        The future raises `Away` when the row was not, or perhaps not, committed.

        Raises:
            Overloaded: too much waits already.
        """
        if self._stopping:
            raise Overloaded
        row = pack_row(time.time_ns() // 1000, kind, source, meta, body)
        self.hold(len(row) + _ROW_COST)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, future))
        self._arrived.set()
        return future

    def gather(self, kind: str, source: str, meta: bytes, line: bytes) -> asyncio.Future[None]:
        """Like `append` for one line of a row whose other lines arrive at the same time.

        Raises:
            Overloaded: too much waits already.
        """
        if self._stopping:
            raise Overloaded
        self.hold(len(line))
        row = self._gathering.get((kind, source))
        if row is None:
            row = self._gathering[kind, source] = _Lines(meta)
            self._arrived.set()
        row.lines.append(line)
        row.size += len(line)
        if row.size > _LINES_BYTES:
            self._close_lines(kind, source)
        return row.future

    def _close_lines(self, kind: str, source: str) -> None:
        """Make a row of the lines that were gathered."""
        lines = self._gathering.pop((kind, source))
        body = b"".join(lines.lines)
        row = pack_row(time.time_ns() // 1000, kind, source, lines.meta, body)
        self._held += len(row) + _ROW_COST - lines.size  # it was let in already
        self._waiting.append((row, lines.future))

    async def _run(self) -> None:
        while self._waiting or self._gathering or not self._stopping:
            await self._await_rows()
            if not self._stopping:
                await asyncio.sleep(PAUSE)
            batch = self._take()
            if not self._waiting and not self._stopping:
                self._arrived.clear()
            if batch:
                await self._commit(batch)

    async def _await_rows(self) -> None:
        """Returns when there is something to commit; Route learns meanwhile of what it was not told."""
        if self._is_silent:
            await self._arrived.wait()
            return
        try:
            async with asyncio.timeout(_WAKE_EVERY):
                await self._arrived.wait()
        except TimeoutError:
            await self._wake_route()
            await self._arrived.wait()

    def _take(self) -> list[tuple[bytes, asyncio.Future[None]]]:
        """The rows of the next COPY, oldest first."""
        for kind, source in list(self._gathering):
            self._close_lines(kind, source)
        size = 0
        for place, (row, _) in enumerate(self._waiting):
            size += len(row)
            if size > _BATCH_BYTES and place:
                batch, self._waiting = self._waiting[:place], self._waiting[place:]
                return batch
        batch, self._waiting = self._waiting, []
        return batch

    async def _commit(self, batch: list[tuple[bytes, asyncio.Future[None]]]) -> None:
        failure: Exception | None = None
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._copy([row for row, _ in batch])
        except (psycopg.Error, TimeoutError, OSError):
            failure = Away()
            await self._close()
        for row, future in batch:
            self.release(len(row) + _ROW_COST)
            if future.done():  # whoever asked has hung up
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)
        if failure is None:
            self._is_silent = False
            if time.monotonic() - self._woke_at >= _WAKE_EVERY:
                await self._wake_route()

    async def _copy(self, rows: Iterable[bytes]) -> None:
        data = b"".join((_HEADER, *rows, _TRAILER))
        try:
            await self._send(data)
        except _NotBegun:
            # The server restarted while we were idle: nothing was sent, so once more is safe.
            await self._close()
            await self._send(data)

    async def _send(self, data: bytes) -> None:
        was_open, has_begun = self._conn is not None, False
        conn = await self._connected()
        try:
            async with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
                has_begun = True
                await copy.write(data)
        except psycopg.OperationalError as error:
            if was_open and not has_begun:
                raise _NotBegun from error
            raise

    async def _wake_route(self) -> None:
        """Best effort: Route also looks by itself every two seconds."""
        self._woke_at, self._is_silent = time.monotonic(), True
        with contextlib.suppress(psycopg.Error, TimeoutError, OSError):
            async with asyncio.timeout(_TIMEOUT):
                conn = await self._connected()
                await conn.execute("notify intake")

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._conn is None or self._conn.closed:
            self._conn = await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, application_name="dangol intake", connect_timeout=5
            )
        return self._conn

    async def _close(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            with contextlib.suppress(Exception):
                await conn.close()


class _NotBegun(Exception):
    """The connection was found dead before anything was sent."""


def pack_row(at_us: int, kind: str, source: str, meta: bytes, body: bytes) -> bytes:
    """One row of the COPY, in PostgreSQL's binary format; `at_us` counts from 1970."""
    kind_bytes, source_bytes = kind.encode(), source.encode()
    return b"".join(
        (
            _ROW.pack(5, 8, at_us - _EPOCH_2000_US, len(kind_bytes)),
            kind_bytes,
            _LENGTH.pack(len(source_bytes)),
            source_bytes,
            _LENGTH.pack(len(meta) + 1),
            _JSONB,
            meta,
            _LENGTH.pack(len(body)),
            body,
        )
    )
