"""Who works on which partition: leases with fencing tokens, timed by the database's clock.

A lease lives 15 seconds and is renewed every 5. A worker that sleeps through this loses it
without noticing; so every transaction that writes for a partition begins with `hold`, which
locks the lease row with the worker's own token and fails once another has taken over.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from dangol.errors import LeaseLost
from dangol.model.customer import BUCKETS
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

RENEW_EVERY = 5.0
"""Seconds between renewals; a lease lives three times as long."""


@dataclass(frozen=True, slots=True, order=True)
class Lease:
    """The right to write for one contiguous range of buckets, while `token` is the newest."""

    partition: int
    bucket_lo: int
    bucket_hi: int
    """Inclusive."""
    token: int

    @property
    def buckets(self) -> tuple[int, int]:
        """The first and the last."""
        return self.bucket_lo, self.bucket_hi


def ensure_leases(conn: psycopg.Connection, partitions: int) -> None:
    """Make the rows of `partitions` ranges over all buckets, unless there are some already."""
    if conn.execute(SQL.count_partitions).fetchone()[0]:
        return
    edges = [BUCKETS * number // partitions for number in range(partitions + 1)]
    for number in range(partitions):
        row = {"partition": number, "lo": edges[number], "hi": edges[number + 1] - 1}
        conn.execute(SQL.add_partition, row)


def share_leases(conn: psycopg.Connection, holder: str, held: Sequence[Lease]) -> tuple[Lease, ...]:
    """Renew `held`, give up what exceeds a fair share, take what is free; the leases now held.

    Opens its own transaction. A fair share is the partitions divided by the living workers,
    rounded up. What comes back may lack leases of `held` that another worker took over.
    """
    with conn.transaction():
        conn.execute(SQL.greet, {"holder": holder})
        workers = conn.execute(SQL.count_workers).fetchone()[0]
        partitions = conn.execute(SQL.count_partitions).fetchone()[0]
        share = -(-partitions // max(workers, 1))
        mine = sorted(_renewed(conn, holder, held))
        _release(conn, holder, mine[share:])
        mine = mine[:share]
        if len(mine) < share:
            args = {"holder": holder, "most": share - len(mine)}
            mine += [_lease(row) for row in conn.execute(SQL.take_leases, args)]
    return tuple(sorted(mine))


def leave(conn: psycopg.Connection, holder: str, held: Sequence[Lease]) -> None:
    """Give up all of `held` and sign off, so that others need not wait for the expiry.

    Opens its own transaction.
    """
    with conn.transaction():
        _release(conn, holder, held)
        conn.execute(SQL.say_goodbye, {"holder": holder})
        conn.execute(SQL.bury_workers)


def hold(conn: psycopg.Connection, leases: Sequence[Lease]) -> None:
    """Keep `leases` ours until the transaction ends; its first statement.

    The lock is shared, so that several transactions of one holder may run at once, and keeps
    others from taking over in the middle of it.

    Raises:
        LeaseLost: another worker has taken at least one of them.
    """
    if conn.execute(SQL.hold_leases, _keys(leases)).fetchone()[0] != len(leases):
        raise LeaseLost()


def bucket_ranges(leases: Sequence[Lease]) -> list[tuple[int, int]]:
    """The buckets of `leases` as few inclusive ranges, in order.

    >>> bucket_ranges([Lease(1, 64, 127, 5), Lease(0, 0, 63, 2), Lease(3, 192, 255, 1)])
    [(0, 127), (192, 255)]
    """
    ranges: list[tuple[int, int]] = []
    for lease in sorted(leases, key=lambda lease: lease.bucket_lo):
        if ranges and ranges[-1][1] + 1 == lease.bucket_lo:
            ranges[-1] = (ranges[-1][0], lease.bucket_hi)
        else:
            ranges.append((lease.bucket_lo, lease.bucket_hi))
    return ranges


def _renewed(conn: psycopg.Connection, holder: str, held: Sequence[Lease]) -> list[Lease]:
    if not held:
        return []
    return [_lease(row) for row in conn.execute(SQL.renew_leases, _keys(held, holder))]


def _release(conn: psycopg.Connection, holder: str, leases: Sequence[Lease]) -> None:
    if leases:
        conn.execute(SQL.release_leases, _keys(leases, holder))


def _lease(row: tuple[int, int, int, int]) -> Lease:
    return Lease(*row)


def _keys(leases: Sequence[Lease], holder: str | None = None) -> dict[str, object]:
    return {
        "holder": holder,
        "partitions": [lease.partition for lease in leases],
        "tokens": [lease.token for lease in leases],
    }
