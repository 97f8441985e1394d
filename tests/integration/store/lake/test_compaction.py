"""Compaction and the sweep: fewer files, the same events; masked rows leave the disk in time."""

import datetime as dt
import os
from collections.abc import Callable
from uuid import uuid4

import psycopg
import pyarrow.parquet as pq
import pytest

from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.lake import compaction, snapshot
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.manifest import LakeFile, list_files
from dangol.store.lake.mover import move_once
from dangol.store.lake.plan import SPREAD_AT, Why, plan_step
from dangol.store.lake.sweep import sweep_once

from .history import NOW, append, fact, keys

DAY = dt.timedelta(days=1)


def hide(conn: psycopg.Connection, customer: int, due: dt.datetime) -> None:
    conn.execute(
        "insert into mask (bucket, customer_id, kind, created_at, rewrite_due_at) "
        "values (%s, %s, 'erase', %s, %s)",
        [bucket_of(customer), customer, NOW, due],
    )
    conn.commit()


def fill(conn: psycopg.Connection, dsn: str, settings: Settings, moves: int) -> list:
    facts = []
    for _ in range(moves):
        new = [fact(customer, time=NOW - customer * DAY) for customer in range(500)]
        append(conn, new)
        conn.commit()
        move_once(dsn, settings, NOW)
        facts += new
    return facts


def compact_all(dsn: str, settings: Settings, now: dt.datetime = NOW) -> list[Why]:
    done = []
    while step := compact_once(dsn, settings, now):
        done.append(step.why)
    return done


def test_many_files_become_one_per_partition_in_order(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable, partitions: list
) -> None:
    facts = fill(conn, dsn, settings, SPREAD_AT - 1)
    assert compact_all(dsn, settings) == []
    facts += fill(conn, dsn, settings, 1)
    assert compact_all(dsn, settings) == [Why.SPREAD]
    files = list_files(conn)
    assert sorted((file.level, file.rows) for file in files) == [(1, 244 * 8), (1, 256 * 8)]
    assert read_keys() == keys(facts)
    for file in files:
        rows = pq.read_table(settings.lake_dir / file.path)
        order = list(
            zip(*(rows[n].to_pylist() for n in ("bucket", "customer_id", "time")), strict=True)
        )
        assert order == sorted(order)


def test_small_files_of_a_partition_are_gathered(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable, partitions: list
) -> None:
    facts, steps = [], []
    for _ in range(4):
        facts += fill(conn, dsn, settings, SPREAD_AT)
        steps += compact_all(dsn, settings)
    assert steps == [Why.SPREAD] * 4 + [Why.GATHER] * 2
    assert read_keys() == keys(facts)
    assert len(list_files(conn)) == 2


def test_files_that_cross_a_new_border_are_cut(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable, partitions: list
) -> None:
    facts = fill(conn, dsn, settings, SPREAD_AT)
    compact_all(dsn, settings)
    conn.execute("update lease set bucket_hi = 99 where partition = 0")
    conn.execute("insert into lease (partition, bucket_lo, bucket_hi) values (9, 100, 255)")
    conn.commit()
    assert compact_all(dsn, settings) == [Why.SPREAD]
    assert len(list_files(conn)) == 3
    assert read_keys() == keys(facts)


def test_masked_rows_are_hidden_at_once_and_gone_from_disk_in_time(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable, partitions: list
) -> None:
    facts = fill(conn, dsn, settings, 2)
    hide(conn, 7, NOW + 7 * DAY)
    left = keys(item for item in facts if item.customer_id != 7)
    assert read_keys() == left
    assert compact_all(dsn, settings, NOW) == []
    assert compact_all(dsn, settings, NOW + DAY) == [Why.MASK]
    assert read_keys() == left
    assert conn.execute("select rewritten_at from mask").fetchone() == (NOW + DAY,)
    assert sweep_once(dsn, settings, NOW + DAY).removed == 0
    assert sweep_once(dsn, settings, NOW + 2 * DAY).removed == 2
    on_disk = [pq.read_table(path) for path in (settings.lake_dir / "events").iterdir()]
    assert all(7 not in table["customer_id"].to_pylist() for table in on_disk)
    assert read_keys() == left


def test_a_mask_without_files_is_done_at_once(
    conn: psycopg.Connection, dsn: str, settings: Settings
) -> None:
    hide(conn, 7, NOW)
    assert compact_all(dsn, settings) == []
    assert conn.execute("select rewritten_at from mask").fetchone() == (NOW,)


def test_old_files_can_be_read_by_who_began_before(
    conn: psycopg.Connection, dsn: str, settings: Settings, partitions: list
) -> None:
    facts = fill(conn, dsn, settings, SPREAD_AT)
    with snapshot(settings, dsn, views=["events"]) as before:
        compact_all(dsn, settings)
        sweep_once(dsn, settings, NOW + DAY / 2)
        assert before.query("select count(*) n from events")["n"].to_pylist() == [len(facts)]


def test_orphans_are_swept_after_a_day_and_nothing_else_is(
    conn: psycopg.Connection, dsn: str, settings: Settings, read_keys: Callable
) -> None:
    facts = fill(conn, dsn, settings, 1)
    folder = settings.lake_dir / "events"
    for name in ("dead.parquet", "dead.parquet.partial", "fresh.parquet", "foreign.txt"):
        (folder / name).write_bytes(b"x")
        if not name.startswith("fresh"):
            os.utime(folder / name, (0, 0))
    kept = list_files(conn)[0].path.removeprefix("events/")
    os.utime(folder / kept, (0, 0))
    assert sweep_once(dsn, settings, dt.datetime.now(dt.UTC)).orphans == 2
    assert {path.name for path in folder.iterdir()} == {kept, "fresh.parquet", "foreign.txt"}
    assert read_keys() == keys(facts)


def _file(level: int, low: int, high: int, rows: int) -> LakeFile:
    identity = uuid4()
    return LakeFile(
        id=identity,
        level=level,
        path=f"events/{identity.hex}.parquet",
        bucket_lo=low,
        bucket_hi=high,
        rows=rows,
        bytes=rows,
        min_time=NOW,
        max_time=NOW,
        format_version=1,
        typed_columns={},
        created_at=NOW,
    )


def test_only_files_of_about_one_size_are_gathered() -> None:
    large = [_file(1, 0, 9, 1_000_000) for _ in range(3)]
    small = [_file(1, 0, 9, 1_000) for _ in range(3)]
    partitions = [(0, 511), (512, 1023)]
    assert plan_step([*large, *small], partitions, ()) is None
    more = [*small, _file(1, 3, 500, 1_010)]
    plan = plan_step([*large, *more], partitions, ())
    assert plan is not None
    assert plan.why is Why.GATHER
    assert {file.id for file in plan.files} == {file.id for file in more}


def test_a_step_that_another_overtook_in_part_takes_nothing_away(
    conn: psycopg.Connection, dsn: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(conn, dsn, settings, SPREAD_AT)
    before = list_files(conn)
    conn.commit()
    write_again = compaction._write_again

    def overtaken(*args: object) -> tuple[LakeFile, ...]:
        written = write_again(*args)
        conn.execute("update lake_file set removed_at = %s where id = %s", [NOW, before[0].id])
        conn.commit()
        return written

    monkeypatch.setattr(compaction, "_write_again", overtaken)
    assert compact_once(dsn, settings, NOW) is None
    assert list_files(conn) == before[1:]
