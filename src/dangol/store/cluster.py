"""One function over all customers, a partition at a time, in as many processes as help.

A partition is a range of buckets, first and last included. No computation about one customer looks
at another, so what a partition gives does not depend on where or when it ran, and results add up.
"""

import ctypes
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
Partition = tuple[int, int]

_AHEAD = 2
"""Partitions per worker that are begun before the first one's result was taken."""


def map_partitions(
    fn: Callable[[Partition], T], partitions: Sequence[Partition], *, workers: int = 1
) -> Iterator[T]:
    """`fn` of each partition, in the order of `partitions`, whichever was ready first.

    With one worker everything happens here, one after the other. With more, `fn` and what it
    returns are pickled, so it is a module's function or a `partial` of one; modules are loaded anew
    in each worker, which takes a second: worth it for work that takes several. Results are
    handed over as they are taken, and at most two partitions per worker are ahead of that, so
    memory is bounded by partitions, not by customers. The workers end with the iteration, and with
    this process, even when it is killed.

    Raises:
        Exception: what `fn` raised for the first partition that failed, with a note that names it;
            partitions that had begun are finished, others are not begun.
    """
    count = min(workers, len(partitions))
    if count <= 1:
        for partition in partitions:
            yield _noted(partition, lambda one=partition: fn(one))
        return
    yield from _in_processes(fn, partitions, count)


def _in_processes(
    fn: Callable[[Partition], T], partitions: Sequence[Partition], workers: int
) -> Iterator[T]:
    from concurrent.futures import Future, ProcessPoolExecutor  # only where it is needed
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),  # a fork would copy locks that threads of ours hold
        initializer=_die_with,
        initargs=(os.getpid(),),
    )
    begun: deque[tuple[Partition, Future[T]]] = deque()
    waiting = iter(partitions)
    try:
        for partition in waiting:
            begun.append((partition, pool.submit(fn, partition)))
            if len(begun) == workers * _AHEAD:
                yield _noted(*_result_of(begun))
        while begun:
            yield _noted(*_result_of(begun))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result_of(begun: deque) -> tuple[Partition, Callable[[], T]]:
    partition, future = begun.popleft()
    return partition, future.result


def _noted(partition: Partition, work: Callable[[], T]) -> T:
    """The result of `work`; an error says where it happened."""
    try:
        return work()
    except Exception as error:
        error.add_note(f"in buckets {partition[0]} to {partition[1]}")
        raise


def _die_with(parent: int) -> None:
    """Let the kernel end this worker with the process that started it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)  # it was killed before the kernel was told
