"""A small SMTP server (RFC 5321): takes mail, asks whether a recipient is known, keeps it, then
says 250.

One task per connection, one read for as many pipelined commands as came (RFC 2920). Line ends are
strict: only CRLF.CRLF ends a message, so nobody can smuggle a second one into it. What is being
received is bounded by size, time and number of connections.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

_LOG = structlog.get_logger(__name__)

_LONGEST_LINE = 4096
_MOST_ERRORS = 20
_MOST_RECIPIENTS = 100
_IDLE_SECONDS = 120.0
_READ = 65_536
_PATH = re.compile(
    rb"^(?:MAIL\s+FROM|RCPT\s+TO)\s*:\s*<([^<>\r\n]*)>(.*)$", re.IGNORECASE | re.DOTALL
)
_SIZE = re.compile(rb"\bSIZE=(\d{1,12})\b", re.IGNORECASE)


@dataclass(slots=True)
class Envelope:
    """One message as it was handed to us."""

    mail_from: str
    recipients: list[str] = field(default_factory=list)
    raw: bytes = b""
    """With CRLF line ends, dot-stuffing removed."""


class NotNow(Exception):
    """The message cannot be kept at the moment: the client is told to try again (451)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one port does with mail."""

    name: str
    refusal: Callable[[str], str | None]
    """Why a recipient is not taken, as the text of the reply; None if it is."""
    keep: Callable[[Envelope], Awaitable[None]]
    """Returns once the message is durable; raises NotNow."""
    largest: int
    most_connections: int = 200


class Server:
    """Listens for one service until it is closed."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> int:
        """Start; returns the port, which is a free one when `port` is 0."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=_READ)
        return self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and drop who is connected; what was not acknowledged comes again."""
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= self.service.most_connections:
            writer.write(b"421 4.3.2 too many connections, try again later\r\n")
            writer.close()
            return
        self._tasks.add(task)
        try:
            await Session(self.service, reader, writer).run()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass
        except Exception:
            _LOG.exception("smtp session failed", service=self.service.name)
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError, OSError):
                await writer.wait_closed()


