"""One dispatcher: an event loop full of sockets, and two threads that talk to the database.

    Taker (thread) ──handed──▶ Feed ──mail──▶ SmtpPool ──▶ provider
    Writer (thread) ◀─results── Feed ◀─outcome─┘

Never more is taken than about a second of what the provider was measured to take: what a crash leaves
`uncertain` is bounded by that.
"""

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TypeVar
from uuid import uuid4

import psycopg
import structlog
import uvloop

from dangol.settings import Settings
from dangol.speak.channel.config import ActiveChannel
from dangol.speak.channel.email.mail import Mail, Outcome
from dangol.speak.channel.email.pool import SmtpPool
from dangol.speak.dispatch.clock import DatabaseClock
from dangol.speak.dispatch.feed import Feed
from dangol.speak.dispatch.pace import RateMeter, TokenBucket
from dangol.speak.dispatch.rendering import Renderer, renderers_for
from dangol.speak.dispatch.taking import Taken, Taker
from dangol.speak.dispatch.writing import Writer
from dangol.store.keyring import load_keyring

_log = structlog.get_logger("dispatch")
T = TypeVar("T")

_FIRST_RATE = 400.0
_LEAST_AHEAD = 20
MOST_AHEAD = 2000
"""Messages handed over and not yet answered; what one crash may leave uncertain."""
_AHEAD_SECONDS = 0.5
"""How much is handed over ahead, in seconds of the measured rate, waiting and under way together."""
_REFILLS = 4
"""In so many parts the waiting messages are taken: the rest bridges the time that a hand-off takes."""
_IDLE_SECONDS = 2.0
"""An idle dispatcher looks so often, whether or not it was told of something."""
_BEAT_SECONDS, _IDLE_BEAT_SECONDS = 1.0, 5.0
_REST_SECONDS = 10.0
"""Connections are let go after so long without work."""
_MOST_RESULTS = 20_000
"""Nothing more is taken while so many results could not be written."""


def run_dispatch(
    settings: Settings,
    stop: threading.Event,
    renderers: Mapping[str, Renderer] | None = None,
) -> None:
    """Send until `stop` is set; then finish what is under way and give back the rest.

    `renderers` writes kinds of sends that are not letters, such as answers.
    """
    gc.set_threshold(100_000, 50, 100)  # batches are many small objects without cycles
    sys.setswitchinterval(0.001)  # a hand-off waits for the busy loop at each of its statements
    keyring = load_keyring(settings.keyring_path)
    dispatcher = Dispatcher(settings, renderers_for(settings, keyring, renderers or {}), stop)
    uvloop.run(dispatcher.run())


