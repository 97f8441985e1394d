"""What the worker keeps between two questions: a copy of what is current, renewed by what changed.

A renewal fetches only what is new since the last. In a small shop that takes milliseconds, and a
question after a second waits for it. With a million customers it takes longer: there, questions
are answered as of the last renewal while the next runs beside it, until that is ten times as old
as a renewal takes, or a minute. An answer sees one instant throughout, and says as of when it is
true.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import duckdb
import msgspec

from dangol.engine.query.counts import Counts
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.lake import Follower, Snapshot, open_duckdb
from dangol.store.lake.soundness import naming_damage
from dangol.store.pool import connect

FRESH_S = 1.0
"""A view is used again for so long without a second thought."""
CALM = 3.0
"""The next is begun when a snapshot is so many times older than a load takes: loading and answering
share the processors, and what was counted over a snapshot goes with it."""
PATIENCE = 10.0
"""A view so many times older than a renewal takes is not used any more: the question waits."""
OLDEST_S = 60.0
"""No answer is older."""
RELOAD_S = 600.0
"""Everything is loaded anew so often: DuckDB keeps the memory of rows that renewals replaced."""


class AsOf(msgspec.Struct, frozen=True):
    """A snapshot, the instant it shows and the brand's zone, and what was counted over it."""

    snapshot: Snapshot
    now: datetime
    zone: str
    counts: Counts


class _Kept(msgspec.Struct, frozen=True):
    duck: duckdb.DuckDBPyConnection
    follower: Follower
    until_s: float


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
        self._kept: _Kept | None = None
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
        age_s, took_s = self._held.age_s, self._held.took_s
        if age_s > FRESH_S:
            if age_s > min(OLDEST_S, PATIENCE * took_s):
                self._take_next()
            elif age_s > CALM * took_s:
                self._begin_next()
        return self._held.as_of

    def interrupt(self) -> None:
        """End the running query; called from another thread."""
        with self._lock:
            if self._held is not None:
                self._held.as_of.snapshot.duck.interrupt()

    def find_damage(self, error: Exception) -> Exception:
        """`error`, or the damaged file that it came of."""
        if self._held is None:
            return error
        try:
            with naming_damage(self.settings.lake_dir, self._held.as_of.snapshot.files):
                raise error
        except Exception as named:
            return named

    def turn(self) -> None:
        """Let go of the present view, which an interrupted or refused question may have spoiled."""
        self._hold(None)

    def cool(self) -> None:
        """Let go of everything that is kept."""
        upcoming, self._next = self._next, None
        if upcoming is not None and not upcoming.cancel() and upcoming.exception() is None:
            upcoming.result().stack.close()
        self._hold(None)
        self._leave()

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
        try:
            renewed = self._follow().renew()
        except BaseException:
            self._leave()
            raise
        with ExitStack() as stack:
            view = stack.enter_context(renewed.pinned())
            now = datetime.now(UTC)  # after the renewal: nothing that is in it lies in the future
            as_of = AsOf(view, now, zone, Counts(view, now, zone, self.dsn))
            return _Loaded(as_of, stack.pop_all(), started, time.monotonic() - started)

    def _follow(self) -> Follower:
        """The copy that is renewed; a new one now and then. A view of the old one stays usable."""
        if self._kept is not None and time.monotonic() > self._kept.until_s:
            self._leave()
        if self._kept is None:
            duck = open_duckdb(self.settings)
            follower = Follower(duck, self.settings, self.dsn)
            self._kept = _Kept(duck, follower, time.monotonic() + RELOAD_S)
        return self._kept.follower

    def _leave(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.duck.close()


@contextmanager
def warmed(settings: Settings) -> Iterator[Warm]:
    """What answers need, for one question outside the worker."""
    warm = Warm(settings)
    try:
        yield warm
    finally:
        warm.close()
