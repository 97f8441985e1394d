"""The practice shop through a real engine: made, checked by hand, taken away without a trace."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from dangol.converse.thread import answers_waiting
from dangol.engine.jobs import Job, Task, cancel_job, enqueue, get_job
from dangol.engine.leases import ensure_leases
from dangol.engine.workers import run_engine
from dangol.errors import Refused
from dangol.know.giving.fans import usual_rule
from dangol.know.identity.store import find_customer
from dangol.know.segment import parse
from dangol.know.segment.service import count, resolve
from dangol.know.segment.store import list_segments
from dangol.listen.intake import append_intake
from dangol.practice.job import TRUTH_FILE, run_removal
from dangol.practice.mark import find_mark
from dangol.practice.six import OPTED_OUT
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.lake import snapshot
from dangol.store.pool import connect

NOW = datetime.now(UTC)


def _start(settings: Settings) -> Callable[[], None]:
    """A running engine; call what is returned to stop it."""
    stop = threading.Event()
    engine = threading.Thread(target=run_engine, args=(settings, stop))
    engine.start()

    def end() -> None:
        stop.set()
        engine.join(60)
        assert not engine.is_alive()

    return end


@pytest.fixture
def settings(dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Settings:
    """An empty installation."""
    ensure_leases(conn, 4)
    conn.commit()
    return Settings(data=tmp_path, database_url=dsn, engine_memory_mb=256)


@pytest.fixture
def shop(settings: Settings) -> Iterator[Settings]:
    """The same, with an engine."""
    end = _start(settings)
    yield settings
    end()


def _do(conn: psycopg.Connection, kind: str, args: dict[str, Any], seconds: float = 120) -> Job:
    job_id = enqueue(conn, kind, args, by="test", now=datetime.now(UTC))
    conn.commit()
    return _wait(conn, job_id, seconds)


def _wait(conn: psycopg.Connection, job_id: UUID, seconds: float) -> Job:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = get_job(conn, job_id)
        conn.commit()
        if job.finished_at is not None:
            return job
        threading.Event().wait(0.2)
    raise AssertionError(f"the job did not end: {job}")


def _count(settings: Settings, conn: psycopg.Connection, definition: dict) -> int:
    now = datetime.now(UTC)
    resolved = resolve(conn, parse(definition), now)
    with snapshot(settings, settings.database_url or "") as snap:
        return count(snap, resolved, now, "Asia/Seoul").people


def test_the_shop_is_made_checked_and_removed(shop: Settings, conn: psycopg.Connection) -> None:
    job = _do(conn, "practice", {"customers": 300})
    assert job.error is None
    assert job.result == {"customers": 300, "events": job.progress["total"], "truth": TRUTH_FILE}
    truth = json.loads((shop.data / TRUTH_FILE).read_text())
    _check_against_truth(shop, conn, truth)
    _check_the_six(shop, conn)
    _check_the_past(shop, conn)
    again = _do(conn, "practice", {"customers": 300})
    assert again.error == "There is a practice shop already; remove it first."
    _check_removal(shop, conn)


def _check_against_truth(shop: Settings, conn: psycopg.Connection, truth: list[dict]) -> None:
    assert _count(shop, conn, {"kind": "all", "of": []}) == len(truth) == 300
    for times in (1, 3, 10):
        asked = {"kind": "did", "name": "Order Completed", "times": {"op": "ge", "value": times}}
        assert _count(shop, conn, asked) == sum(one["orders"] >= times for one in truth)
    orders = conn.execute("select sum(events) from relationship_day").fetchone()
    assert orders == (sum(one["orders"] for one in truth),)
    refused = conn.execute("select count(*) from reject where source = 'practice'").fetchone()
    assert refused == (0,)
    stages = dict(conn.execute("select stage, count(*) from stage group by 1").fetchall())
    assert {"loyal", "inactive"} <= stages.keys()
    gone = {one["user_id"] for one in truth if one["left_on"]}
    still = {
        row[0]
        for row in conn.execute(
            "select i.value from identity i join stage s using (bucket, customer_id)"
            " where i.kind = 'user' and s.stage = 'inactive'"
        )
    }
    assert len(still & gone) > 0.8 * len(still), "most who seem to have left, have left"


_MOVES = """
select customer_id, json_extract_string(props, '$.from') as was,
    json_extract_string(props, '$.to') as stage, time < received_at - interval 30 day as is_old,
    effect, cause
