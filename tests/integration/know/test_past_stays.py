"""Stays in segments move to the lake when they are over, and everything that was told of them still is."""

import errno
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest

from dangol.engine.query.people import Asked, preview
from dangol.engine.query.stays import ChangesAsked, StaysAsked, past_changes, past_stays
from dangol.engine.query.warm import Warm, warmed
from dangol.engine.standing.people import People
from dangol.errors import StorageError
from dangol.know.erasure.service import get_erasure, request_erasure
from dangol.know.erasure.work import erase_once
from dangol.know.segment.membership import service
from dangol.know.segment.membership.past.moving import has_due, move_stays
from dangol.know.segment.membership.past.reading import list_of_customer, list_of_segment
from dangol.know.segment.membership.past.row import is_complete, join_changes, join_stays
from dangol.know.segment.service import create_segment
from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.files import Disk
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.lake import snapshot
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.manifest import MEMBERSHIP, list_files
from dangol.store.lake.shelf import MEMBERSHIPS, gather_once
from dangol.store.lake.sweep import sweep_once
from dangol.store.retention import Kind, change_days
from tests.integration.know.crowd import add_customer
from tests.integration.store.faulty import CALLS, FaultyDisk

DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
PEOPLE = range(1, 13)
DAYS = 120
LONG_AGO = 30 * DAY


@pytest.fixture
def settings(tmp_path: Path, dsn: str) -> Settings:
    return Settings(data=tmp_path / "data", engine_memory_mb=256, database_url=dsn)


@pytest.fixture
def segments(conn: psycopg.Connection, settings: Settings) -> list[UUID]:
    """Two segments, and twelve people who came and went at random for four months. Commits."""
    made = [
        create_segment(conn, name, {"kind": "all", "of": []}, "t", NOW).segment.id for name in "AB"
    ]
    for customer in PEOPLE:
        add_customer(conn, customer, {"name": f"c{customer}"})
    seeded = random.Random(11)
    for segment in made:
        for customer in PEOPLE:
            turns = sorted(seeded.sample(range(DAYS * 24), seeded.randint(0, 6)))
            for number, hour in enumerate(turns):
                at = NOW - DAYS * DAY + timedelta(hours=hour)
                cause = "definition" if number < 2 and customer % 3 == 0 else "behaviour"
                add_change(conn, segment, customer, at, number % 2 == 0, cause)
    conn.commit()
    return made


def add_change(
    conn: psycopg.Connection,
    segment: UUID,
    customer: int,
    at: datetime,
    entered: bool,
    cause: str = "behaviour",
) -> None:
    conn.execute(
        "insert into segment_change (segment_id, bucket, customer_id, at, entered, recorded_at,"
        " cause, version) values (%s, %s, %s, %s, %s, %s, %s, 1)",
        [segment, bucket_of(customer), customer, at, entered, at + timedelta(seconds=1), cause],
    )


def told(conn: psycopg.Connection, settings: Settings, segments: list[UUID]) -> dict[str, Any]:
    """Everything that is told of entries and exits, wherever they are."""
    views = ["customers", "memberships"]
    with snapshot(settings, settings.database_url or "", views=views) as snap:
        stays = snap.query("select * from memberships order by all").to_pylist()
    return {
        "stays": [tuple(row.values()) for row in stays],
        "persons": {one: stays_of(conn, settings, one) for one in (1, 3, 6)},
        "changes": {one: changes_of(conn, settings, one, 500) for one in segments},
        "latest": changes_of(conn, settings, segments[0], 3),
        "edits": {one: service.find_edit(conn, one, 1) for one in segments},
    }


def stays_of(conn: psycopg.Connection, settings: Settings, customer: int) -> list[service.Stay]:
    stays = service.list_stays(conn, customer)
    return join_stays(conn, stays, list_of_customer(settings, conn, customer))


