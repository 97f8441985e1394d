"""The SMTP session against scripted servers: whatever they say, in whatever pieces it arrives."""

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.errors import InputError
from dangol.speak.channel.email.mail import (
    Mail,
    Outcome,
    OutcomeKind,
    wire_address,
    wire_body,
)
from dangol.speak.channel.email.reply import Reply, ReplyParser
from dangol.speak.channel.email.session import SessionOptions, SmtpSession

PERMANENT, RETRY = OutcomeKind.PERMANENT, OutcomeKind.RETRY
ACCEPTED, UNKNOWN = OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN


class Script(NamedTuple):
    """How the server treats one message."""

    mail: int = 250
    rcpt: int = 250
    data: int = 354
    dot: int = 250


class ScriptedServer:
    """A strict server: commands out of order are errors, content has no bare line ends."""

    def __init__(self, scripts: list[Script], extensions: list[str], cut_after: int | None) -> None:
        self.scripts = scripts
        self.extensions = extensions
        self.cut_after = cut_after
        self.replies = 0
        self.mails = 0
        self.taken: list[tuple[str, bytes]] = []
        self.answered_dots: list[int] = []
        self.dots = 0
        self.is_cut = False
        self._buffer = b""
        self._in_data = False
        self._in_mail = False
        self._recipient: str | None = None
        self.said = b""
        self._say(220, "hello")

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while not self.is_cut and self._step():
            pass

    def _say(self, code: int, *lines: str) -> None:
        if self.cut_after is not None and self.replies >= self.cut_after:
            self.is_cut = True
            return
        self.replies += 1
        texts = lines or ("text",)
        for text in texts[:-1]:
            self.said += f"{code}-{text}\r\n".encode()
        self.said += f"{code} {texts[-1]}\r\n".encode()
        if code == 421:
            self.is_cut = True

    def _step(self) -> bool:
        end = b"\r\n.\r\n" if self._in_data else b"\r\n"
        if self._in_data and self._buffer.startswith(b".\r\n"):
            content, self._buffer = b"", self._buffer[3:]
        else:
            found, mark, rest = self._buffer.partition(end)
            if not mark:
                return False
            content, self._buffer = found, rest
        self._content(content) if self._in_data else self._command(content.decode())
        return True

    def _content(self, content: bytes) -> None:
        self._in_data = False
        self._in_mail = False
        if self._recipient is None:
            self._say(554, "no recipient")
            return
        assert b"\n" not in content.replace(b"\r\n", b"")
        assert b"\r" not in content.replace(b"\r\n", b"")
        self.dots += 1
        code = self.scripts[self.mails - 1].dot
        before = self.replies
        self._say(code, "first line", "2.0.0 last line")
        if self.replies > before:
            self.answered_dots.append(code)
            if code == 250:
                self.taken.append((self._recipient, content.replace(b"\r\n..", b"\r\n.")))

    def _command(self, line: str) -> None:
        verb = line[:4].upper()
        script = self.scripts[min(self.mails, len(self.scripts) - 1)]
        if verb == "EHLO":
            self._say(250, "server", *self.extensions)
        elif verb == "RSET":
            self._in_mail, self._recipient = False, None
            self._say(250)
        elif verb == "MAIL":
            assert not self._in_mail, "nested MAIL"
            self.mails += 1
            script = self.scripts[self.mails - 1]
            self._in_mail = script.mail == 250
            self._recipient = None
            self._say(script.mail)
        elif verb == "RCPT":
            script = self.scripts[self.mails - 1]
            if not self._in_mail:
                self._say(503, "MAIL first")
                return
            if script.rcpt == 250:
                self._recipient = line[line.index("<") + 1 : line.index(">")]
            self._say(script.rcpt)
        elif verb == "DATA":
            script = self.scripts[self.mails - 1]
            if not self._in_mail or (self._recipient is None and script.data != 354):
                self._say(503, "RCPT first")
                return
            self._in_data = script.data == 354
            self._say(script.data)
        elif verb == "QUIT":
            self._say(221)
            self.is_cut = True
        else:
            raise AssertionError(line)


