"""The dispatcher's side of the database where messages are taken; runs on a thread of its own."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from time import monotonic

import msgspec
import psycopg

from dangol.decide.campaign.sends import WAKE_CHANNEL
from dangol.decide.guard.rules import Rules, read_rules
from dangol.errors import DangolError
from dangol.settings import Settings
from dangol.speak.channel.config import ActiveChannel, active_channel
from dangol.speak.dispatch.clock import DatabaseClock
from dangol.speak.dispatch.rendering import Renderer, Write
from dangol.speak.outbox.handoff import (
    Channel,
    Handed,
    HandOff,
    Limits,
    list_due_sends,
    release_batch,
)
from dangol.store.backup.hold import find_hold
from dangol.store.brand import read_brand
from dangol.store.keyring import Keyring
from dangol.store.pool import await_notices, connect

_REREAD_SECONDS = 2.0
_RELIST_SECONDS = 0.5
_TICK = timedelta(microseconds=1)


class Conditions(msgspec.Struct, frozen=True):
    """What the team has set, as of the last reading."""

    channel: ActiveChannel
    rules: Rules
    may_campaign: bool
    """Whether campaigns may leave: our links can be reached, or it is practice."""
    is_held: bool
    """After a restore nothing leaves before the owner confirms."""


class Taken(msgspec.Struct, frozen=True):
    """One batch with the means to write it."""

    batch: Handed
    write: Write | None
    why: str = ""
    """Why it cannot be written at all."""


class Taker:
    """Takes due messages over one connection, which it opens again when it breaks."""

    def __init__(
        self,
        settings: Settings,
        keyring: Keyring,
        dispatcher_id: str,
        clock: DatabaseClock,
        renderers: Mapping[str, Renderer],
    ) -> None:
        self._settings = settings
        self._keyring = keyring
        self._dispatcher_id = dispatcher_id
        self._clock = clock
        self._renderers = renderers
        self._hand_off = HandOff(dispatcher_id)
        self._conn: psycopg.Connection | None = None
        self._conditions: Conditions | None = None
        self._read_at = 0.0
        self._due: list[tuple[int, str]] = []
        self._listed_at = 0.0
        self._turn = 0
        self._in_doubt: tuple[int, datetime] | None = None
        self._last_handed_at: datetime | None = None

    def look(self) -> Conditions:
        """What is set now; read again every two seconds.

        Raises:
            psycopg.OperationalError: the database is away.
        """
        if self._conditions is None or monotonic() - self._read_at > _REREAD_SECONDS:
            self._conditions = self._read(self._connection())
            self._read_at = monotonic()
        return self._conditions

    def survey(self) -> tuple[bool, Conditions]:
        """Whether something may leave now, and what is set; while there is work it looks for more
        twice a second.

        Raises:
            psycopg.OperationalError: the database is away.
        """
        if not self._due or monotonic() - self._listed_at > _RELIST_SECONDS:
            self._list()
        return bool(self._due), self.look()

    def take(self, messages: int) -> list[Taken]:
        """Up to `messages` messages of the sends whose turn it is."""
        taken: list[Taken] = []
        room = messages
        for _ in range(len(self._due)):
            if room <= 0:
                break
            send_id, kind = self._due[self._turn % len(self._due)]
            batch = self._take_one(send_id, room)
            if batch is None or batch.claimed == 0:
                self._due.remove((send_id, kind))
                continue
            self._turn += 1
            room -= batch.claimed
            if len(batch):
                taken.append(self._prepare(batch))
        return taken

    def wait(self, seconds: float) -> None:
        """Sleep until somebody queues something, at most so long."""
        if await_notices(self._connection(), seconds):
            self._due = []

    def close(self) -> None:
        """Let the connection go."""
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.close()

    def _connection(self) -> psycopg.Connection:
        if self._conn is None or self._conn.broken or self._conn.closed:
            self.close()
            conn = connect(self._settings.database_url or "", name="dispatch", autocommit=True)
            conn.execute(f"listen {WAKE_CHANNEL}")
            self._clock.read(conn)
            self._conn = conn
            self._settle_doubt(conn)
        return self._conn

    def _settle_doubt(self, conn: psycopg.Connection) -> None:
        if self._in_doubt is not None:
            release_batch(conn, self._dispatcher_id, *self._in_doubt)
            self._in_doubt = None

    def _list(self) -> None:
        """What is due, then what is set: a send never leaves by a channel chosen before it."""
        conn = self._connection()
        due = list_due_sends(conn, self._clock.now())
        self._conditions = self._read(conn)
        self._read_at = self._listed_at = monotonic()
        may = self._conditions
        self._due = [
            (send_id, kind)
            for send_id, kind in due
            if not may.is_held and (may.may_campaign or kind != "campaign")
        ]

    def _take_one(self, send_id: int, room: int) -> Handed | None:
        conditions = self.look()
        conn = self._connection()
        now = self._moment()
        channel = Channel(is_practice=conditions.channel.is_practice)
        self._in_doubt = (send_id, now)
        limits = Limits(messages=room)
        try:
            batch = self._hand_off.take(conn, send_id, channel, conditions.rules, limits, now)
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            batch = None  # rolled back as a whole; its turn comes again
        self._in_doubt = None
        return batch

    def _moment(self) -> datetime:
        """Now, and never the same twice: with the dispatcher it names one hand-off."""
        now = self._clock.now()
        if self._last_handed_at is not None and now <= self._last_handed_at:
            now = self._last_handed_at + _TICK
        self._last_handed_at = now
        return now

    def _prepare(self, batch: Handed) -> Taken:
        renderer = self._renderers.get(batch.send.kind)
        if renderer is None:
            return Taken(batch, None, f"nothing here writes messages of kind {batch.send.kind}")
        try:
            return Taken(batch, renderer(self._connection(), batch))
        except DangolError as error:
            return Taken(batch, None, str(error))

    def _read(self, conn: psycopg.Connection) -> Conditions:
        channel = active_channel(conn, self._keyring, self._settings)
        brand = read_brand(conn)
        return Conditions(
            channel=channel,
            rules=read_rules(conn),
            may_campaign=channel.is_practice or brand.public_url_verified_at is not None,
            is_held=find_hold(conn) is not None,
        )
