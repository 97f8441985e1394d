"""The database's clock, read from the machine's own: every process then agrees on send-by times."""

from datetime import UTC, datetime, timedelta
from time import monotonic

import psycopg


class DatabaseClock:
    """`now()` without a round trip: the database's time at the last reading, plus what has passed."""

    def __init__(self) -> None:
        self._read_at = monotonic()
        self._time = datetime.now(UTC)

    def read(self, conn: psycopg.Connection) -> datetime:
        """Ask the database. Of the time for the answer half is taken as the way back."""
        before = monotonic()
        row = conn.execute("select clock_timestamp()").fetchone()
        after = monotonic()
        assert row is not None
        self._time, self._read_at = row[0], (before + after) / 2
        return self.now()

    def now(self) -> datetime:
        """The database's time, aware UTC."""
        return self._time + timedelta(seconds=monotonic() - self._read_at)
