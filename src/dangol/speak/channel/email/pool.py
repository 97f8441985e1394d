"""As many connections to one server as its answer time asks for, and no more.

A message waits for the server's reply, so rate = connections / reply time. The pool starts small,
doubles while that raises the rate, and halves when the server refuses or goes away.
"""

import asyncio
import ssl
from collections.abc import Callable
from time import monotonic

from dangol.speak.channel.email.connection import SmtpConnection, SmtpTarget
from dangol.speak.channel.email.mail import Mail, Outcome
from dangol.speak.channel.email.session import Refusal

_FIRST = 4
"""Connections to begin with, if the target allows as many."""
_BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds until the next attempt, by the number of refusals in a row."""
_PROBE_SECONDS = 0.5
"""How long one number of connections is measured before it is doubled."""


class SmtpPool:
    """Connections that pull messages by themselves; `done` is called once per pulled message."""

    def __init__(
        self,
        target: SmtpTarget,
        pull: Callable[[], Mail | None],
        done: Callable[[Mail, Outcome], None],
        is_late: Callable[[Mail], bool] = lambda _: False,
    ) -> None:
        self.target = target
        self._is_late = is_late
        self.refusal: Refusal | None = None
        self.in_flight = 0
        self.completed = 0
        self._pull = pull
        self._done = done
        self._connections: set[SmtpConnection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._wanted = min(_FIRST, target.max_connections)
        self._refusals = 0
        self._not_before = 0.0
        self._probe = _Probe()
        self._is_closing = False
        self._empty = False

    @property
    def is_ready(self) -> bool:
        """Whether at least one connection can carry messages."""
        return any(c.session.is_idle or c.session.sent for c in self._connections)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def open(self) -> None:
        """Bring up connections if there are too few; call it while there is something to send."""
        now = monotonic()
        if self._is_closing or now < self._not_before:
            return
        missing = self._wanted - len(self._connections) - len(self._opening)
        for _ in range(missing if self._refusals == 0 else min(missing, 1)):
            task = asyncio.get_running_loop().create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def kick(self) -> None:
        """There are messages: idle connections take them."""
        self._empty = False
        for connection in list(self._connections):
            if self._empty:
                return
            connection.kick()

    def tick(self, *, has_backlog: bool) -> None:
        """Look after time-outs and the number of connections; call it some ten times a second."""
        now = monotonic()
        for connection in list(self._connections):
            if connection.is_stuck(now):
                self._back_off("the server does not answer")
                connection.abort("the server did not answer in time")
        if has_backlog and self._probe.is_worth_more(self.completed, self._wanted, now):
            self._wanted = min(self._wanted * 2, self.target.max_connections)
        if has_backlog:
            self.open()

    def rest(self) -> None:
        """Nothing to send for a while: let the connections go."""
        for connection in list(self._connections):
            connection.quit()

    async def close(self, grace: float) -> None:
        """Start nothing more, wait up to `grace` seconds for replies, then leave."""
        self._is_closing = True
        until = monotonic() + grace
        while self.in_flight and monotonic() < until:
            await asyncio.sleep(0.02)
        for task in list(self._opening):
            task.cancel()
        for connection in list(self._connections):
            connection.quit()
        await asyncio.sleep(0)
        for connection in list(self._connections):
            connection.abort("the dispatcher stops")

    # -- connections -------------------------------------------------------------------

    def _take(self) -> Mail | None:
        mail = None if self._is_closing else self._pull()
        if mail is None:
            self._empty = True
        else:
            self.in_flight += 1
        return mail

    def _finish(self, mail: Mail, outcome: Outcome) -> None:
        self.in_flight -= 1
        self.completed += 1
        self._done(mail, outcome)

    async def _connect(self) -> None:
        target = self.target
        loop = asyncio.get_running_loop()
        context = target.tls_context() if target.tls == "implicit" else None
        try:
            async with asyncio.timeout(target.connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: SmtpConnection(
                        target, self._take, self._finish, self._ended, self._is_late
                    ),
                    target.host,
                    target.port,
                    ssl=context,
                    server_hostname=target.host if context else None,
                )
        except (OSError, ssl.SSLError, TimeoutError) as error:
            stage = "tls" if isinstance(error, ssl.SSLError) else "connect"
            self.refusal = Refusal(stage, 0, str(error) or type(error).__name__, False)
            self._back_off(str(error))
            return
        if not connection.session.is_over:
            self._connections.add(connection)

    def _ended(self, connection: SmtpConnection) -> None:
        self._connections.discard(connection)
        if connection.session.refusal is not None:
            self.refusal = connection.session.refusal
            self._back_off(self.refusal.text)
        elif connection.session.sent == 0 and not self._is_closing:
            self._back_off("the connection ended before anything was sent")
        else:
            self._refusals = 0

    def _back_off(self, why: str) -> None:
        self._wanted = max(1, self._wanted // 2)
        self._refusals += 1
        index = min(self._refusals, len(_BACKOFF)) - 1
        self._not_before = monotonic() + _BACKOFF[index]
        self._probe = _Probe()


class _Probe:
    """Whether twice the connections carried more than before."""

    def __init__(self) -> None:
        self._since = monotonic()
        self._completed = 0
        self._best = 0.0
        self._size = 0
        self._is_settled = False

    def is_worth_more(self, completed: int, size: int, now: float) -> bool:
        """True when the last doubling paid (at least a twentieth more) and another may be tried."""
        if self._is_settled or now - self._since < _PROBE_SECONDS:
            return False
        rate = (completed - self._completed) / (now - self._since)
        self._since, self._completed = now, completed
        if rate == 0:
            return False
        if size == self._size:
            return False
        if rate < self._best * 1.05:
            self._is_settled = True
            return False
        self._best, self._size = rate, size
        return True
