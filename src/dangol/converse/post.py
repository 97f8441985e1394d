"""The post process: takes answers in by SMTP and IMAP, and keeps the sandbox mailbox.

Nothing is acknowledged before it is committed: while the database is away, clients are told to
come again (451). Mail to an unsubscribe address is acknowledged only once the withdrawal holds.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog

from dangol.converse import imap, sandbox
from dangol.converse.group import GroupWriter
from dangol.converse.intake import Door, refresh_door, take_in
from dangol.converse.mail import LARGEST_MAIL
from dangol.converse.smtpd import Envelope, NotNow, Server, Service
from dangol.settings import Settings
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect

_LOG = structlog.get_logger(__name__)

_MOST_BYTES = 64 * 1024 * 1024
_REFRESH_SECONDS = 5.0


def run_post(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set; `settings.database_url` names the database."""
    asyncio.run(_run(settings, stop))


async def _run(settings: Settings, stop: threading.Event) -> None:
    door = Door(load_keyring(settings.keyring_path), Journal(settings.journal_dir))
    inbound = _Keeper(settings, lambda conn, rows: take_in(conn, door, rows))
    boxed = _Keeper(settings, _keep_in_sandbox)
    receiver = Service(
        name="dangol", refusal=door.refusal, keep=inbound.keep, largest=LARGEST_MAIL
    )  # fmt: skip
    box = Service(
        name="dangol-sandbox", refusal=sandbox.refusal, keep=boxed.keep, largest=sandbox.LARGEST
    )  # fmt: skip
    servers = [(Server(receiver), settings.host, settings.mail_port)]
    servers.append((Server(box), "127.0.0.1", settings.sandbox_port))
    async with AsyncExitStack() as stack:
        stack.callback(inbound.close)
        stack.callback(boxed.close)
        for server, host, port in servers:
            await server.listen(host, port)
            stack.push_async_callback(server.close)
        loops = [inbound.run(), boxed.run(), _refresh(settings, door), imap.poll(settings)]
        tasks = [asyncio.create_task(loop) for loop in loops]
        stack.push_async_callback(_cancel, tasks)
        while not stop.is_set():
            await asyncio.sleep(0.1)
            for task in tasks:
                if task.done():
                    task.result()


class _Keeper:
    """Keeps the mail of one port: groups of envelopes, one transaction each, one connection."""

    def __init__(
        self,
        settings: Settings,
        write: Callable[[psycopg.Connection, list[tuple[Envelope, datetime]]], None],
    ) -> None:
        self._dsn = settings.database_url or ""
        self._write = write
        self._conn: psycopg.Connection | None = None
        self._group: GroupWriter[tuple[Envelope, datetime]] = GroupWriter(self._flush, _MOST_BYTES)

    async def keep(self, envelope: Envelope) -> None:
        """Return when the mail is durable.

        Raises:
            NotNow: it is not; whatever the reason, the client shall come again.
        """
        row = (envelope, datetime.now(UTC))
        try:
            await self._group.write(row, len(envelope.raw))
        except Exception as error:  # the database, the journal, too much waiting
            raise NotNow(str(error)) from error

    async def run(self) -> None:
        """Write until cancelled."""
        await self._group.run()

    def close(self) -> None:
        """Let go of the database."""
        if self._conn is not None:
            self._conn.close()

    def _flush(self, rows: list[tuple[Envelope, datetime]]) -> None:
        try:
            if self._conn is None or self._conn.closed:
                self._conn = connect(self._dsn, name="post")
            self._write(self._conn, rows)
            self._conn.commit()
        except Exception:
            conn, self._conn = self._conn, None
            if conn is not None:
                conn.close()
            raise


def _keep_in_sandbox(conn: psycopg.Connection, rows: list[tuple[Envelope, datetime]]) -> None:
    sandbox.keep(conn, rows)


async def _refresh(settings: Settings, door: Door) -> None:
    """Keep the brand's own addresses known; the last known ones while the database is away."""
    while True:
        try:
            await asyncio.to_thread(refresh_door, settings.database_url or "", door)
        except psycopg.Error as error:
            _LOG.warning("addresses not read", error=str(error))
        await asyncio.sleep(_REFRESH_SECONDS)


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
