"""Leases: shared fairly, fenced, taken over from the dead."""

import psycopg
import pytest

from dangol.engine.leases import bucket_ranges, ensure_leases, hold, leave, share_leases
from dangol.errors import LeaseLost
from dangol.store.pool import connect


@pytest.fixture
def sixteen(conn: psycopg.Connection) -> psycopg.Connection:
    ensure_leases(conn, 16)
    conn.commit()
    return conn


@pytest.mark.parametrize("partitions", [1, 3, 16, 1024])
def test_partitions_cover_every_bucket_once(conn: psycopg.Connection, partitions: int) -> None:
    ensure_leases(conn, partitions)
    ensure_leases(conn, 5)
    rows = conn.execute("select bucket_lo, bucket_hi from lease order by partition").fetchall()
    assert len(rows) == partitions
    assert [bucket for lo, hi in rows for bucket in range(lo, hi + 1)] == list(range(1024))


def test_two_workers_share_and_the_dead_ones_part_is_taken(sixteen) -> None:
    first = share_leases(sixteen, "a", [])
    assert len(first) == 16
    second = share_leases(sixteen, "b", [])
    assert second == ()
    first = share_leases(sixteen, "a", first)
    assert len(first) == 8
    second = share_leases(sixteen, "b", second)
    assert len(second) == 8
    assert bucket_ranges(first + second) == [(0, 1023)]
    sixteen.execute("update lease set expires_at = now() - interval '1 s' where holder = 'a'")
    sixteen.execute("update worker set seen_at = now() - interval '1 minute' where id = 'a'")
    sixteen.commit()
    assert len(share_leases(sixteen, "b", second)) == 16
    with pytest.raises(LeaseLost):
        hold(sixteen, first)
    sixteen.rollback()
    assert share_leases(sixteen, "a", first)[:0] == ()


def test_nobody_takes_over_in_the_middle_of_a_transaction(sixteen, dsn: str) -> None:
    mine = share_leases(sixteen, "a", [])
    sixteen.execute("update lease set expires_at = now() - interval '1 s'")
    sixteen.execute("update worker set seen_at = now() - interval '1 minute'")
    sixteen.commit()
    hold(sixteen, mine)
    with connect(dsn, name="test") as other:
        assert share_leases(other, "b", []) == ()
        sixteen.commit()
        assert len(share_leases(other, "b", [])) == 16
    with pytest.raises(LeaseLost):
        hold(sixteen, mine)


def test_leaving_frees_everything_at_once(sixteen) -> None:
    leave(sixteen, "a", share_leases(sixteen, "a", []))
    assert len(share_leases(sixteen, "b", [])) == 16


def test_a_clock_that_was_set_back_keeps_no_partition_of_the_dead(sixteen) -> None:
    share_leases(sixteen, "dead", [])
    sixteen.execute("update lease set expires_at = expires_at + interval '1 day'")
    sixteen.execute("update worker set seen_at = seen_at + interval '1 day'")
    sixteen.commit()
    assert len(share_leases(sixteen, "alive", [])) == 16
