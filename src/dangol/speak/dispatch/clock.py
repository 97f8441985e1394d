"""The database's clock, read from the machine's own: every process then agrees on send-by times."""

import time
from datetime import UTC, datetime, timedelta

import psycopg

_LINUX = getattr(time, "CLOCK_BOOTTIME", None)


def passed() -> float:
    """Seconds that pass evenly whatever the clock is set to, and also while the machine sleeps.

    Python's monotonic clock stands still in sleep; a dispatcher that woke up with it would take
    messages of yesterday for messages of now.
    """
    return time.monotonic() if _LINUX is None else time.clock_gettime(_LINUX)


class DatabaseClock:
    """`now()` without a round trip: the database's time at the last reading, plus what has passed."""

    def __init__(self) -> None:
        self._read_at = passed()
        self._time = datetime.now(UTC)

    def read(self, conn: psycopg.Connection) -> datetime:
        """Ask the database. Of the time for the answer half is taken as the way back."""
        before = passed()
        row = conn.execute("select clock_timestamp()").fetchone()
        after = passed()
        assert row is not None
        self._time, self._read_at = row[0], (before + after) / 2
        return self.now()

    def now(self) -> datetime:
        """The database's time, aware UTC."""
        return self._time + timedelta(seconds=passed() - self._read_at)