class Dispatcher:
    """The state of one dispatcher process."""

    def __init__(
        self, settings: Settings, renderers: Mapping[str, Renderer], stop: threading.Event
    ) -> None:
        self.id = f"{os.getpid()}-{uuid4().hex[:12]}"
        self._stop = stop
        self._clock = DatabaseClock()
        self._feed = Feed(self._clock.now)
        self._meter = RateMeter(_FIRST_RATE)
        keyring = load_keyring(settings.keyring_path)
        self._taker = Taker(settings, keyring, self.id, self._clock, renderers)
        self._writer = Writer(settings, self.id, self._clock)
        self._takes = ThreadPoolExecutor(1, "take")
        self._writes = ThreadPoolExecutor(1, "write")
        self._pool: SmtpPool | None = None
        self._channel: ActiveChannel | None = None
        self._retired: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._stirred = asyncio.Event()
        """Set while there is work, and when it is time to stop."""
        self._enough = 0
        """With fewer waiting there is room to take more."""
        self._worked_at = monotonic()
        self._has_work = False
        self._unwritten = 0

    async def run(self) -> None:
        """Until told to stop."""
        _log.info("dispatcher started", id=self.id)
        loops = [self._keep_taking(), self._keep_writing(), self._keep_beating(), self._keep_time()]
        tasks = [asyncio.create_task(loop) for loop in [*loops, self._await_stop()]]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            self._stop.set()
            self._stir()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._finish()

    async def _await_stop(self) -> None:
        await asyncio.to_thread(self._stop.wait)
        self._stir()

    def _stir(self) -> None:
        """Let nobody wait any longer."""
        self._room.set()
        self._stirred.set()

    # -- taking ------------------------------------------------------------------------

    async def _keep_taking(self) -> None:
        while not self._stop.is_set():
            try:
                await self._take_once()
            except psycopg.Error as error:
                _log.warning("the database is away", error=str(error).strip()[:300])
                await asyncio.sleep(0.5)

    async def _take_once(self) -> None:
        self._has_work, conditions = await self._on_taker(self._taker.survey)
        self._use(conditions.channel)
        if not self._has_work:
            await self._idle()
            return
        self._stirred.set()
        assert self._pool is not None
        if not self._pool.is_ready:
            self._pool.open()
            await asyncio.sleep(0.05)
            return
        ahead = self._most_ahead()
        room = ahead - len(self._feed) - self._pool.in_flight
        if room < ahead // _REFILLS or self._unwritten > _MOST_RESULTS:
            self._enough = ahead - ahead // _REFILLS
            self._room.clear()
            await _wait_for(self._room, 0.1)
            return
        taken = await self._on_taker(lambda: self._taker.take(room))
        self._feed_with(taken)

    def _feed_with(self, taken: list[Taken]) -> None:
        for one in taken:
            if one.write is None:
                _log.error("a batch cannot be written", send=one.batch.send.id, why=one.why)
                self._feed.refuse(one.batch, one.why)
            else:
                self._feed.add(one.batch, one.write)
        if taken and self._pool is not None:
            self._worked_at = monotonic()
            self._pool.kick()

    async def _idle(self) -> None:
        if not self._stop.is_set():
            self._stirred.clear()
        until = monotonic() + _IDLE_SECONDS
        while monotonic() < until and not self._stop.is_set():
            before = monotonic()
            await self._on_taker(lambda: self._taker.wait(1.0))
            if monotonic() - before < 0.95:  # woken
                return

    def _most_ahead(self) -> int:
        ahead = self._meter.rate * _AHEAD_SECONDS
        allowed = self._feed.bucket.rate
        if allowed is not None:
            ahead = min(ahead, max(1.0, allowed * _AHEAD_SECONDS))
            return int(max(1, min(ahead, MOST_AHEAD)))
        return int(max(_LEAST_AHEAD, min(ahead, MOST_AHEAD)))

    def _use(self, channel: ActiveChannel) -> None:
        """Send through `channel` from now on; the old connections finish what they carry."""
        if channel == self._channel:
            return
        old, self._channel = self._pool, channel
        self._feed.bucket = TokenBucket(channel.rate_per_second)
        self._feed.is_practice = channel.is_practice
        self._pool = SmtpPool(channel.target, self._feed.pull, self._done, self._feed.is_late)
        if old is not None:
            task = asyncio.create_task(old.close(30.0))
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)

    # -- carrying ----------------------------------------------------------------------

    def _done(self, mail: Mail, outcome: Outcome) -> None:
        self._feed.done(mail, outcome)
        self._meter.add(1)
        if len(self._feed) < self._enough:
            self._room.set()

    async def _keep_time(self) -> None:
        """Ten times a second: time-outs, the number of connections, throttled messages, stopping."""
        while not self._stop.is_set():
            await self._rest(is_pressing=self._feed.is_throttled)
            pool = self._pool
            if pool is None:
                continue
            busy = bool(len(self._feed) or pool.in_flight)
            self._meter.tick(monotonic(), is_busy=busy)
            pool.tick(has_backlog=bool(len(self._feed)))
            if len(self._feed):
                pool.kick()
            if busy:
                self._worked_at = monotonic()
            elif monotonic() - self._worked_at > _REST_SECONDS:
                pool.rest()
        self._room.set()

    # -- results -----------------------------------------------------------------------

    async def _keep_writing(self) -> None:
        while not self._stop.is_set():
            await self._rest(is_pressing=bool(self._feed.results))
            await self._write_results()

    async def _write_results(self) -> None:
        results, self._feed.results = self._feed.results, []
        self._unwritten = len(results)
        while results:
            try:
                await self._on_writer(lambda part=results[:1000]: self._writer.record(part))
            except psycopg.Error as error:
                _log.warning("results wait for the database", error=str(error).strip()[:300])
                await asyncio.sleep(0.3)
                continue
            results = results[1000:]
            self._unwritten = len(results) + len(self._feed.results)

    async def _keep_beating(self) -> None:
        while not self._stop.is_set():
            try:
                await self._on_writer(lambda: self._writer.beat(self._status()))
            except psycopg.Error as error:
                _log.warning("no sign of life left", error=str(error).strip()[:300])
            until = monotonic() + (_BEAT_SECONDS if self._is_busy() else _IDLE_BEAT_SECONDS)
            while monotonic() < until and not self._stop.is_set():
                await self._rest()

    def _status(self) -> dict[str, object]:
        pool = self._pool
        refusal = pool.refusal if pool is not None and not pool.is_ready else None
        return {
            "rate": round(self._meter.rate, 1),
            "connections": pool.connections if pool else 0,
            "waiting": len(self._feed),
            "refusal": refusal and {"stage": refusal.stage, "text": refusal.text[:300]},
        }

    def _is_busy(self) -> bool:
        return self._has_work or monotonic() - self._worked_at < 2.0

    async def _rest(self, *, is_pressing: bool = False) -> None:
        """A moment while there is work; without any until there is some, two seconds at most."""
        if is_pressing or self._is_busy():
            await asyncio.sleep(0.05 if is_pressing else 0.1)
        else:
            await _wait_for(self._stirred, _IDLE_SECONDS)

    # -- stopping ----------------------------------------------------------------------

    async def _finish(self) -> None:
        self._feed.give_back()
        if self._pool is not None:
            await self._pool.close(grace=5.0)
        if self._retired:
            await asyncio.wait(self._retired, timeout=5.0)
        try:
            async with asyncio.timeout(10.0):
                await self._write_results()
                await self._on_writer(self._writer.leave)
        except (TimeoutError, psycopg.Error) as error:
            _log.error("results were not written", left=self._unwritten, error=str(error))
        self._taker.close()
        self._writer.close()
        self._takes.shutdown(wait=False)
        self._writes.shutdown(wait=False)
        _log.info("dispatcher stopped", id=self.id)

    async def _on_taker(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._takes, work)

    async def _on_writer(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writes, work)


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
