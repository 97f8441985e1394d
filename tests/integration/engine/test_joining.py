"""A member of the team says that two customers are one person."""

import threading

import psycopg

from dangol.engine.jobs import enqueue, get_job, work_once
from dangol.engine.joining import join_people
from dangol.know.profile.service import get_profile
from tests.integration.engine.test_merge import NOW, hear


def run(conn: psycopg.Connection, dsn: str, settings, loser: int, winner: int):
    args = {"loser_id": loser, "winner_id": winner}
    job = enqueue(conn, "join", args, by="member:x", now=NOW)
    conn.commit()
    with psycopg.connect(dsn, autocommit=True) as own:
        work_once(own, settings, "test", lambda kind: join_people, threading.Event())
    return get_job(conn, job)


def test_two_users_become_one_however_often_it_is_said(conn, dsn, settings):
    hear(conn, type="identify", messageId="a", userId="one", traits={"city": "Seoul"})
    hear(conn, type="identify", messageId="b", userId="two", traits={"city": "Busan"})
    for _ in range(2):
        assert run(conn, dsn, settings, 1, 2).state == "done"
    conn.rollback()
    profile = get_profile(conn, 1)
    assert profile.customer_id == 2
    assert {value for kind, value in profile.identities if kind == "user"} == {"one", "two"}
    assert conn.execute("select count(*) from merge_task").fetchone()[0] == 1
    told = conn.execute("select count(*) from inbox where name = 'Customers Merged'").fetchone()
    assert told[0] == 1


def test_who_was_forgotten_is_not_joined(conn, dsn, settings):
    hear(conn, type="identify", messageId="a", userId="one")
    hear(conn, type="identify", messageId="b", userId="two")
    conn.execute("update customer set erased_at = %s where customer_id = 1", [NOW])
    job = run(conn, dsn, settings, 1, 2)
    assert (job.state, job.error) == (
        "failed",
        "One of the two was forgotten; there is nothing to join.",
    )
    assert job.result["sentence"] == job.error
