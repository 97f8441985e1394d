"""An SMTP server that counts what it takes: for kill tests and measurements, in a process of its own.

It speaks ESMTP with PIPELINING, refuses what a real server refuses (a body with bare line ends, data
without a recipient, lines over 998 bytes) and appends every accepted recipient to a file before it
says so. `python -m dangol.testing.smtp_sink --log FILE` prints its port on the first line.
"""

import argparse
import asyncio
import os
import sys
import threading
from pathlib import Path

import uvloop

_EXTENSIONS = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 26214400\r\n250 SMTPUTF8\r\n"
_END = b"\r\n.\r\n"


class Ledger:
    """Who was written to, in order, in a file that survives the death of everybody."""

    def __init__(self, path: Path | None) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._handle = os.open(path, flags, 0o600) if path else None
        self.accepted = 0
        self.refused = 0

    def add(self, recipients: list[bytes]) -> None:
        """Keep them."""
        self.accepted += len(recipients)
        if self._handle is not None and recipients:
            os.write(self._handle, b"".join(one + b"\n" for one in recipients))


def read_ledger(path: Path) -> list[str]:
    """The recipients that a sink accepted, one entry per message."""
    return path.read_text().splitlines() if path.exists() else []


class SinkConnection(asyncio.Protocol):
    """One client. Looks at content only as far as it must to find its end and judge its form."""

    def __init__(self, ledger: Ledger, delay: float = 0.0) -> None:
        self._ledger = ledger
        self._delay = delay
        self._buffer = b""
        self._sender = False
        self._recipient: bytes | None = None
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer everything that is complete, in one write."""
        self._buffer += data
        out: list[bytes] = []
        accepted: list[bytes] = []
        while (reply := self._step(accepted)) is not None:
            out.append(reply)
        self._ledger.add(accepted)
        if out:
            self._answer(b"".join(out))

    def _answer(self, data: bytes) -> None:
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._say, data)
        else:
            self._transport.write(data)

    def _say(self, data: bytes) -> None:
        """Answer late, unless the client has left meanwhile."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def _step(self, accepted: list[bytes]) -> bytes | None:
        if self._in_data:
            return self._content(accepted)
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return self._command(line)

    def _content(self, accepted: list[bytes]) -> bytes | None:
        end = self._buffer.find(_END)
        if end < 0:
            return None
        body, self._buffer = self._buffer[: end + 2], self._buffer[end + len(_END) :]
        self._in_data = False
        recipient, self._recipient, self._sender = self._recipient, None, False
        if recipient is None or not _is_well_formed(body, lines=self._ledger.accepted % 16 == 0):
            self._ledger.refused += 1
            return b"554 5.6.0 malformed content\r\n"
        accepted.append(recipient)
        return b"250 2.0.0 taken\r\n"

    def _command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"MAIL":
            if self._sender:
                return b"503 5.5.1 nested MAIL\r\n"
            self._sender = True
            return b"250 2.1.0 ok\r\n"
        if verb == b"RCPT":
            if not self._sender:
                return b"503 5.5.1 MAIL first\r\n"
            self._recipient = line[line.find(b"<") + 1 : line.rfind(b">")]
            return b"250 2.1.5 ok\r\n"
        if verb == b"DATA":
            self._in_data = self._recipient is not None
            return b"354 go on\r\n" if self._in_data else b"503 5.5.1 RCPT first\r\n"
        return self._other(verb)

    def _other(self, verb: bytes) -> bytes:
        if verb == b"EHLO":
            return _EXTENSIONS
        if verb == b"RSET":
            self._sender, self._recipient = False, None
            return b"250 2.0.0 ok\r\n"
        if verb == b"QUIT":
            asyncio.get_running_loop().call_soon(self._transport.close)
            return b"221 2.0.0 bye\r\n"
        return b"250 2.0.0 ok\r\n" if verb in (b"NOOP", b"HELO") else b"502 5.5.1 what?\r\n"


def _is_well_formed(body: bytes, *, lines: bool) -> bool:
    """Only CRLF line ends; with `lines` (it costs more) also none longer than RFC 5322 allows."""
    ends = body.count(b"\r\n")
    if body.count(b"\n") != ends or body.count(b"\r") != ends:
        return False
    return not lines or max(map(len, body.split(b"\r\n"))) <= 998


async def serve(port: int, path: Path | None, delay: float) -> None:
    """Serve on the loopback address until killed; the first line of output is the port."""
    ledger = Ledger(path)
    server = await asyncio.get_running_loop().create_server(
        lambda: SinkConnection(ledger, delay), "127.0.0.1", port
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input closes")
    args = parser.parse_args()
    if args.until_eof:
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    uvloop.run(serve(args.port, args.log, args.delay))


if __name__ == "__main__":
    main()
