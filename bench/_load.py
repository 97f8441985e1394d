"""Requests over loopback, as many as a server answers: a process of its own, closed loop.

`python -m bench._load PORT CONNECTIONS SECONDS < request` sends the bytes of standard input over
each connection, again after each answer, and prints how many were answered with 200 or 302 per second,
and the 50th and 99th percentile of the waits in milliseconds.
"""

import asyncio
import sys
import time

import uvloop

_GOOD = (b"HTTP/1.1 200", b"HTTP/1.1 302")


class _Caller(asyncio.Protocol):
    def __init__(self, request: bytes, waits: list[float], others: list[bytes]) -> None:
        self._request = request
        self._waits = waits
        self._others = others
        self._answer = b""
        self._sent_at = 0.0
        self._usual = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._call()

    def data_received(self, data: bytes) -> None:
        """The first answer is taken apart; while the next ones are as long, counting is enough."""
        if len(data) == self._usual and not self._answer and data.startswith(_GOOD):
            self._waits.append(time.perf_counter() - self._sent_at)
            self._call()
            return
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        if head.startswith(_GOOD):
            self._usual = len(self._answer)
            self._waits.append(time.perf_counter() - self._sent_at)
        else:
            self._others.append(self._answer)
        self._answer = b""
        self._call()

    def _call(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def _run(port: int, connections: int, seconds: float, request: bytes) -> None:
    loop = asyncio.get_running_loop()
    waits: list[float] = []
    others: list[bytes] = []
    for _ in range(connections):
        await loop.create_connection(lambda: _Caller(request, waits, others), "127.0.0.1", port)
    await asyncio.sleep(min(1.0, seconds / 3))
    waits.clear()
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    found, elapsed = sorted(waits), time.perf_counter() - begun
    if others:
        sys.exit(f"{len(others)} other answers, such as {others[0]!r}")
    p50, p99 = found[len(found) // 2] * 1000, found[len(found) * 99 // 100] * 1000
    print(len(found) / elapsed, p50, p99)


if __name__ == "__main__":
    uvloop.run(
        _run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.stdin.buffer.read())
    )
