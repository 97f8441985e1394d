"""SMTP from the client's side as a pure state machine: bytes in, bytes and outcomes out.

    greeting → ehlo → [starttls → ehlo] → [auth] → ready ⇄ transfer → quit

Where the server says PIPELINING, MAIL, RCPT and DATA of the next message leave in the same write as
the body of this one (RFC 2920, 3.1): one write and one read per message. At most two messages
are therefore open: `_dotted`, whose final dot left and whose reply is awaited, and `_current`, whose
envelope left. When the connection breaks, the first is unknown and the second can be repeated.
"""

from base64 import b64encode
from collections import deque
from collections.abc import Callable

import msgspec

from dangol.errors import InputError
from dangol.speak.channel.email.mail import Mail, Outcome, OutcomeKind, wire_address, wire_body
from dangol.speak.channel.email.reply import Reply, ReplyError, ReplyParser


class SessionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to speak to one server."""

    helo: str = "localhost"
    username: str = ""
    password: str = ""
    starttls: bool = False
    """Require STARTTLS before anything else; never fall back to plain text."""
    may_auth_plain: bool = False
    """Whether a password may go over an unencrypted connection (loopback only)."""
    limit: int = 1000
    """Messages per connection."""


class Refusal(msgspec.Struct, frozen=True):
    """Why no message can go over this connection at all."""

    stage: str
    code: int
    text: str
    is_permanent: bool
    """Asking again will not help: wrong password, no TLS."""


class SmtpSession:
    """One connection's conversation. `pull` gives the next message, or None for "not now".

    `is_late` says of a message whose content is about to leave that its time is over: it does not
    leave any more, and the connection ends, for nothing else takes back a DATA that was granted.

    Every method returns the bytes to write. After each call look at `outcomes` (drain it),
    `wants_tls`, `refusal` and `is_over`.
    """

    def __init__(
        self,
        options: SessionOptions,
        pull: Callable[[], Mail | None],
        *,
        secure: bool = False,
        is_late: Callable[[Mail], bool] = lambda _: False,
    ) -> None:
        self.options = options
        self.outcomes: list[tuple[Mail, Outcome]] = []
        self.wants_tls = False
        self.refusal: Refusal | None = None
        self.is_over = False
        self.extensions: dict[str, str] = {}
        self.sent = 0
        self._pull = pull
        self._is_late = is_late
        self._secure = secure
        self._parser = ReplyParser()
        self._expected: deque[Callable[[Reply], bytes]] = deque([self._on_greeting])
        self._ready = False
        self._current: Mail | None = None
        self._verdict: Outcome | None = None
        self._rcpt_refused = False
        self._steps: deque[tuple[bytes, Callable[[Reply], bytes]]] = deque()
        self._dotted: Mail | None = None
        self._needs_reset = False
        self._pipelining = False
        self._max_size = 0

    # -- what happens from outside -----------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Ready, and nothing under way."""
        return self._ready and not self._expected and not self.is_over

    @property
    def is_waiting(self) -> bool:
        """Whether the server owes us a reply."""
        return bool(self._expected)

    def receive(self, data: bytes) -> bytes:
        """Take what the server said."""
        out = []
        try:
            for reply in self._parser.feed(data):
                if self.is_over:
                    break
                if not self._expected:  # 421 before the server closes an idle connection
                    raise ReplyError(f"an answer nobody asked for: {reply.code} {reply.text[:80]}")
                said = self._expected.popleft()(reply)
                if said:
                    out.append(said)
            if self._parser.failure is not None and not self.is_over:
                raise ReplyError(self._parser.failure)
        except ReplyError as error:
            self._end(str(error))
        return out[0] if len(out) == 1 else b"".join(out)

    def kick(self) -> bytes:
        """Start the next message if the connection is idle and there is one."""
        return self._next_group() if self.is_idle else b""

    def secured(self) -> bytes:
        """TLS is up; what the server said before it does not count (RFC 3207, 4.2)."""
        self.wants_tls = False
        self._secure = True
        self.extensions = {}
        return self._ask(f"EHLO {self.options.helo}\r\n".encode(), self._on_ehlo)

    def refuse_tls(self, why: str) -> None:
        """The handshake failed: wrong certificate, or no TLS at the other end."""
        self._refuse("tls", Reply(500, why))

    def quit(self) -> bytes:
        """Say good-bye if nothing is under way."""
        if not self.is_idle:
            return b""
        self._ready = False
        return self._ask(b"QUIT\r\n", self._on_quit)

    def lost(self, why: str) -> None:
        """The connection is gone; every open message gets its outcome."""
        if not self.is_over:
            self._end(why)

    # -- greeting, EHLO, TLS, AUTH -----------------------------------------------------

    def _ask(self, command: bytes, then: Callable[[Reply], bytes]) -> bytes:
        self._expected.append(then)
        return command

    def _refuse(self, stage: str, reply: Reply, *, is_permanent: bool | None = None) -> bytes:
        permanent = reply.code >= 500 if is_permanent is None else is_permanent
        self.refusal = Refusal(stage, reply.code, reply.text, permanent)
        self._end(reply.text)
        return b""

    def _on_greeting(self, reply: Reply) -> bytes:
        if reply.code != 220:
            return self._refuse("greeting", reply)
        return self._ask(f"EHLO {self.options.helo}\r\n".encode(), self._on_ehlo)

    def _on_ehlo(self, reply: Reply) -> bytes:
        if reply.code in (500, 501, 502, 504, 550):
            return self._ask(f"HELO {self.options.helo}\r\n".encode(), self._on_helo)
        if reply.code != 250:
            return self._refuse("ehlo", reply)
        for line in reply.text.split("\n")[1:]:
            name, _, value = line.partition(" ")
            self.extensions[name.upper()] = value
        return self._after_hello()

    def _on_helo(self, reply: Reply) -> bytes:
        return self._after_hello() if reply.code == 250 else self._refuse("helo", reply)

    def _after_hello(self) -> bytes:
        if self.options.starttls and not self._secure:
            if "STARTTLS" not in self.extensions:
                missing = Reply(500, "the server does not offer STARTTLS")
                return self._refuse("starttls", missing)
            return self._ask(b"STARTTLS\r\n", self._on_starttls)
        self._pipelining = "PIPELINING" in self.extensions
        size = self.extensions.get("SIZE", "")
        self._max_size = int(size) if size.isascii() and size.isdigit() else 0
        return self._authenticate() if self.options.username else self._become_ready()

    def _on_starttls(self, reply: Reply) -> bytes:
        if reply.code != 220:
            return self._refuse("starttls", reply)
        if not self._parser.is_empty:  # plain text smuggled in behind the reply
            return self._refuse("starttls", Reply(500, "data before the TLS handshake"))
        self.wants_tls = True
        return b""

    def _authenticate(self) -> bytes:
        if not self._secure and not self.options.may_auth_plain:
            insecure = Reply(500, "a password is not sent over an unencrypted connection")
            return self._refuse("auth", insecure)
        methods = self.extensions.get("AUTH", "").upper().split()
        user, password = self.options.username.encode(), self.options.password.encode()
        if "PLAIN" in methods:
            token = b64encode(b"\0" + user + b"\0" + password)
            return self._ask(b"AUTH PLAIN " + token + b"\r\n", self._on_auth)
        if "LOGIN" in methods:
            return self._ask(b"AUTH LOGIN\r\n", self._on_login_name)
        return self._refuse("auth", Reply(500, "the server offers neither AUTH PLAIN nor LOGIN"))

    def _on_login_name(self, reply: Reply) -> bytes:
        if reply.code != 334:
            return self._refuse("auth", reply)
        name = b64encode(self.options.username.encode())
        return self._ask(name + b"\r\n", self._on_login_password)

    def _on_login_password(self, reply: Reply) -> bytes:
        if reply.code != 334:
            return self._refuse("auth", reply)
        return self._ask(b64encode(self.options.password.encode()) + b"\r\n", self._on_auth)

    def _on_auth(self, reply: Reply) -> bytes:
        return self._become_ready() if reply.code == 235 else self._refuse("auth", reply)

    def _on_quit(self, reply: Reply) -> bytes:
        self._end("quit")
        return b""

    def _become_ready(self) -> bytes:
        self._ready = True
        return self._next_group()

    # -- messages ----------------------------------------------------------------------

    def _next_group(self) -> bytes:
        """The envelope of the next message, or nothing when there is none."""
        while self.sent < self.options.limit:
            mail = self._pull()
            if mail is None:
                return b""
            command = self._open(mail)
            if command:
                return command
        if self._dotted is None and not self._expected:
            return self.quit()
        return b""

    def _open(self, mail: Mail) -> bytes:
        """Begin `mail`; empty when it cannot go to this server at all (its outcome is known)."""
        try:
            start, rcpt = self._envelope(mail)
        except InputError as error:
            self._settle(mail, Outcome(OutcomeKind.PERMANENT, 0, str(error), "address"))
            return b""
        self.sent += 1
        self._current, self._verdict, self._rcpt_refused = mail, None, False
        steps = [(start, self._on_mail), (rcpt, self._on_rcpt), (b"DATA\r\n", self._on_data)]
        if self._needs_reset:
            self._needs_reset = False
            steps.insert(0, (b"RSET\r\n", self._on_reset))
        if self._pipelining:
            self._expected.extend(then for _, then in steps)
            return b"".join(command for command, _ in steps)
        self._steps = deque(steps)
        return self._next_step()

    def _next_step(self) -> bytes:
        if not self._steps:
            return b""
        command, then = self._steps.popleft()
        return self._ask(command, then)

    def _envelope(self, mail: Mail) -> tuple[bytes, bytes]:
        sender, sender_utf8 = wire_address(mail.sender) if mail.sender else ("", False)
        recipient, recipient_utf8 = wire_address(mail.recipient)
        extensions, size = self.extensions, len(mail.raw)
        options = ""
        if "SIZE" in extensions:
            if 0 < self._max_size < size:
                raise InputError(
                    f"The message has {size} bytes, the server takes {self._max_size}."
                )
            options = f" SIZE={size}"
        if sender_utf8 or recipient_utf8:
            if "SMTPUTF8" not in extensions:
                raise InputError("The server takes no addresses with letters beyond ASCII.")
            options += " SMTPUTF8"
        if not mail.raw.isascii():
            if "8BITMIME" not in extensions:
                raise InputError("The server takes no 8-bit content.")
            options += " BODY=8BITMIME"
        return f"MAIL FROM:<{sender}>{options}\r\n".encode(), f"RCPT TO:<{recipient}>\r\n".encode()

    def _on_reset(self, reply: Reply) -> bytes:
        if reply.code >= 400:
            raise ReplyError(f"RSET was refused: {reply.code} {reply.text[:80]}")
        return self._next_step()

    def _on_mail(self, reply: Reply) -> bytes:
        if reply.code >= 500 and reply.code != 552:  # about us, not about this person
            return self._refuse("mail", reply)
        return self._on_envelope(reply, "mail")

    def _on_rcpt(self, reply: Reply) -> bytes:
        self._rcpt_refused = reply.code >= 400
        return self._on_envelope(reply, "rcpt")

    def _on_envelope(self, reply: Reply, stage: str) -> bytes:
        if 300 <= reply.code < 400:
            raise ReplyError(f"an unexpected answer to {stage}: {reply.code}")
        if reply.code == 421:
            return self._close_down(reply, stage)
        if reply.code >= 400 and self._verdict is None:
            self._verdict = _classify(reply, stage)
        if self._pipelining:
            return b""
        if self._verdict is not None:
            self._steps.clear()
            return self._give_up()
        return self._next_step()

    def _on_data(self, reply: Reply) -> bytes:
        if reply.code == 421:
            return self._close_down(reply, "data")
        if reply.code == 354 and self._verdict is None:
            return self._write_body()
        if reply.code == 354 and self._rcpt_refused:
            return self._ask(b".\r\n", self._on_empty)  # to nobody (RFC 2920, 3.1)
        if reply.code < 400:
            raise ReplyError(f"an unexpected answer to DATA: {reply.code}")
        self._verdict = self._verdict or _classify(reply, "data")
        return self._give_up()

    def _on_empty(self, reply: Reply) -> bytes:
        if reply.code == 421:
            return self._close_down(reply, "data")
        return self._give_up()

    def _give_up(self) -> bytes:
        """The open message has its verdict before its content left."""
        mail, verdict = self._current, self._verdict
        assert mail is not None
        assert verdict is not None
        self._current = None
        self._needs_reset = True
        self._settle(mail, verdict)
        return self._next_group()

    def _write_body(self) -> bytes:
        mail = self._current
        assert mail is not None
        if self._is_late(mail):
            self._end("not sent within its time", stage="late")
            return b""
        self._current, self._dotted = None, mail
        body = mail.raw if mail.is_wire_form else wire_body(mail.raw)
        self._expected.append(self._on_dot)
        return b"".join((body, b".\r\n", self._next_group() if self._pipelining else b""))

    def _on_dot(self, reply: Reply) -> bytes:
        mail = self._dotted
        assert mail is not None
        self._dotted = None
        if 200 <= reply.code < 300:
            self._settle(mail, Outcome(OutcomeKind.ACCEPTED, reply.code, reply.text, "dot"))
        elif reply.code < 400:
            self._dotted = mail
            raise ReplyError(f"an unexpected answer to the message: {reply.code}")
        else:
            self._settle(mail, _classify(reply, "dot"))
        if reply.code == 421:
            return self._close_down(reply, "dot")
        return self._next_group() if not self._expected else b""

    # -- the end -----------------------------------------------------------------------

    def _settle(self, mail: Mail, outcome: Outcome) -> None:
        self.outcomes.append((mail, outcome))

    def _close_down(self, reply: Reply, stage: str) -> bytes:
        """A 421: the server goes away; what was not taken yet can be repeated elsewhere."""
        self._end(reply.text, stage=stage, code=reply.code)
        return b""

    def _end(self, why: str, *, stage: str = "connection", code: int = 0) -> None:
        self.is_over = True
        self._ready = False
        self._expected.clear()
        dotted, self._dotted = self._dotted, None
        current, self._current = self._current, None
        if dotted is not None:
            self._settle(dotted, Outcome(OutcomeKind.UNKNOWN, code, why, "dot"))
        if current is not None:
            outcome = self._verdict or Outcome(OutcomeKind.RETRY, code, why, stage, counts=False)
            self._settle(current, outcome)


def _classify(reply: Reply, stage: str) -> Outcome:
    """What an error reply means for the message."""
    kind = OutcomeKind.PERMANENT if reply.code >= 500 else OutcomeKind.RETRY
    return Outcome(kind, reply.code, reply.text, stage, counts=reply.code != 421)
