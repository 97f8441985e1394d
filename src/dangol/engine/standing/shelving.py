"""Filling the cache in the background: what to scan next, and using what was found."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from dangol.engine.leases import Lease
from dangol.engine.standing.cache import Cache, Request, Scanned
from dangol.know.segment.membership.watch import Watch
from dangol.settings import Settings

Merged = tuple[int, int, UUID]
"""Bucket and id of a merge's winner, and the event that told of it."""

_RENEW = timedelta(days=1)
_RETRY = timedelta(minutes=1)
_log = structlog.get_logger("dangol.standing")


class Shelving:
    """One scan at a time on a thread of its own; asked by the thread that runs Live."""

    def __init__(self, settings: Settings, cache: Cache) -> None:
        self._settings, self._cache = settings, cache
        self._scans: dict[Future[list[Scanned]], list[Request]] = {}
        self._scanner: ThreadPoolExecutor | None = None
        self._retry_at = datetime.min.replace(tzinfo=UTC)

    @property
    def is_done(self) -> bool:
        """Whether there is something to collect."""
        return any(scan.done() for scan in list(self._scans))

    @property
    def is_reading_people(self) -> bool:
        """Whether the histories of some people are being read."""
        return any(requests[0].customers is not None for requests in self._scans.values())

    def covers(self, partition: int, watch: Watch) -> bool:
        """Whether everything that `watch` looks at stands on the partition's shelf."""
        shelf = self._cache.shelves.get(partition)
        return shelf is not None and shelf.watch.covers(watch)

    def ask(self, seats: Iterable[Lease], watch: Watch, now: datetime) -> None:
        """Have what is missing scanned, else one partition that is worn or a day old."""
        if self._scans or not watch.events or now < self._retry_at:
            return
        seats = list(seats)
        wanted = [lease for lease in seats if not self.covers(lease.partition, watch)]
        wanted = wanted or [lease for lease in seats if self._is_old(lease.partition, now)][:1]
        if wanted:
            self._submit([self._cache.request(lease, watch, now) for lease in wanted])

    def read_people(self, leases: Iterable[Lease], merged: Sequence[Merged], now: datetime) -> None:
        """Have the whole histories of these winners of merges read again."""
        requests = []
        for lease in leases:
            ids = {row[1] for row in merged if lease.bucket_lo <= row[0] <= lease.bucket_hi}
            if ids:
                watch = self._cache.shelves[lease.partition].watch
                request = self._cache.request(lease, watch, now)
                requests.append(request._replace(customers=tuple(sorted(ids))))
        if requests:
            self._submit(requests)

    def collect(self, seats: Iterable[Lease], now: datetime) -> tuple[list[int], bool]:
        """Use what is done: the partitions that were filled anew, and whether any scan failed."""
        held = set(seats)
        filled, has_failed = [], False
        for future in [one for one in self._scans if one.done()]:
            del self._scans[future]
            error = future.exception()
            if error is not None:
                _log.warning("history could not be read for segments", error=str(error)[:500])
                self._retry_at, has_failed = now + _RETRY, True
                continue
            for scanned in future.result():
                if scanned.request.lease in held:  # what others heard meanwhile is in no scan
                    self._cache.install(scanned)
                    filled.append(scanned.request.lease.partition)
        return filled, has_failed

    def settle(self) -> bool:
        """Wait for the scans that are under way; whether there were any."""
        return len([future.exception() for future in list(self._scans)]) > 0

    def close(self) -> None:
        """Wait for what is under way, and begin nothing any more."""
        if self._scanner is not None:
            self._scanner.shutdown()

    def _submit(self, requests: list[Request]) -> None:
        from dangol.engine.standing.scan import scan  # what it loads is for those who need it

        if self._scanner is None:
            self._scanner = ThreadPoolExecutor(1, thread_name_prefix="standing")
        self._scans[self._scanner.submit(scan, self._settings, requests)] = requests

    def _is_old(self, partition: int, now: datetime) -> bool:
        shelf = self._cache.shelves[partition]
        return now - shelf.at > _RENEW or self._cache.is_worn(partition)