def changes_of(
    conn: psycopg.Connection, settings: Settings, segment: UUID, limit: int
) -> list[service.Moved]:
    changes = service.list_changes(conn, segment, limit)
    if is_complete(conn, changes, limit):
        return changes
    return join_changes(conn, changes, list_of_segment(settings, conn, segment, limit), limit)


def on_days(warm: Warm, segment: UUID) -> list[int]:
    """How many were in the segment on some days, as a preview counts them."""
    days = [(NOW - ago * DAY).date() for ago in range(10, DAYS, 25)]
    return [preview(warm, Asked(condition=was_in(segment, day))).people for day in days]


def was_in(segment: UUID, day: date) -> dict[str, Any]:
    return {"kind": "segment", "id": str(segment), "on": day.isoformat()}


def left(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    rows = conn.execute(
        "select segment_id, customer_id, at, entered, recorded_at from segment_change order by 1, 2, 3"
    ).fetchall()
    conn.commit()
    return rows


def test_what_is_told_is_the_same_before_and_after(
    conn: psycopg.Connection, settings: Settings, segments: list[UUID]
) -> None:
    before, rows = told(conn, settings, segments), left(conn)
    assert before["edits"][segments[0]].exited > 0
    with warmed(settings) as warm:
        counted = on_days(warm, segments[0])
        assert len(set(counted)) > 2
        assert has_due(conn, NOW)
        conn.commit()
        moved = 0
        while (rows_moved := move_stays(settings, NOW, limit=6)) is not None:
            moved += rows_moved
            assert told(conn, settings, segments) == before
            conn.commit()
        assert not has_due(conn, NOW)
        conn.commit()
        assert moved == len(rows) - len(left(conn)) > 20
        assert len(list_files(conn, kind=MEMBERSHIP)) > 1
        conn.commit()
        warm.turn()
        assert on_days(warm, segments[0]) == counted
        person = past_stays(warm, StaysAsked(customer_id=3))
        assert person == list_of_customer(settings, conn, 3)
        assert len(past_changes(warm, ChangesAsked(segment_id=segments[1], limit=2))) == 2
    with warmed(settings) as anew:
        assert on_days(anew, segments[0]) == counted
    kept: dict[tuple[Any, Any], list[tuple[Any, ...]]] = {}
    for segment, customer, *change in left(conn):
        kept.setdefault((segment, customer), []).append(tuple(change))
    for changes in kept.values():
        assert changes[0][1], "what stays begins with an entry"
        assert all(one[2] >= NOW - LONG_AGO for one in changes if not one[1])


def test_those_who_keep_segments_read_both_places(
    conn: psycopg.Connection, settings: Settings, segments: list[UUID]
) -> None:
    people, ids = People(settings), np.array([3, 4, 5], dtype=np.int64)
    views = ["customers", "memberships"]
    some = people.of_ids(ids, views)["memberships"]
    everyone = people.of_buckets((0, 1023), views)["memberships"]
    move_stays(settings, NOW)
    keys = [(name, "ascending") for name in ("segment_id", "customer_id", "entered_at")]
    assert people.of_ids(ids, views)["memberships"].sort_by(keys) == some.sort_by(keys)
    assert people.of_buckets((0, 1023), views)["memberships"].sort_by(keys) == everyone.sort_by(
        keys
    )
    assert people.of_buckets((900, 1023), views)["memberships"].num_rows == 0
    people.close()


def test_who_is_still_there_stays_and_how_long_is_a_row(
    conn: psycopg.Connection, settings: Settings, segments: list[UUID]
) -> None:
    conn.execute("delete from segment_change")
    add_change(conn, segments[0], 1, NOW - 100 * DAY, True, "definition")
    add_change(conn, segments[0], 2, NOW - 100 * DAY, True)
    add_change(conn, segments[0], 2, NOW - 40 * DAY, False)
    change_days(conn, Kind.MEMBERSHIP, 41, by="t", now=NOW)
    conn.commit()
    assert not has_due(conn, NOW)
    conn.commit()
    assert move_stays(settings, NOW) is None
    assert move_stays(settings, NOW + 2 * DAY) == 2
    assert [row[1] for row in left(conn)] == [1]
    assert service.find_edit(conn, segments[0], 1) == service.Edited(1, 1, 0, 1)


def test_few_files_come_of_many(
    conn: psycopg.Connection, settings: Settings, segments: list[UUID]
) -> None:
    before = told(conn, settings, segments)
    conn.commit()
    while move_stays(settings, NOW, limit=1) is not None:
        pass
    dsn = settings.database_url or ""
    assert gather_once(dsn, settings, MEMBERSHIPS, NOW) is not None
    sweep_once(dsn, settings, NOW + 2 * DAY)
    assert told(conn, settings, segments) == before


@pytest.mark.parametrize("call", CALLS)
def test_a_failed_move_changes_nothing(
    conn: psycopg.Connection, settings: Settings, segments: list[UUID], call: str
) -> None:
    folder = settings.lake_dir / "memberships"
    folder.mkdir(parents=True)
    rows = left(conn)
    with pytest.raises(StorageError):
        move_stays(settings, NOW, layer=FaultyDisk(call, errno.ENOSPC))
    assert list(folder.iterdir()) == []
    assert left(conn) == rows
    assert move_stays(settings, NOW)


class _Meanwhile(Disk):
    """A disk on which something happens when a file has just become durable."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self.happens = happens

    def fsync_folder(self, folder: Path) -> None:
        super().fsync_folder(folder)
        if folder.name == "memberships":
            self.happens()


def test_a_mover_that_dies_between_file_and_manifest_leaves_an_orphan(
    conn: psycopg.Connection, settings: Settings, segments: list[UUID]
) -> None:
    before = told(conn, settings, segments)
    conn.commit()

    def die() -> None:
        assert move_stays(settings, NOW) is None, "a second one waits its turn"
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'dangol stay mover'"
        )
        conn.commit()

    with pytest.raises(psycopg.OperationalError):
        move_stays(settings, NOW, layer=_Meanwhile(die))
    assert told(conn, settings, segments) == before
    conn.commit()
    assert move_stays(settings, NOW)
    assert told(conn, settings, segments) == before
    conn.commit()
    assert sweep_once(settings.database_url or "", settings, NOW + 2 * DAY).orphans == 1
    assert told(conn, settings, segments) == before


def test_files_keep_nothing_of_who_was_erased(
    conn: psycopg.Connection, settings: Settings, segments: list[UUID]
) -> None:
    while move_stays(settings, NOW, limit=4) is not None:
        pass
    who, others = 3, [one for one in PEOPLE if one != 3]
    assert list_of_customer(settings, conn, who)
    before = {one: list_of_customer(settings, conn, one) for one in others}
    erasure = request_erasure(conn, who, "test", NOW)
    conn.commit()
    dsn = settings.database_url or ""
    ground = load_keyring(settings.keyring_path), Journal(settings.journal_dir)
    erase_once(dsn, settings, *ground, NOW)
    with warmed(settings) as warm:
        day = {
            "kind": "any",
            "of": [was_in(segments[0], (NOW - n * DAY).date()) for n in (40, 60, 80)],
        }
        found = preview(warm, Asked(condition=day))
    assert who not in [one.customer_id for one in found.sample]
    assert all(one.customer_id != who for one in changes_of(conn, settings, segments[0], 500))
    conn.commit()
    for turn in range(4):
        erase_once(dsn, settings, *ground, NOW + turn * DAY)
        compact_once(dsn, settings, NOW + turn * DAY)
    sweep_once(dsn, settings, NOW + 6 * DAY)
    erase_once(dsn, settings, *ground, NOW + 6 * DAY)
    assert get_erasure(conn, erasure).rewritten_at is not None
    assert list_of_customer(settings, conn, who) == []
    assert {one: list_of_customer(settings, conn, one) for one in others} == before