class Session:
    """One connection."""

    def __init__(
        self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.service = service
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self._envelope: Envelope | None = None
        self._greeted = False
        self._errors = 0
        self._verbs: dict[bytes, Callable[[bytes], Awaitable[None]]] = {
            b"EHLO": self._ehlo,
            b"HELO": self._helo,
            b"MAIL": self._mail,
            b"RCPT": self._rcpt,
            b"DATA": self._data,
            b"RSET": self._rset,
            b"NOOP": self._noop,
            b"VRFY": self._vrfy,
        }

    async def run(self) -> None:
        """Serve until the client quits, errs too often, or is silent for two minutes."""
        self._no_delay()
        self._say(f"220 {self.service.name} ESMTP")
        while self._errors < _MOST_ERRORS:
            line = await self._line()
            verb = line[:4].upper()
            if verb == b"QUIT":
                self._say("221 2.0.0 bye")
                break
            action = self._verbs.get(verb, self._unknown)
            await action(line)
        else:
            self._say("421 4.7.0 too many errors")
        await self._flush()

    # -- commands -------------------------------------------------------------------------

    async def _ehlo(self, _line: bytes) -> None:
        self._greeted, self._envelope = True, None
        features = ["PIPELINING", f"SIZE {self.service.largest}", "8BITMIME", "SMTPUTF8"]
        lines = [self.service.name, *features, "ENHANCEDSTATUSCODES"]
        for line in lines[:-1]:
            self._say(f"250-{line}")
        self._say(f"250 {lines[-1]}")

    async def _helo(self, _line: bytes) -> None:
        self._greeted, self._envelope = True, None
        self._say(f"250 {self.service.name}")

    async def _mail(self, line: bytes) -> None:
        found = _PATH.match(line)
        if not self._greeted or self._envelope is not None:
            return self._err("503 5.5.1 EHLO first, one MAIL at a time")
        if not found:
            return self._err("501 5.5.4 syntax: MAIL FROM:<address>")
        size = _SIZE.search(found.group(2))
        if size and int(size.group(1)) > self.service.largest:
            return self._err("552 5.3.4 message too large")
        self._envelope = Envelope(_text(found.group(1)))
        self._say("250 2.1.0 ok")
        return None

    async def _rcpt(self, line: bytes) -> None:
        found = _PATH.match(line)
        if self._envelope is None:
            return self._err("503 5.5.1 MAIL first")
        if not found or not found.group(1):
            return self._err("501 5.5.4 syntax: RCPT TO:<address>")
        if len(self._envelope.recipients) >= _MOST_RECIPIENTS:
            return self._say("452 4.5.3 too many recipients")
        address = _text(found.group(1))
        refusal = self.service.refusal(address)
        if refusal:
            return self._err(f"550 {refusal}")
        self._envelope.recipients.append(address)
        return self._say("250 2.1.5 ok")

    async def _data(self, _line: bytes) -> None:
        envelope = self._envelope
        if envelope is None or not envelope.recipients:
            return self._err("503 5.5.1 RCPT first")
        self._say("354 end with a dot on a line")
        raw = await self._content()
        self._envelope = None
        if raw is None:
            return self._err("552 5.3.4 message too large")
        envelope.raw = raw
        try:
            await self.service.keep(envelope)
        except NotNow:
            return self._say("451 4.3.0 cannot be kept at the moment, try again later")
        return self._say("250 2.0.0 kept")

    async def _rset(self, _line: bytes) -> None:
        self._envelope = None
        self._say("250 2.0.0 ok")

    async def _noop(self, _line: bytes) -> None:
        self._say("250 2.0.0 ok")

    async def _vrfy(self, _line: bytes) -> None:
        self._say("252 2.5.0 send some mail and see")

    async def _unknown(self, _line: bytes) -> None:
        self._err("502 5.5.2 command not known")

    # -- wire -----------------------------------------------------------------------------

    async def _line(self) -> bytes:
        """The next command without its line end; what is too long is an error of the client's."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _LONGEST_LINE:
                self._say("500 5.5.2 line too long")
                await self._flush()
                raise ConnectionError("line too long")
            await self._read()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    async def _content(self) -> bytes | None:
        """What stands between DATA and the final dot; None if it is larger than allowed."""
        content = bytearray(b"\r\n")  # so that a dot in the very first line ends it as well
        dropped = 0
        while True:
            if not self._buffer:
                await self._read()
            searched = max(len(content) - 4, 0)
            content += self._buffer
            self._buffer.clear()
            end = content.find(b"\r\n.\r\n", searched)
            if end >= 0:
                break
            if len(content) > self.service.largest:
                dropped += len(content) - 4
                del content[:-4]
            if dropped > 4 * self.service.largest:
                raise ConnectionError("a message without end")
        self._buffer += content[end + 5 :]
        del content[end + 2 :]
        if dropped or len(content) > self.service.largest + 2:
            return None
        return bytes(content.replace(b"\r\n..", b"\r\n.")[2:])

    async def _read(self) -> None:
        """More bytes; replies that wait go out first, for the client may wait for them."""
        await self._flush()
        async with asyncio.timeout(_IDLE_SECONDS):
            data = await self._reader.read(_READ)
        if not data:
            raise ConnectionError("closed by the client")
        self._buffer += data

    def _say(self, line: str) -> None:
        self._writer.write(line.encode("ascii", "replace") + b"\r\n")

    def _err(self, line: str) -> None:
        self._errors += 1
        self._say(line)

    async def _flush(self) -> None:
        async with asyncio.timeout(_IDLE_SECONDS):
            await self._writer.drain()

    def _no_delay(self) -> None:
        connection = self._writer.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace").replace("\0", "").strip()
