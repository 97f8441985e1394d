"""Many small writes as few commits: what arrives while one commit runs shares the next."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

_LOG = structlog.get_logger(__name__)

Row = TypeVar("Row")


class GroupWriter(Generic[Row]):
    """Writes rows in groups by `flush`, which runs in a thread and returns after its commit.

    A failed group fails for everyone in it; the next one is tried anew.
    """

    def __init__(self, flush: Callable[[list[Row]], None], most_bytes: int) -> None:
        self._flush = flush
        self._most_bytes = most_bytes
        self._waiting: list[tuple[Row, int, asyncio.Future[None]]] = []
        self._bytes = 0
        self._wake = asyncio.Event()

    async def write(self, row: Row, size: int) -> None:
        """Returns when `row` is committed.

        Raises:
            BufferError: more bytes are waiting than may be held; try again later.
            Exception: whatever `flush` raised.
        """
        if self._bytes + size > self._most_bytes and self._waiting:
            raise BufferError("too much is waiting to be written")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((row, size, done))
        self._bytes += size
        self._wake.set()
        await done

    async def run(self) -> None:
        """Write groups until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            group, self._waiting = self._waiting, []
            if group:
                await self._write_group(group)

    async def _write_group(self, group: list[tuple[Row, int, asyncio.Future[None]]]) -> None:
        try:
            await asyncio.to_thread(self._flush, [row for row, _, _ in group])
        except Exception as error:
            _LOG.warning("group not written", rows=len(group), error=str(error))
            _settle(group, error)
        else:
            _settle(group, None)
        finally:
            self._bytes -= sum(size for _, size, _ in group)


def _settle(group: list[tuple[Row, int, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, _, done in group:
        if done.done():  # whoever waited is gone
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
