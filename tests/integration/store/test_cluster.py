"""One function over all partitions gives the same wherever it runs, and leaves nobody behind."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.model.customer import BUCKETS
from dangol.store.cluster import map_partitions

Row = tuple[int, int, float]


def add_up(rows: list[Row], partition: tuple[int, int]) -> tuple[int, float]:
    """The sums of one partition: of whole numbers, and of floats in the order of the rows."""
    mine = [row for row in rows if partition[0] <= row[0] <= partition[1]]
    return sum(row[1] for row in mine), sum(row[2] for row in mine)


def late_first(partition: tuple[int, int]) -> tuple[int, int]:
    """The earlier the partition, the later it is ready."""
    time.sleep(0.02 if partition[0] == 0 else 0)
    return os.getpid(), partition[0]


def fail_late(partition: tuple[int, int]) -> int:
    """Everything from bucket 2 on fails, the later the sooner."""
    if partition[0] < 2:
        return 0
    time.sleep(0.05 if partition[0] == 2 else 0)
    raise ValueError(f"no {partition[0]}")


@st.composite
def splits(draw: st.DrawFn) -> list[tuple[int, int]]:
    """All buckets in contiguous ranges, however cut."""
    cuts = sorted(draw(st.sets(st.integers(1, BUCKETS - 1), max_size=12)))
    return list(zip([0, *cuts], [cut - 1 for cut in [*cuts, BUCKETS]], strict=True))


rows = st.lists(
    st.tuples(
        st.integers(0, BUCKETS - 1),
        st.integers(-(2**63), 2**63),
        st.floats(-1e300, 1e300),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(rows, splits())
def test_whole_numbers_add_up_however_the_buckets_are_cut(
    table: list[Row], cut: list[tuple[int, int]]
) -> None:
    found = list(map_partitions(partial(add_up, table), cut))
    assert sum(whole for whole, _ in found) == sum(row[1] for row in table)
    assert found == [add_up(table, partition) for partition in cut]


def add_up_many(seeds: range, partition: tuple[int, int]) -> list[tuple[int, float]]:
    """The sums of one partition in one random table per seed."""
    return [add_up(random_table(Random(seed)), partition) for seed in seeds]


def random_table(chance: Random) -> list[Row]:
    return [
        (
            chance.randrange(BUCKETS),
            chance.randrange(-(2**63), 2**63),
            chance.uniform(-1e300, 1e300),
        )
        for _ in range(chance.randrange(200))
    ]


@pytest.mark.parametrize("workers", [2, 4])
def test_every_number_of_workers_gives_the_same_to_the_last_bit(workers: int) -> None:
    cuts = sorted(Random(workers).sample(range(1, BUCKETS), 12))
    parts = list(zip([0, *cuts], [cut - 1 for cut in [*cuts, BUCKETS]], strict=True))
    work = partial(add_up_many, range(50))
    assert list(map_partitions(work, parts, workers=workers)) == [work(one) for one in parts]


def test_results_come_in_order_from_other_processes_that_are_gone_afterwards() -> None:
    parts = [(bucket, bucket) for bucket in range(8)]
    found = list(map_partitions(late_first, parts, workers=2))
    assert [bucket for _, bucket in found] == list(range(8))
    pids = {pid for pid, _ in found}
    assert os.getpid() not in pids
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_one_worker_works_here_and_no_further_than_asked() -> None:
    seen: list[int] = []

    def work(partition: tuple[int, int]) -> int:
        seen.append(partition[0])
        return os.getpid()

    results = map_partitions(work, [(0, 0), (1, 1), (2, 2)])
    assert next(results) == os.getpid()
    assert seen == [0]
    assert list(map_partitions(work, [])) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_error_of_the_order_is_raised_with_its_partition(workers: int) -> None:
    parts = [(bucket, bucket) for bucket in range(6)]
    with pytest.raises(ValueError, match="no 2") as caught:
        list(map_partitions(fail_late, parts, workers=workers))
    assert caught.value.__notes__ == ["in buckets 2 to 2"]


_PARENT = """
import os, time
from tests.integration.store.test_cluster import tell_and_wait
from dangol.store.cluster import map_partitions
list(map_partitions(tell_and_wait, [(0, 0), (1, 1)], workers=2))
"""


def tell_and_wait(partition: tuple[int, int]) -> None:
    """Busy for longer than anybody waits."""
    os.write(1, f"{os.getpid()}\n".encode())
    time.sleep(600)


def test_no_worker_outlives_a_parent_that_was_killed() -> None:
    command = [sys.executable, "-c", _PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(Path(f"/proc/{pid}").exists() for pid in workers)
        parent.send_signal(signal.SIGKILL)
        # the pipe ends when the last process that could write to it is gone
        assert parent.stdout.read() == ""
