"""A session on a socket: no task and no future per message, callbacks only."""

import asyncio
import ssl
from collections.abc import Callable
from time import monotonic

import msgspec

from dangol.speak.channel.email.mail import Mail, Outcome
from dangol.speak.channel.email.session import SessionOptions, SmtpSession

Done = Callable[[Mail, Outcome], None]
"""Called once for every message that was pulled."""


class SmtpTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One server, and how far it may be used."""

    host: str
    port: int
    tls: str = "starttls"
    """`implicit` (465), `starttls` (587), or `none` (a relay of your own on a private network)."""
    options: SessionOptions = SessionOptions()
    ca_file: str | None = None
    """Trust these certificates instead of the system's."""
    max_connections: int = 10
    connect_seconds: float = 15.0
    reply_seconds: float = 120.0
    """How long the server may take for one reply (RFC 5321, 4.5.3.2 asks for minutes)."""

    def tls_context(self) -> ssl.SSLContext | None:
        """What verifies the server's certificate; None without TLS."""
        return None if self.tls == "none" else ssl.create_default_context(cafile=self.ca_file)


class SmtpConnection(asyncio.Protocol):
    """Carries bytes between a socket and a session, and reports what came of each message."""

    def __init__(
        self,
        target: SmtpTarget,
        pull: Callable[[], Mail | None],
        done: Done,
        ended: Callable[["SmtpConnection"], None],
        is_late: Callable[[Mail], bool] = lambda _: False,
    ) -> None:
        self.target = target
        secure = target.tls == "implicit"
        self.session = SmtpSession(target.options, pull, secure=secure, is_late=is_late)
        self.heard_at = monotonic()
        self._done = done
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._upgrade: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open, or TLS is up on it."""
        if self._transport is None:
            self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """The server said something."""
        self.heard_at = monotonic()
        self._write(self.session.receive(data))
        self._report()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        if self._upgrade is not None and not self._upgrade.done() and exc is None:
            return  # start_tls swaps the transport under us
        self.session.lost(str(exc) if exc else "the server closed the connection")
        self._report()
        self._ended(self)

    def kick(self) -> None:
        """Look for the next message, if idle."""
        out = self.session.kick()
        if out:
            self.heard_at = monotonic()
            self._write(out)
        self._report()

    def is_stuck(self, now: float) -> bool:
        """Whether the server owes a reply for too long; `now` in seconds of the monotonic clock."""
        return self.session.is_waiting and now - self.heard_at > self.target.reply_seconds

    def quit(self) -> None:
        """Leave politely; does nothing while a message is under way."""
        self._write(self.session.quit())

    def abort(self, why: str) -> None:
        """Leave at once; open messages get their outcome."""
        self.session.lost(why)
        self._report()

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None:
            self._transport.write(data)

    def _report(self) -> None:
        outcomes = self.session.outcomes
        if outcomes:
            self.session.outcomes = []
            for mail, outcome in outcomes:
                self._done(mail, outcome)
        if self.session.wants_tls and self._upgrade is None:
            self._upgrade = asyncio.get_running_loop().create_task(self._start_tls())
        if self.session.is_over and self._transport is not None:
            self._transport.abort() if self._upgrade else self._transport.close()

    async def _start_tls(self) -> None:
        loop = asyncio.get_running_loop()
        context = self.target.tls_context()
        assert context is not None
        assert self._transport is not None
        try:
            self._transport = await loop.start_tls(
                self._transport, self, context, server_hostname=self.target.host
            )
        except (OSError, ssl.SSLError, TimeoutError) as error:
            self.session.refuse_tls(str(error))
            self._report()
            self._ended(self)
            return
        self.heard_at = monotonic()
        self._write(self.session.secured())
