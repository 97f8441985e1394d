"""What the worker keeps between two questions: a snapshot, as long as it is fresh enough.

Loading every customer takes milliseconds in a small shop and seconds with a million. A snapshot is
used again for one second, or for three times as long as it took to load; every answer says as of
when it is true.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import msgspec

from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.lake import Snapshot, snapshot
from dangol.store.pool import connect


class AsOf(msgspec.Struct, frozen=True):
    """A snapshot, the instant it shows and the brand's zone."""

    snapshot: Snapshot
    now: datetime
    zone: str


class Warm:
    """One installation's data for questions; used by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._held: AsOf | None = None
        self._stack = ExitStack()
        self._good_until = 0.0
        self._lock = threading.Lock()

    @property
    def dsn(self) -> str:
        """Where the database is."""
        return self.settings.database_url or ""

    def as_of(self) -> AsOf:
        """Everything known, as of a moment ago at most."""
        if self._held is None or time.monotonic() > self._good_until:
            self.cool()
            self._held = self._load()
        return self._held

    def interrupt(self) -> None:
        """End the running query; called from another thread."""
        with self._lock:
            if self._held is not None:
                self._held.snapshot.duck.interrupt()

    def cool(self) -> None:
        """Let go of what is kept."""
        with self._lock:
            self._held = None
        self._stack.close()

    def _load(self) -> AsOf:
        started = time.monotonic()
        with connect(self.dsn, name="query") as conn:
            zone = read_brand(conn).zone
        opened = self._stack.enter_context(snapshot(self.settings, self.dsn))
        now = datetime.now(UTC)  # after the snapshot: nothing that is in it lies in the future
        took = time.monotonic() - started
        self._good_until = time.monotonic() + max(1.0, 3 * took)
        return AsOf(opened, now, zone)


@contextmanager
def warmed(settings: Settings) -> Iterator[Warm]:
    """What answers need, for one question outside the worker."""
    warm = Warm(settings)
    try:
        yield warm
    finally:
        warm.cool()
