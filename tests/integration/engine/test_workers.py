"""The engine as a whole: it hears, applies, survives, and rests."""

import datetime as dt
import threading
import time
from collections.abc import Callable

import msgspec
import psycopg
import pytest

from dangol.engine import workers
from dangol.engine.jobs import (
    Task,
    cancel_job,
    enqueue,
    get_job,
    pause_job,
    resume_job,
    work_once,
)
from dangol.engine.workers import find_handler
from dangol.errors import InputError, Refused
from dangol.know.profile import get_profile, search_customers, set_trait
from dangol.listen.intake import append_intake
from dangol.settings import Settings
from dangol.store.pool import connect
from tests.integration.engine.conftest import wait_for

NOW = dt.datetime(2026, 11, 21, 3, 0, tzinfo=dt.UTC)


def identify(conn: psycopg.Connection, user: str, name: str) -> None:
    item = {
        "type": "identify",
        "messageId": f"{user}-{name}",
        "userId": user,
        "traits": {"name": name},
    }
    body = msgspec.json.encode({"batch": [item]})
    meta = {"path": "/v1/batch"}
    append_intake(conn, kind="track", source="key_a", body=body, meta=meta, at=NOW)
    conn.execute("select pg_notify('intake', '')")
    conn.commit()


def test_what_is_heard_is_known_within_a_moment(conn, engine) -> None:
    identify(conn, "u1", "홍길동")
    wait_for(lambda: search_customers(conn, "ㅎㄱㄷ")[1] == 1)
    conn.rollback()
    cards, _ = search_customers(conn, "u1")
    assert cards[0].name == "홍길동"
    set_trait(
        conn, cards[0].customer_id, "city", "Seoul", by="member:1", now=dt.datetime.now(dt.UTC)
    )
    conn.commit()

    def has_moved() -> bool:
        conn.rollback()
        return get_profile(conn, cards[0].customer_id).traits.get("city") == "Seoul"

    wait_for(has_moved)


def test_what_nobody_rang_for_is_found(conn, engine, monkeypatch) -> None:
    identify(conn, "u1", "Rung")
    wait_for(lambda: search_customers(conn, "rung")[1] == 1)
    conn.rollback()
    monkeypatch.setattr(workers, "PROBE_EVERY", 0.1)
    monkeypatch.setattr(workers, "_LISTEN_SECONDS", 0.1)
    conn.execute(
        "insert into intake (received_at, kind, source, meta, body) values (%s, 'track', 'key_a', %s, %s)",
        [
            dt.datetime.now(dt.UTC),
            '{"path": "/v1/identify"}',
            b'{"userId": "u2", "traits": {"name": "Unheard"}}',
        ],
    )
    conn.commit()
    wait_for(lambda: search_customers(conn, "unheard")[1] == 1)


def test_a_broken_connection_is_opened_again(conn, engine, dsn) -> None:
    identify(conn, "u1", "Before")
    wait_for(lambda: search_customers(conn, "before")[1] == 1)
    conn.rollback()
    conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    conn.commit()
    identify(conn, "u2", "After")
    wait_for(lambda: search_customers(conn, "after")[1] == 1)


def run_one(settings: Settings, run: Callable[[Task], dict | None], stop=None) -> bool:
    with connect(settings.database_url or "", name="jobs", autocommit=True) as conn:
        return work_once(conn, settings, "w", lambda kind: run, stop or threading.Event())


def test_a_job_runs_and_keeps_its_result(conn, settings) -> None:
    job_id = enqueue(conn, "demo", {"n": 3}, by="member:1", now=NOW)
    conn.commit()

    def run(task: Task) -> dict:
        task.progress(done=1, total=3)
        return {"sum": task.args["n"] + 1}

    assert run_one(settings, run)
    job = get_job(conn, job_id)
    assert (job.state, job.result) == ("done", {"sum": 4})
    assert job.progress == {"done": 1, "total": 3}
    assert not run_one(settings, run)