def converse(
    server: ScriptedServer, mails: list[Mail], pieces: list[int], limit: int = 1000
) -> list[tuple[Mail, Outcome]]:
    """Let a session send `mails`, the server's words arriving in pieces of these sizes."""
    waiting = list(mails)
    session = SmtpSession(SessionOptions(limit=limit), lambda: waiting.pop(0) if waiting else None)
    sizes = iter(pieces)
    while not session.is_over:
        if server.said:
            size = next(sizes, 65536)
            piece, server.said = server.said[:size], server.said[size:]
            server.feed(session.receive(piece))
        elif server.is_cut:
            session.lost("cut")
        elif session.is_idle:
            out = session.kick() or session.quit()
            server.feed(out)
        else:
            raise AssertionError("both wait for each other")
    assert len(session.outcomes) + len(waiting) == len(mails)
    return session.outcomes


def expected(script: Script) -> OutcomeKind:
    for code in script:
        if code >= 500:
            return PERMANENT
        if code >= 400:
            return RETRY
    return ACCEPTED


CODES = st.sampled_from([250, 250, 250, 450, 451, 550, 552])
OF_SENDER = st.sampled_from([250, 250, 250, 450, 451, 552])
SCRIPTS = st.builds(
    Script, OF_SENDER, CODES, st.sampled_from([354, 354, 354, 451, 554]), CODES | st.just(421)
)
BODIES = st.lists(
    st.sampled_from([b".", b"..", b"a", b"\r\n", b"\r\n.\r\n", b"\n", b"\r", "말".encode()]),
    max_size=12,
).map(b"".join)
EXTENSIONS = st.lists(st.sampled_from(["PIPELINING", "8BITMIME", "SIZE 1000", "DSN"]), unique=True)
PIECES = st.lists(st.integers(1, 40), max_size=200)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(SCRIPTS, BODIES), min_size=1, max_size=6),
    EXTENSIONS,
    PIECES,
    st.none() | st.integers(1, 30),
    st.integers(1, 7),
)
def test_every_message_gets_the_outcome_that_the_server_gave_it(
    messages: list[tuple[Script, bytes]],
    extensions: list[str],
    pieces: list[int],
    cut_after: int | None,
    limit: int,
) -> None:
    if "8BITMIME" not in extensions:
        messages = [(script, body.replace("말".encode(), b"x")) for script, body in messages]
    mails = [Mail("from@a.kr", f"u{i}@b.kr", body, i) for i, (_, body) in enumerate(messages)]
    server = ScriptedServer([script for script, _ in messages], extensions, cut_after)
    outcomes = converse(server, mails, pieces, limit)
    assert [mail for mail, _ in outcomes] == mails[: len(outcomes)], "in order, each once"
    kinds = [outcome.kind for _, outcome in outcomes]
    taken = [recipient for recipient, _ in server.taken]
    assert [m.recipient for m, o in outcomes if o.kind is ACCEPTED] == taken
    assert kinds.count(UNKNOWN) == server.dots - len(server.answered_dots)
    for mail, outcome in outcomes:
        if outcome.kind is UNKNOWN:
            assert mail.recipient not in taken
        elif outcome.counts and outcome.kind is not ACCEPTED:
            assert outcome.kind is expected(messages[mail.tag][0])
    if cut_after is None and len(messages) <= limit and all(s.dot != 421 for s, _ in messages):
        assert kinds == [expected(script) for script, _ in messages]


@settings(deadline=None)
@given(st.lists(st.tuples(SCRIPTS, BODIES), min_size=1, max_size=4), EXTENSIONS, PIECES)
def test_pieces_make_no_difference(
    messages: list[tuple[Script, bytes]], extensions: list[str], pieces: list[int]
) -> None:
    messages = [(script, body.replace("말".encode(), b"x")) for script, body in messages]
    mails = [Mail("from@a.kr", f"u{i}@b.kr", body, i) for i, (_, body) in enumerate(messages)]
    scripts = [script for script, _ in messages]
    whole = converse(ScriptedServer(scripts, extensions, None), mails, [])
    assert converse(ScriptedServer(scripts, extensions, None), mails, pieces) == whole


