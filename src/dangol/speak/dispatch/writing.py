"""The dispatcher's side of the database where results are written; runs on a thread of its own."""

import socket
from collections.abc import Sequence
from datetime import timedelta

import psycopg

from dangol.settings import Settings
from dangol.speak.dispatch.clock import DatabaseClock
from dangol.speak.outbox.results import Result, record_results
from dangol.speak.outbox.sweep import beat, forget_taken, leave, silence_cancelled, sweep
from dangol.store.pool import connect

_SWEEP_EVERY = timedelta(seconds=2)


class Writer:
    """Writes over one connection, which it opens again when it breaks. Redoing is harmless."""

    def __init__(self, settings: Settings, dispatcher_id: str, clock: DatabaseClock) -> None:
        self._settings = settings
        self._dispatcher_id = dispatcher_id
        self._clock = clock
        self._conn: psycopg.Connection | None = None
        self._swept_at = clock.now() - _SWEEP_EVERY

    def record(self, results: Sequence[Result]) -> None:
        """Write results, each at most once.

        Raises:
            psycopg.Error: the database is away, or somebody was in the way; call it again.
        """
        conn = self._connection()
        with conn.pipeline():
            record_results(conn, self._dispatcher_id, results, self._clock.now())
            conn.execute("notify inbox")

    def beat(self, status: dict[str, object]) -> None:
        """Say that we live, and look after what others left."""
        conn = self._connection()
        now = self._clock.read(conn)
        beat(conn, self._dispatcher_id, socket.gethostname(), status, now)
        if now - self._swept_at >= _SWEEP_EVERY:
            self._swept_at = now
            with conn.transaction():
                sweep(conn, now)
            silence_cancelled(conn, now)
            forget_taken(conn, now)

    def leave(self) -> None:
        """Say good-bye; only when nothing is open."""
        leave(self._connection(), self._dispatcher_id)

    def close(self) -> None:
        """Let the connection go."""
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.close()

    def _connection(self) -> psycopg.Connection:
        if self._conn is None or self._conn.broken or self._conn.closed:
            self.close()
            self._conn = connect(
                self._settings.database_url or "", name="dispatch results", autocommit=True
            )
        return self._conn
