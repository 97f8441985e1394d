"""After Live, segments: who keeps them current is loaded when there is a segment to keep.

An engine without segments pays for one look at a small table.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import psycopg
import structlog

import dangol.store.arrays  # noqa: F401 (a connection knows what was loaded when it was opened)
from dangol.engine.leases import Lease
from dangol.engine.tick import Ground, Turn
from dangol.errors import DangolError
from dangol.settings import Settings
from dangol.store.sql import load_queries

if TYPE_CHECKING:
    from dangol.engine.standing.follower import Standing

SQL = load_queries(__package__)

_LONGEST_WAIT = 0.5
"""Under load, memberships follow so many seconds behind, together for several turns."""
_REST = 10.0
_log = structlog.get_logger("dangol.engine")


class Following:
    """Live's other half, on the same thread and connection."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._standing: Standing | None = None
        self._conn: psycopg.Connection | None = None
        self._followed_at = self._rest_until = 0.0

    def prepare(self, conn: psycopg.Connection, ground: Ground, now: datetime) -> Ground:
        """The ground of the next turn: it says what active segments look at."""
        if self._standing is None and self._is_awake() and _has_segments(conn):
            from dangol.engine.standing.follower import Standing

            self._standing = Standing(self._settings)
            self._try(lambda standing: standing.look(conn, now))
        if self._standing is not None and conn is not self._conn:
            self._standing.start_over()
        self._conn = conn
        listening = self._standing.listening if self._standing else None
        return replace(ground, listening=listening)

    def follow(
        self, conn: psycopg.Connection, leases: Sequence[Lease], turn: Turn, now: datetime
    ) -> bool:
        """Bring segments up to date after a turn; whether there is more to do at once.

        Raises:
            LeaseLost: another worker took over one of the partitions.
        """
        if self._standing is None:
            return False
        self._standing.hear(turn.told)
        waited = time.monotonic() - self._followed_at
        if not self._is_awake() or (turn.last_bucket is not None and waited < _LONGEST_WAIT):
            return False
        try:
            return self._try(lambda standing: standing.follow(conn, leases, now))
        finally:
            self._followed_at = time.monotonic()

    def _is_awake(self) -> bool:
        return time.monotonic() >= self._rest_until

    def _try(self, step: Callable[["Standing"], bool]) -> bool:
        """What the step says; Live goes on whatever happens to segments: what waits is still there."""
        assert self._standing is not None
        try:
            return step(self._standing)
        except (DangolError, psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception:
            _log.exception("segments cannot follow")
            self._rest_until = time.monotonic() + _REST
            return False

    def is_due(self, now: datetime) -> bool:
        """Whether there is something to do though nothing was heard; asked by another thread."""
        return self._standing is not None and self._standing.is_due(now)

    def close(self) -> None:
        """Let go of everything; all of it is found again."""
        standing, self._standing = self._standing, None
        if standing is not None:
            standing.close()


def _has_segments(conn: psycopg.Connection) -> bool:
    with conn.transaction():
        return conn.execute(SQL.has_segments).fetchone()[0]
