"""Can we get in? One connection up to the point where messages could go, and a good-bye."""

import asyncio
import ssl

from dangol.speak.channel.email.connection import SmtpConnection, SmtpTarget
from dangol.speak.channel.email.session import Refusal


async def verify_target(target: SmtpTarget) -> Refusal | None:
    """Connect, encrypt and sign in; None when the server is ready for messages."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(connection: SmtpConnection) -> None:
        if not ended.done():
            ended.set_result(None)

    try:
        async with asyncio.timeout(target.connect_seconds):
            connection = await _open(target, end)
            while not ended.done() and not connection.session.is_idle:
                await asyncio.wait([ended], timeout=0.02)
    except (OSError, ssl.SSLError, TimeoutError) as error:
        stage = "tls" if isinstance(error, ssl.SSLError) else "connect"
        return Refusal(stage, 0, str(error) or "no answer in time", False)
    session = connection.session
    if session.is_idle:
        connection.quit()
        return None
    return session.refusal or Refusal("connection", 0, "the server hung up", False)


async def _open(target: SmtpTarget, end: object) -> SmtpConnection:
    context = target.tls_context() if target.tls == "implicit" else None
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: SmtpConnection(target, lambda: None, lambda mail, outcome: None, end),
        target.host,
        target.port,
        ssl=context,
        server_hostname=target.host if context else None,
    )
    return connection