def test_with_pipelining_the_next_envelope_leaves_with_the_body() -> None:
    waiting = [Mail("f@a.kr", f"u{i}@b.kr", b"x", i) for i in range(2)]
    session = SmtpSession(SessionOptions(), lambda: waiting.pop(0) if waiting else None)
    session.receive(b"220 hi\r\n")
    first = session.receive(b"250-hi\r\n250 PIPELINING\r\n")
    assert first == b"MAIL FROM:<f@a.kr>\r\nRCPT TO:<u0@b.kr>\r\nDATA\r\n"
    second = session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert second == b"x\r\n.\r\nMAIL FROM:<f@a.kr>\r\nRCPT TO:<u1@b.kr>\r\nDATA\r\n"


@pytest.mark.parametrize("code", [530, 550, 553])
def test_a_refused_sender_condemns_no_reader(code: int) -> None:
    waiting = [Mail("f@a.kr", f"u{i}@b.kr", b"x", i) for i in range(3)]
    session = SmtpSession(SessionOptions(), lambda: waiting.pop(0) if waiting else None)
    session.receive(b"220 hi\r\n")
    session.receive(b"250-hi\r\n250 PIPELINING\r\n")
    session.receive(f"{code} we do not know you\r\n503 no\r\n503 no\r\n".encode())
    assert session.is_over
    assert session.refusal is not None
    assert (session.refusal.stage, session.refusal.code) == ("mail", code)
    assert [(m.tag, o.kind, o.counts) for m, o in session.outcomes] == [(0, RETRY, False)]
    assert len(waiting) == 2


def test_without_pipelining_one_command_at_a_time() -> None:
    waiting = [Mail("f@a.kr", "u@b.kr", b"x")]
    session = SmtpSession(SessionOptions(), lambda: waiting.pop(0) if waiting else None)
    session.receive(b"220 hi\r\n")
    assert session.receive(b"500 no EHLO here\r\n") == b"HELO localhost\r\n"
    assert session.receive(b"250 hi\r\n") == b"MAIL FROM:<f@a.kr>\r\n"
    assert session.receive(b"250 ok\r\n") == b"RCPT TO:<u@b.kr>\r\n"
    assert session.receive(b"250 ok\r\n") == b"DATA\r\n"
    assert session.receive(b"354 go\r\n") == b"x\r\n.\r\n"


@pytest.mark.parametrize("noise", [b"hello\r\n", b"2500 x\r\n", b"250-a\r\n550 b\r\n", b"\xff\r\n"])
def test_noise_after_the_dot_leaves_it_unknown_and_before_it_open(noise: bytes) -> None:
    mails = [Mail("f@a.kr", f"u{i}@b.kr", b"x", i) for i in range(2)]
    waiting = list(mails)
    session = SmtpSession(SessionOptions(), lambda: waiting.pop(0) if waiting else None)
    session.receive(b"220 hi\r\n")
    session.receive(b"250-hi\r\n250 PIPELINING\r\n")
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    session.receive(noise)
    assert session.is_over
    assert [(m.tag, o.kind) for m, o in session.outcomes] == [(0, UNKNOWN), (1, RETRY)]
    assert not session.outcomes[1][1].counts


def test_what_was_answered_before_the_noise_counts() -> None:
    mails = [Mail("f@a.kr", f"u{i}@b.kr", b"x", i) for i in range(2)]
    waiting = list(mails)
    session = SmtpSession(SessionOptions(), lambda: waiting.pop(0) if waiting else None)
    session.receive(b"220 hi\r\n")
    session.receive(b"250-hi\r\n250 PIPELINING\r\n")
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    session.receive(b"250 taken\r\n\x00what\r\n250 ok\r\n")
    assert session.is_over
    assert [(m.tag, o.kind) for m, o in session.outcomes] == [(0, ACCEPTED), (1, RETRY)]


def open_with(
    options: SessionOptions, greeting: list[bytes], *, secure: bool = False
) -> SmtpSession:
    session = SmtpSession(options, lambda: None, secure=secure)
    for piece in greeting:
        session.receive(piece)
    return session


def test_a_password_never_leaves_in_the_clear() -> None:
    options = SessionOptions(username="u", password="p")
    session = open_with(options, [b"220 hi\r\n", b"250-hi\r\n250 AUTH PLAIN LOGIN\r\n"])
    assert session.refusal is not None
    assert session.refusal.stage == "auth"
    assert session.refusal.is_permanent