from events where name = 'Stage Changed' order by customer_id, time, received_at
"""


def _check_the_past(shop: Settings, conn: psycopg.Connection) -> None:
    """The shop has a past: everybody's stages as they were, one after the other up to today's."""
    stages = dict(conn.execute("select customer_id, stage from stage").fetchall())
    conn.commit()
    with snapshot(shop, shop.database_url or "", views=("events",)) as snap:
        moves = snap.query(_MOVES, []).to_pylist()
    told: dict[int, list[dict]] = {}
    for move in moves:
        told.setdefault(move["customer_id"], []).append(move)
    assert {who: own[-1]["stage"] for who, own in told.items()} == stages
    for own in told.values():
        assert [one["was"] for one in own] == [None, *(one["stage"] for one in own[:-1])]
    assert {(one["effect"], one["cause"]) for one in moves} == {("history", "history")}
    assert sum(one["is_old"] for one in moves) > len(stages)


def _check_the_six(shop: Settings, conn: psycopg.Connection) -> None:
    clockwork = find_customer(conn, "user", "practice-0001")
    days = conn.execute(
        "select day from relationship_day where customer_id = %s order by day", [clockwork]
    ).fetchall()
    gaps = {(later[0] - earlier[0]).days for earlier, later in pairwise(days)}
    assert (len(days), gaps) == (12, {60})
    stage = conn.execute("select stage from stage where customer_id = %s", [clockwork]).fetchone()
    assert stage == ("loyal",)
    referrer = find_customer(conn, "user", "practice-0004")
    friends = conn.execute(
        "select source from referral where referrer_id = %s", [referrer]
    ).fetchall()
    assert friends == [("shop",)] * 5
    assert _count(shop, conn, usual_rule()) > 1, "he is a fan, and not the only one"
    (waiting,) = answers_waiting(conn)
    assert (waiting.customer_name, waiting.is_complaint) == ("박서운", True)
    opted_out = find_customer(conn, "user", f"practice-{OPTED_OUT:04d}")
    consents = conn.execute(
        "select consent from contact_state where customer_id = %s", [opted_out]
    ).fetchone()
    assert consents == ("withdrawn",)
    ledger = conn.execute(
        "select state from consent where customer_id = %s order by time", [opted_out]
    ).fetchall()
    assert [row[0] for row in ledger].count("granted") == 2
    suppressed = conn.execute(
        "select s.reason from suppression s join contact_point p using (channel, address_hash)"
        " where p.customer_id = %s and s.lifted_at is null",
        [opted_out],
    ).fetchall()
    assert suppressed == [("opt_out",)]


def _check_removal(shop: Settings, conn: psycopg.Connection) -> None:
    own = {
        "type": "identify",
        "messageId": "own-1",
        "userId": "mine",
        "traits": {"name": "Own Customer", "email": "own@shop.example"},
    }
    body = json.dumps({"batch": [own]}).encode()
    append_intake(
        conn, kind="track", source="key_own", body=body, at=NOW, meta={"path": "/v1/batch"}
    )
    conn.commit()
    mine = _await_customer(conn, "mine")
    conn.execute(
        "update segment set version = version + 1 where name = '단골'"
    )  # somebody changed it: it stays
    conn.commit()
    job = _do(conn, "practice_removal", {})
    assert (job.error, job.result) == (None, {"customers": 300})
    tables = conn.execute(
        "select table_name from information_schema.columns where table_schema = 'public'"
        " and column_name = 'customer_id' and table_name not in"
        " ('mask', 'customer', 'erasure', 'segment_work')"
    ).fetchall()
    left = {
        table: rows
        for (table,) in tables
        if (rows := conn.execute(f"select count(*) from {table} where customer_id <> %s", [mine]).fetchone()[0])
    }  # fmt: skip
    assert left == {}
    names = conn.execute(
        "select count(*) from customer where search like '%%practice%%'"
    ).fetchone()
    assert names == (0,)
    assert _count(shop, conn, {"kind": "all", "of": []}) == 1
    assert [one.name for one in list_segments(conn)] == ["단골"]
    assert conn.execute("select count(*) from letter").fetchone() == (0,)
    assert (read_brand(conn).name, find_mark(conn)) == ("", None)
    assert not (shop.data / TRUTH_FILE).exists()
    with snapshot(shop, shop.database_url or "") as snap:
        assert snap.query("select distinct customer_id from events").to_pylist() == [
            {"customer_id": mine}
        ]


def _await_customer(conn: psycopg.Connection, user: str) -> int:
    for _ in range(100):
        found = find_customer(conn, "user", user)
        applied = conn.execute(
            "select 1 from contact_point where customer_id = %s", [found]
        ).fetchone()
        conn.commit()
        if found and applied:
            return found
        threading.Event().wait(0.1)
    raise AssertionError("the own customer never came")


def test_another_size_is_refused(shop: Settings, conn: psycopg.Connection) -> None:
    assert "300 or 5,000" in (_do(conn, "practice", {"customers": 7}).error or "")
    assert "no practice shop" in (_do(conn, "practice_removal", {}).error or "")
    with connect(shop.database_url or "", name="test") as other:
        assert find_mark(other) is None


def test_a_removal_that_was_killed_at_its_end_is_no_failure(settings: Settings) -> None:
    (settings.data / TRUTH_FILE).write_bytes(b"{}")
    first, again = (
        Task(settings, "w", (uuid4(), "practice_removal", {}, {}, attempt, "test"))
        for attempt in (1, 2)
    )
    with pytest.raises(Refused, match="no practice shop"):
        run_removal(first)
    assert run_removal(again) == {"customers": 0}
    assert not (settings.data / TRUTH_FILE).exists()


def test_it_is_finished_after_an_interruption(settings: Settings, conn: psycopg.Connection) -> None:
    job_id = enqueue(conn, "practice", {"customers": 300}, by="test", now=NOW)
    conn.commit()
    end = _start(settings)
    while conn.execute("select count(*) from event_recent").fetchone()[0] == 0:
        conn.commit()
        threading.Event().wait(0.02)
    end()
    conn.commit()
    end = _start(settings)
    try:
        job = _wait(conn, job_id, 120)
        assert job.error is None
        truth = json.loads((settings.data / TRUTH_FILE).read_text())
        _check_against_truth(settings, conn, truth)
        _check_the_six(settings, conn)
    finally:
        end()


def test_a_shop_that_was_given_up_half_way_can_be_removed(
    settings: Settings, conn: psycopg.Connection
) -> None:
    job_id = enqueue(conn, "practice", {"customers": 300}, by="test", now=NOW)
    conn.commit()
    end = _start(settings)
    try:
        while conn.execute("select count(*) from intake").fetchone()[0] == 0:
            conn.commit()
        conn.commit()
        refused = _do(conn, "practice_removal", {})
        cancelled = _cancel(conn, job_id)
        if cancelled:  # else it was quicker than we were
            assert "still being made" in (refused.error or "")
        assert _do(conn, "practice_removal", {}).error is None
        assert _count(settings, conn, {"kind": "all", "of": []}) == 0
        assert conn.execute("select count(*) from identity").fetchone() == (0,)
    finally:
        end()


def _cancel(conn: psycopg.Connection, job_id: UUID) -> bool:
    try:
        cancel_job(conn, job_id, now=NOW)
    except Refused:
        conn.rollback()
        return False
    conn.commit()
    return True
