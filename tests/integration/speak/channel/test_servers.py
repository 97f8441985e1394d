"""The pool against servers: aiosmtpd with TLS and passwords, and ones that misbehave."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvloop
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dangol.speak.channel.email.connection import SmtpTarget
from dangol.speak.channel.email.mail import Mail, Outcome, OutcomeKind
from dangol.speak.channel.email.pool import SmtpPool
from dangol.speak.channel.email.session import SessionOptions
from dangol.speak.channel.email.verify import verify_target

pytestmark = [
    pytest.mark.filterwarnings("ignore:Session.login_data"),  # aiosmtpd's own
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]
ACCEPTED, RETRY = OutcomeKind.ACCEPTED, OutcomeKind.RETRY
PERMANENT, UNKNOWN = OutcomeKind.PERMANENT, OutcomeKind.UNKNOWN


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "cert.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class Keeper:
    """Takes everything but what is sent to `full@…` and `gone@…`."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("full@"):
            return "452 4.2.2 mailbox full"
        if address.startswith("gone@"):
            return "550 5.1.1 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.taken.append(envelope)
        return "250 2.0.0 queued"


def check_password(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    given = (getattr(data, "login", b""), getattr(data, "password", b""))
    return AuthResult(success=given == (b"shop", b"secret"), handled=False)


@asynccontextmanager
async def serving(factory: Callable[[], asyncio.BaseProtocol], **tls: object) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, **tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def send_all(target: SmtpTarget, mails: list[Mail]) -> dict[str, Outcome]:
    """Send through a pool until each has an outcome; by recipient."""
    waiting, outcomes = list(mails), {}

    def done(mail: Mail, outcome: Outcome) -> None:
        assert mail.recipient not in outcomes
        outcomes[mail.recipient] = outcome

    pool = SmtpPool(target, lambda: waiting.pop(0) if waiting else None, done)
    async with asyncio.timeout(20):
        while len(outcomes) < len(mails):
            pool.tick(has_backlog=bool(waiting))
            await asyncio.sleep(0.02)
    await pool.close(1.0)
    assert pool.in_flight == 0
    return outcomes


def mails_to(*recipients: str) -> list[Mail]:
    body = b"Subject: x\r\n\r\n.a line that begins with a dot\r\n..\r\nend\r\n"
    return [Mail("news@a.kr", recipient, body) for recipient in recipients]


def run(work: Callable[[], Awaitable[None]]) -> None:
    uvloop.run(work())  # type: ignore[arg-type]


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_mail_arrives_as_it_was_written(certificate: Path, tls: str) -> None:
    keeper = Keeper()

    def smtp() -> SMTP:
        extra = {"tls_context": server_context(certificate)} if tls == "starttls" else {}
        return SMTP(
            keeper,
            hostname="sink",
            authenticator=check_password,
            auth_require_tls=False,
            auth_required=tls != "none",
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
            **extra,
        )

    async def work() -> None:
        context = server_context(certificate) if tls == "implicit" else None
        async with serving(smtp, ssl=context) as port:
            options = SessionOptions(
                starttls=tls == "starttls",
                username="" if tls == "none" else "shop",
                password="secret",
            )
            target = SmtpTarget(
                host="localhost", port=port, tls=tls, options=options, ca_file=str(certificate)
            )
            assert await verify_target(target) is None
            people = [f"u{number}@b.kr" for number in range(50)]
            mails = mails_to(*people, "full@b.kr", "gone@b.kr", "이름@한국.kr")
            outcomes = await send_all(target, mails)
            assert {outcomes[one].kind for one in people} == {ACCEPTED}
            assert outcomes["full@b.kr"].kind is RETRY
            assert outcomes["gone@b.kr"].kind is PERMANENT
            assert outcomes["gone@b.kr"].text == "5.1.1 nobody here"
            assert outcomes["이름@한국.kr"].kind is ACCEPTED

    run(work)
    arrived = sorted(envelope.rcpt_tos[0] for envelope in keeper.taken)
    assert arrived == sorted([*(f"u{n}@b.kr" for n in range(50)), "이름@xn--3e0b707e.kr"])
    assert {envelope.content for envelope in keeper.taken} == {mails_to("x@y.kr")[0].raw}


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path, tls: str) -> None:
    async def work() -> None:
        context = server_context(certificate)

        def smtp() -> SMTP:
            extra = {"tls_context": context} if tls == "starttls" else {}
            return SMTP(Keeper(), loop=asyncio.get_running_loop(), **extra)

        async with serving(smtp, ssl=context if tls == "implicit" else None) as port:
            options = SessionOptions(starttls=tls == "starttls")
            target = SmtpTarget(host="localhost", port=port, tls=tls, options=options)
            refusal = await verify_target(target)
            assert refusal is not None
            assert refusal.stage == "tls"

    run(work)


