"""What the worker keeps between two questions: a snapshot, as long as it is fresh enough.

Loading every customer takes milliseconds in a small shop: there, a question after a second gets a
new snapshot. With a million it takes seconds: there, questions are answered from the last one
while the next is loaded beside it, until it is ten times as old as a load takes, or a minute.
Every answer says as of when it is true.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import msgspec

from dangol.engine.query.counts import Counts
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.lake import Snapshot, snapshot
from dangol.store.pool import connect

FRESH_S = 1.0
"""A snapshot is used again for so long without a second thought."""
PATIENCE = 10.0
"""A snapshot so many times older than a load takes is not used any more: the question waits."""
OLDEST_S = 60.0
"""No answer is older."""


class AsOf(msgspec.Struct, frozen=True):
    """A snapshot, the instant it shows and the brand's zone, and what was counted over it."""

    snapshot: Snapshot
    now: datetime
    zone: str
    counts: Counts


class _Loaded(msgspec.Struct, frozen=True):
    as_of: AsOf
    stack: ExitStack
    at_s: float
    took_s: float

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.at_s


class Warm:
    """One installation's data for questions; asked by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._held: _Loaded | None = None
        self._next: Future[_Loaded] | None = None
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._lock = threading.Lock()

    @property
    def dsn(self) -> str:
        """Where the database is."""
        return self.settings.database_url or ""

    def as_of(self) -> AsOf:
        """Everything known, as of a moment ago; see the module for how long a moment is."""
        if self._held is None or (self._next is not None and self._next.done()):
            self._take_next()
        assert self._held is not None
        if self._held.age_s > FRESH_S:
            self._begin_next()
            if self._held.age_s > min(OLDEST_S, PATIENCE * self._held.took_s):
                self._take_next()
        return self._held.as_of

    def interrupt(self) -> None:
        """End the running query; called from another thread."""
        with self._lock:
            if self._held is not None:
                self._held.as_of.snapshot.duck.interrupt()

    def cool(self) -> None:
        """Let go of what is kept."""
        upcoming, self._next = self._next, None
        if upcoming is not None and not upcoming.cancel() and upcoming.exception() is None:
            upcoming.result().stack.close()
        self._hold(None)

    def close(self) -> None:
        """Let go of everything, for good."""
        self.cool()
        self._loader.shutdown()

    def _begin_next(self) -> None:
        if self._next is None:
            self._next = self._loader.submit(self._load)

    def _take_next(self) -> None:
        """Wait for the next snapshot and use it from now on."""
        self._begin_next()
        upcoming, self._next = self._next, None
        assert upcoming is not None
        self._hold(upcoming.result())

    def _hold(self, loaded: _Loaded | None) -> None:
        with self._lock:
            before, self._held = self._held, loaded
        if before is not None:
            before.stack.close()

    def _load(self) -> _Loaded:
        started = time.monotonic()
        with connect(self.dsn, name="query") as conn:
            zone = read_brand(conn).zone
        with ExitStack() as stack:
            opened = stack.enter_context(snapshot(self.settings, self.dsn))
            now = datetime.now(UTC)  # after the snapshot: nothing that is in it lies in the future
            as_of = AsOf(opened, now, zone, Counts(opened, now, zone))
            return _Loaded(as_of, stack.pop_all(), started, time.monotonic() - started)


@contextmanager
def warmed(settings: Settings) -> Iterator[Warm]:
    """What answers need, for one question outside the worker."""
    warm = Warm(settings)
    try:
        yield warm
    finally:
        warm.close()
