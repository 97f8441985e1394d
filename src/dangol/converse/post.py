"""The post process: takes answers in by SMTP and IMAP, and keeps the sandbox mailbox.

Nothing is acknowledged before it is committed: while the database is away, clients are told to
come again (451). Mail to an unsubscribe address is acknowledged only once the withdrawal holds.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
import structlog
import uvloop

from dangol.converse import boxing, imap
from dangol.converse.group import GroupWriter
from dangol.converse.intake import Door, take_in
from dangol.converse.mail import LARGEST_MAIL
from dangol.converse.smtpd import Envelope, NotNow, Server, Service
from dangol.converse.thread import wake_unsent
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect

_LOG = structlog.get_logger(__name__)

Arrived = tuple[Envelope, datetime]
Write = Callable[[psycopg.Connection, list[Arrived]], None]
Result = TypeVar("Result")

_MOST_BYTES = 64 * 1024 * 1024
_REFRESH_SECONDS = 5.0


def run_post(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set; `settings.database_url` names the database."""
    uvloop.run(_run(settings, stop))


async def _run(settings: Settings, stop: threading.Event) -> None:
    door = Door(load_keyring(settings.keyring_path), Journal(settings.journal_dir))
    held = _Held(settings.database_url or "")
    inbound = _Keeper(settings, lambda conn, rows: take_in(conn, door, rows))
    boxed = _Keeper(settings, boxing.keep)
    receiver = Service(
        name="dangol", refusal=door.refusal, keep=inbound.keep, largest=LARGEST_MAIL
    )  # fmt: skip
    box = Service(
        name="dangol-sandbox", refusal=boxing.refusal, keep=boxed.keep, largest=boxing.LARGEST
    )  # fmt: skip
    servers = [(Server(receiver), settings.host, settings.mail_port)]
    servers.append((Server(box), "127.0.0.1", settings.sandbox_port))
    async with AsyncExitStack() as stack:
        stack.callback(held.close)
        stack.callback(inbound.close)
        stack.callback(boxed.close)
        for server, host, port in servers:
            await server.listen(host, port)
            stack.push_async_callback(server.close)
        ending = asyncio.create_task(asyncio.to_thread(stop.wait))
        loops = [inbound.run(), boxed.run(), _look_after(held, door), imap.poll(settings, held.use)]
        tasks = [asyncio.create_task(loop) for loop in loops]
        stack.push_async_callback(_cancel, tasks)
        stack.callback(stop.set)  # or its thread would wait for ever
        done, _ = await asyncio.wait([ending, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


class _Held:
    """One connection that is kept open, and opened anew after an error."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._conn: psycopg.Connection | None = None
        self._lock = threading.Lock()
        self._is_over = False

    def use(self, work: Callable[[psycopg.Connection], Result]) -> Result:
        """What `work` returns, after the commit; on an error nothing of it is kept."""
        with self._lock:
            if self._is_over:
                raise psycopg.InterfaceError("the post process is stopping")
            try:
                if self._conn is None or self._conn.closed:
                    self._conn = connect(self._dsn, name="post")
                result = work(self._conn)
                self._conn.commit()
            except Exception:
                self._let_go()
                raise
            return result

    def close(self) -> None:
        """Wait for what is under way, and let go of the database for good."""
        with self._lock:
            self._is_over = True
            self._let_go()

    def _let_go(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.close()


class _Keeper:
    """Keeps the mail of one port: groups of envelopes, one transaction each."""

    def __init__(self, settings: Settings, write: Write) -> None:
        self._held = _Held(settings.database_url or "")
        self._group: GroupWriter[Arrived] = GroupWriter(
            lambda rows: self._held.use(lambda conn: write(conn, rows)), _MOST_BYTES
        )
        self.run = self._group.run
        self.close = self._held.close

    async def keep(self, envelope: Envelope) -> None:
        """Return when the mail is durable.

        Raises:
            NotNow: it is not; whatever the reason, the client shall come again.
        """
        arrived = (envelope, datetime.now(UTC))
        try:
            await self._group.write(arrived, len(envelope.raw))
        except Exception as error:  # the database, the journal, too much waiting
            raise NotNow(str(error)) from error


async def _look_after(held: _Held, door: Door) -> None:
    """Keep the brand's own addresses known, and unsent answers before the team.

    While the database is away the last known addresses hold.
    """

    def look(conn: psycopg.Connection) -> None:
        door.learn(read_brand(conn))
        wake_unsent(conn, datetime.now(UTC))

    while True:
        try:
            await asyncio.to_thread(held.use, look)
        except psycopg.Error as error:
            _LOG.warning("addresses not read", error=str(error))
        await asyncio.sleep(_REFRESH_SECONDS)


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