def test_a_wrong_password_is_said_so(certificate: Path) -> None:
    async def work() -> None:
        def smtp() -> SMTP:
            return SMTP(
                Keeper(),
                authenticator=check_password,
                auth_require_tls=False,
                loop=asyncio.get_running_loop(),
            )

        async with serving(smtp) as port:
            options = SessionOptions(username="shop", password="wrong", may_auth_plain=True)
            target = SmtpTarget(host="localhost", port=port, tls="none", options=options)
            refusal = await verify_target(target)
            assert refusal is not None
            assert (refusal.stage, refusal.is_permanent) == ("auth", True)

    run(work)


def test_a_server_that_is_not_there_is_said_so() -> None:
    async def work() -> None:
        async with serving(asyncio.Protocol) as port:
            pass
        refusal = await verify_target(SmtpTarget(host="127.0.0.1", port=port, tls="none"))
        assert refusal is not None
        assert refusal.stage == "connect"

    run(work)


class Hostile(asyncio.Protocol):
    """Speaks properly until message `at` reaches `stage`, then does `deed`; later ones are fine."""

    seen = 0

    def __init__(self, stage: str, deed: str) -> None:
        self.stage, self.deed = stage, deed
        self.buffer = b""
        self.in_data = False
        self.is_mute = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.say(b"220-hello\r\n220 there\r\n")

    def say(self, text: bytes) -> None:
        self.transport.write(text)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = b"\r\n.\r\n" if self.in_data else b"\r\n"
            line, mark, rest = self.buffer.partition(end)
            if not mark or self.is_mute or self.transport.is_closing():
                return
            self.buffer = rest
            self.answer("dot" if self.in_data else line[:4].decode().lower())

    def answer(self, verb: str) -> None:
        self.in_data = False
        if verb == "ehlo":
            self.say(b"250-hostile\r\n250 PIPELINING\r\n")
            return
        if verb == self.stage:
            Hostile.seen += 1
            if Hostile.seen == 2:
                self.do_it()
                return
        self.in_data = verb == "data"
        self.say(b"354 go\r\n" if self.in_data else b"250 fine\r\n")

    def do_it(self) -> None:
        deeds: dict[str, bytes] = {
            "busy": b"451 4.3.0 later\r\n",
            "no": b"554-5.7.1 we do not\r\n554 5.7.1 like you\r\n",
            "away": b"421 4.3.2 shutting down\r\n",
            "noise": b"\x00\xff what\r\n",
        }
        if self.deed in deeds:
            self.say(deeds[self.deed])
            if self.stage == "data" and self.deed in ("busy", "no"):
                return
        if self.deed in ("cut", "away"):
            self.transport.close()
        self.is_mute = self.deed == "silence"


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("deed", ["busy", "no", "away", "noise", "cut", "silence"])
def test_one_misdeed_concerns_one_message(stage: str, deed: str) -> None:
    expected = {"busy": RETRY, "no": PERMANENT, "away": RETRY}.get(deed)
    if (stage, deed) == ("mail", "no"):
        expected = RETRY  # a refused sender is nobody's fault
    if expected is None:
        expected = UNKNOWN if stage == "dot" else RETRY
    Hostile.seen = 0

    async def work() -> None:
        async with serving(lambda: Hostile(stage, deed)) as port:
            target = SmtpTarget(
                host="127.0.0.1", port=port, tls="none", max_connections=1, reply_seconds=0.2
            )
            people = [f"u{number}@b.kr" for number in range(6)]
            outcomes = await send_all(target, mails_to(*people))
            kinds = [outcomes[one].kind for one in people]
            assert kinds[1] is expected
            # the envelope of the next may be under way on the same connection
            assert set(kinds[:1] + kinds[3:]) == {ACCEPTED}
            assert kinds[2] in (ACCEPTED, RETRY)
            for one in people:
                if outcomes[one].kind is RETRY and deed != "busy":
                    assert not outcomes[one].counts

    run(work)


def test_connections_are_few_for_a_near_server_and_more_for_a_far_one() -> None:
    class Far(Hostile):
        def say(self, text: bytes) -> None:
            asyncio.get_running_loop().call_later(0.05, self.transport.write, text)

    async def work(factory: Callable[[], asyncio.BaseProtocol]) -> int:
        async with serving(factory) as port:
            waiting = mails_to(*[f"u{number}@b.kr" for number in range(600)])
            left = [len(waiting)]

            def done(mail: Mail, outcome: Outcome) -> None:
                left[0] -= 1

            target = SmtpTarget(host="127.0.0.1", port=port, tls="none", max_connections=64)
            pool = SmtpPool(target, lambda: waiting.pop(0) if waiting else None, done)
            most = 0
            while left[0]:
                pool.tick(has_backlog=bool(waiting))
                most = max(most, pool.connections)
                await asyncio.sleep(0.02)
            await pool.close(1.0)
            return most

    far = uvloop.run(work(lambda: Far("never", "cut")))
    assert far > 8