def test_no_starttls_no_mail() -> None:
    session = open_with(SessionOptions(starttls=True), [b"220 hi\r\n", b"250 hi\r\n"])
    assert session.refusal is not None
    assert session.refusal.stage == "starttls"


def test_what_is_said_before_the_handshake_does_not_count() -> None:
    options = SessionOptions(starttls=True)
    hello = [b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n"]
    injected = open_with(options, [*hello, b"220 go\r\n250 smuggled"])
    assert injected.refusal is not None
    session = open_with(options, [*hello, b"220 go\r\n"])
    assert session.wants_tls
    assert session.secured() == b"EHLO localhost\r\n"
    assert session.extensions == {}


def test_both_ways_to_sign_in() -> None:
    options = SessionOptions(username="u", password="p")
    plain = SmtpSession(options, lambda: None, secure=True)
    plain.receive(b"220 hi\r\n")
    assert plain.receive(b"250-hi\r\n250 AUTH PLAIN\r\n") == b"AUTH PLAIN AHUAcA==\r\n"
    plain.receive(b"235 in\r\n")
    assert plain.is_idle
    login = SmtpSession(options, lambda: None, secure=True)
    login.receive(b"220 hi\r\n")
    assert login.receive(b"250-hi\r\n250 AUTH LOGIN\r\n") == b"AUTH LOGIN\r\n"
    assert login.receive(b"334 VXNlcm5hbWU6\r\n") == b"dQ==\r\n"
    assert login.receive(b"334 UGFzc3dvcmQ6\r\n") == b"cA==\r\n"
    login.receive(b"535 no\r\n")
    assert login.refusal is not None
    assert login.refusal.is_permanent


def test_what_a_server_cannot_take_fails_alone() -> None:
    good = Mail("f@a.kr", "u@b.kr", b"x")
    waiting = [
        Mail("f@a.kr", "u@b.kr>\r\nRCPT TO:<x@y.kr", b"x"),
        Mail("f@a.kr", "이름@b.kr", b"x"),
        Mail("f@a.kr", "u@b.kr", "말".encode()),
        Mail("f@a.kr", "u@b.kr", b"x" * 101),
        good,
    ]
    session = SmtpSession(SessionOptions(), lambda: waiting.pop(0) if waiting else None)
    session.receive(b"220 hi\r\n")
    out = session.receive(b"250-hi\r\n250-PIPELINING\r\n250 SIZE 100\r\n")
    assert out == b"MAIL FROM:<f@a.kr> SIZE=1\r\nRCPT TO:<u@b.kr>\r\nDATA\r\n"
    assert [outcome.kind for _, outcome in session.outcomes] == [PERMANENT] * 4


def test_international_addresses() -> None:
    assert wire_address("u@한국.kr") == ("u@xn--3e0b707e.kr", False)
    assert wire_address("이름@한국.kr") == ("이름@xn--3e0b707e.kr", True)
    for bad in ("", "u", "@b.kr", "u@", "a b@c.kr", "a\n@b.kr", "a@b@c.kr>", '"q"@b.kr'):
        with pytest.raises(InputError):
            wire_address(bad)


@settings(deadline=None)
@given(BODIES)
def test_a_body_on_the_wire_ends_once_and_reads_back(body: bytes) -> None:
    wire = wire_body(body)
    assert wire.endswith(b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + wire
    assert wire.count(b"\n") == wire.count(b"\r") == wire.count(b"\r\n")
    read = b"\r\n".join(line.removeprefix(b".") for line in wire.split(b"\r\n"))
    plain = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    assert read.removesuffix(b"\r\n") == plain.removesuffix(b"\r\n")


def test_a_reply_without_end_is_refused() -> None:
    for endless in ((b"250-" + b"x" * 100 + b"\r\n") * 10_000, b"250 " + b"x" * 70_000):
        parser = ReplyParser()
        assert parser.feed(b"220 hi\r\n" + endless) == [Reply(220, "hi")]
        assert parser.failure == "the reply is too long"