def test_a_failure_says_what_happened(conn, settings) -> None:
    job_id = enqueue(conn, "demo", {}, by="member:1", now=NOW)
    conn.commit()

    def run(task: Task) -> None:
        raise InputError("The file has no column for the customer.")

    run_one(settings, run)
    job = get_job(conn, job_id)
    assert (job.state, job.error) == ("failed", "The file has no column for the customer.")
    with pytest.raises(Refused, match="failed"):
        pause_job(conn, job_id, now=NOW)


def test_an_unknown_kind_fails_instead_of_waiting_for_ever(conn, settings) -> None:
    job_id = enqueue(conn, "juggle", {}, by="member:1", now=NOW)
    conn.commit()
    with connect(settings.database_url or "", name="jobs", autocommit=True) as other:
        work_once(other, settings, "w", find_handler, threading.Event())
    assert "juggle" in (get_job(conn, job_id).error or "")


@pytest.mark.parametrize(("word", "state"), [(pause_job, "paused"), (cancel_job, "cancelled")])
def test_a_person_stops_a_running_job(conn, settings, monkeypatch, word, state) -> None:
    job_id = enqueue(conn, "demo", {}, by="member:1", now=NOW)
    conn.commit()
    begun = threading.Event()

    def run(task: Task) -> None:
        begun.set()
        while True:
            task.check()
            time.sleep(0.01)

    thread = threading.Thread(target=run_one, args=(settings, run))
    thread.start()
    begun.wait(5)
    word(conn, job_id, now=NOW)
    conn.commit()
    thread.join(10)
    assert not thread.is_alive()
    assert get_job(conn, job_id).state == state
    if state == "paused":
        resume_job(conn, job_id, now=NOW)
        conn.commit()
        assert run_one(settings, lambda task: {"ended": True})
        conn.rollback()
        assert get_job(conn, job_id).state == "done"


def test_an_engine_that_stops_hands_its_job_back(conn, settings) -> None:
    job_id = enqueue(conn, "demo", {}, by="member:1", now=NOW)
    conn.commit()
    stop = threading.Event()

    def run(task: Task) -> None:
        task.progress(done=7)
        stop.set()
        while True:
            task.check()
            time.sleep(0.01)

    run_one(settings, run, stop)
    assert get_job(conn, job_id).state == "waiting"
    conn.rollback()
    run_one(settings, lambda task: {"saw": task.saved["done"]})
    assert get_job(conn, job_id).result == {"saw": 7}


def test_a_dead_workers_job_is_taken_over_and_given_up_in_the_end(conn, settings) -> None:
    job_id = enqueue(conn, "demo", {}, by="member:1", now=NOW)
    conn.execute(
        "update job set state = 'running', holder = 'dead', attempts = 1, "
        "lease_until = now() - interval '1 s'"
    )
    conn.commit()
    assert run_one(settings, lambda task: {"attempt": task.attempts})
    assert get_job(conn, job_id).result == {"attempt": 2}
    conn.execute(
        "update job set state = 'running', attempts = 5, lease_until = now() - interval '1 s'"
    )
    conn.commit()
    run_one(settings, lambda task: {})
    assert "each time" in (get_job(conn, job_id).error or "")


def test_a_clock_that_was_set_back_keeps_no_job_of_the_dead(conn, settings) -> None:
    conn.autocommit = True
    job = enqueue(conn, "no-such-kind", {}, by="test", now=dt.datetime.now(dt.UTC))
    conn.execute(
        "update job set state = 'running', holder = 'dead', "
        "lease_until = clock_timestamp() + interval '1 day'"
    )
    assert work_once(conn, settings, "w1", find_handler, threading.Event())
    assert get_job(conn, job).state == "failed"


def test_every_kind_of_job_names_a_module_and_a_function() -> None:
    assert all(target.count(":") == 1 for target in workers.JOBS.values())
