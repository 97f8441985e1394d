"""Campaigns through real processes: whatever is killed, each person at most once, nobody forgotten."""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from dangol.decide.campaign.results import list_messages, results
from dangol.decide.campaign.service import cancel_campaign, pause_campaign, resume_campaign
from dangol.know.consent import service as consent
from dangol.know.consent.service import Answer
from dangol.model.customer import CustomerId, bucket_of
from dangol.model.message import MessageState
from dangol.settings import Settings
from dangol.speak.channel.config import choose_config, parse_config, save_config
from dangol.speak.dispatch import run_dispatch
from dangol.speak.dispatch.process import MOST_AHEAD
from dangol.speak.launch import send_test
from dangol.speak.letter.service import create_letter
from dangol.store.backup.hold import Hold, hold_statement
from dangol.store.brand import save_setting
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring
from dangol.store.pool import connect
from dangol.testing.mailing import add_people, launch_to, letter_of, start_dispatcher
from dangol.testing.smtp_sink import read_ledger


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def dispatchers(settings: Settings, count: int) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """`dangol dispatch`, so many times, ended for sure."""
    processes = [start_dispatcher(settings) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def states(conn: psycopg.Connection) -> Counter[str]:
    found = Counter(dict(conn.execute("select state, count(*) from message group by state")))
    conn.commit()
    return found


def is_over(conn: psycopg.Connection) -> bool:
    found = states(conn)
    return not (found["queued"] or found["deferred"] or found["handed"])


def check_at_most_once(conn: psycopg.Connection, ledger: Path, people: int) -> Counter[str]:
    """Every address at most once; whoever is missing at the server has an uncertain row."""
    counts = Counter(read_ledger(ledger))
    assert max(counts.values()) == 1
    rows = dict(conn.execute("select customer_id, state from message"))
    conn.commit()
    assert len(rows) == people
    assert set(rows.values()) <= {"accepted", "uncertain"}
    for customer_id, state in rows.items():
        arrived = f"u{customer_id}@coffee.example" in counts
        assert arrived or state == "uncertain", customer_id
    return Counter(rows.values())


def start_campaign(
    conn: psycopg.Connection, settings: Settings, keyring: Keyring, people: int
) -> UUID:
    now = datetime.now(UTC)
    customers = range(1, people + 1)
    add_people(conn, keyring, customers, now)
    return launch_to(conn, settings, customers, now)


def test_a_campaign_reaches_everyone_once(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, ledger: Path
) -> None:
    campaign_id = start_campaign(conn, mailing, keyring, 3000)
    with dispatchers(mailing, 2) as processes:
        wait_until(lambda: is_over(conn))
        closed = "select count(*) from campaign where state = 'done'"
        wait_until(lambda: conn.execute(closed).fetchone() == (1,))
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(20) for process in processes] == [0, 0]
    assert check_at_most_once(conn, ledger, 3000) == {"accepted": 3000}
    found = results(conn, campaign_id)
    assert (found.people, found.final) == (3000, 3000)
    assert conn.execute("select count(*) from dispatcher").fetchone() == (0,)
    sent = "select count(distinct event_id) from inbox where name = 'Message Sent'"
    assert conn.execute(sent).fetchone() == (3000,)
    counted = "select count(*) from contact_state where cardinality(handed_at) = 1"
    assert conn.execute(counted).fetchone() == (3000,)


@pytest.mark.parametrize("seed", range(3))
def test_killed_dispatchers_send_nothing_twice(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, ledger: Path, seed: int
) -> None:
    kill_dispatchers(conn, mailing, keyring, ledger, seed=seed, people=3000, kills=3)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(40))
def test_many_killed_dispatchers_send_nothing_twice(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, ledger: Path, seed: int
) -> None:
    kill_dispatchers(conn, mailing, keyring, ledger, seed=1000 + seed, people=20_000, kills=10)


def kill_dispatchers(
    conn: psycopg.Connection,
    mailing: Settings,
    keyring: Keyring,
    ledger: Path,
    *,
    seed: int,
    people: int,
    kills: int,
) -> None:
    """Kill one of two dispatchers whenever a drawn number of messages has arrived."""
    chance = random.Random(seed)
    start_campaign(conn, mailing, keyring, people)
    marks = sorted(chance.sample(range(people // 20, people - people // 10), kills))
    with dispatchers(mailing, 2) as processes:
        for mark in marks:
            wait_until(lambda mark=mark: len(read_ledger(ledger)) >= mark or is_over(conn))
            time.sleep(chance.random() * 0.02)
            victim = processes.pop(0)
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
            pass_time_for(conn, victim.pid)
            processes.append(start_dispatcher(mailing))
        wait_until(lambda: is_over(conn))
    found = check_at_most_once(conn, ledger, people)
    print(f"seed {seed}: {found['uncertain'] / kills:.0f} uncertain per kill")
    assert found["uncertain"] <= kills * MOST_AHEAD


def pass_time_for(conn: psycopg.Connection, pid: int) -> None:
    """Let the dead be dead at once: as if fifteen seconds and their messages' time had passed."""
    dead = f"{pid}-%"
    conn.execute("delete from dispatcher where id like %s", [dead])
    late = "update message set send_by = now() where state = 'handed' and dispatcher like %s"
    conn.execute(late, [dead])
    conn.commit()


def test_killed_database_sessions_leave_nothing_uncertain(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, ledger: Path
) -> None:
    start_campaign(conn, mailing, keyring, 3000)
    chance = random.Random(4)
    kill = (
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        " and application_name like 'dangol dispatch%'"
    )
    with dispatchers(mailing, 2):
        for _ in range(10):
            time.sleep(chance.random() * 0.2)
            conn.execute(kill)
            conn.commit()
        wait_until(lambda: is_over(conn))
    assert check_at_most_once(conn, ledger, 3000) == {"accepted": 3000}


def take_back(mailing: Settings, journal: Journal, customer_id: int, word: int) -> str:
    """Withdraw, object, pause or be suppressed, by turns; returns the state of the person's message
    right after the acknowledgement."""
    now = datetime.now(UTC)
    person = CustomerId(customer_id)
    answer = Answer(customer_id=person, actor="customer", source="form")
    with connect(mailing.database_url or "", name="withdraw", autocommit=True) as conn:
        if word % 3 == 0:
            consent.withdraw(conn, journal, answer, now)
        elif word % 3 == 1:
            consent.object_to_marketing(conn, journal, answer, now)
        else:
            consent.pause(conn, journal, answer, now + timedelta(days=9), now)
        key = [bucket_of(customer_id), customer_id]
        row = conn.execute(
            "select state from message where bucket = %s and customer_id = %s", key
        ).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.soak)])
@pytest.mark.timeout(3600)
def test_nothing_is_handed_over_after_a_withdrawal(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, ledger: Path, rounds: int
) -> None:
    now = datetime.now(UTC)
    people = 1500
    save_setting(conn, "caps", {"per_day": 1000, "per_week": 1000}, by="test", now=now)
    customers = range(1, people + 1)
    add_people(conn, keyring, customers, now)
    conn.commit()
    chance = random.Random(rounds)
    early = 0
    journal = Journal(mailing.journal_dir)
    with dispatchers(mailing, 8):
        alive = "select count(*) from dispatcher"
        wait_until(lambda: conn.execute(alive).fetchone() == (8,) or conn.commit())
        for _ in range(rounds):
            conn.execute(
                "update contact_state set consent = 'granted', objected_at = null,"
                " paused_until = null"
            )
            conn.execute("truncate message, suppression, consent")
            conn.commit()
            launch_to(conn, mailing, customers, now)
            drawn = chance.sample(customers, 60)
            after = {one: take_back(mailing, journal, one, one) for one in drawn}
            wait_until(lambda: is_over(conn))
            final = dict(conn.execute("select customer_id, state from message"))
            for one, state in after.items():
                if state in ("queued", "deferred"):
                    early += 1
                    assert final[one] == "silent"
                else:
                    assert final[one] in ("accepted", "silent")
    assert early > 0, "every withdrawal came too late to show anything"


def test_caps_hold_with_many_workers_and_campaigns(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, ledger: Path
) -> None:
    now = datetime.now(UTC)
    save_setting(conn, "caps", {"per_day": 2, "per_week": 4}, by="test", now=now)
    customers = range(1, 301)
    add_people(conn, keyring, customers, now)
    for _ in range(5):
        launch_to(conn, mailing, customers, now)
    with dispatchers(mailing, 4):
        wait_until(lambda: is_over(conn))
    counts = Counter(read_ledger(ledger))
    assert set(counts.values()) == {2}
    assert len(counts) == 300
    assert states(conn) == {"accepted": 600, "silent": 900}


@contextmanager
def in_this_process(settings: Settings) -> Iterator[None]:
    """A dispatcher on a thread, stopped in good order."""
    stop = threading.Event()
    thread = threading.Thread(target=run_dispatch, args=(settings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def test_pause_resume_and_cancel_are_exact(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, ledger: Path
) -> None:
    campaign_id = start_campaign(conn, mailing, keyring, 6000)
    with in_this_process(mailing):
        wait_until(lambda: states(conn)["accepted"] > 100)
        pause_campaign(conn, campaign_id, now=datetime.now(UTC))
        conn.commit()
        rest = states(conn)["queued"]
        assert rest > 0
        wait_until(lambda: states(conn)["handed"] == 0)
        assert states(conn)["queued"] == rest
        resume_campaign(conn, campaign_id, now=datetime.now(UTC))
        conn.commit()
        wait_until(lambda: states(conn)["queued"] < rest)
        silenced = cancel_campaign(conn, campaign_id, now=datetime.now(UTC))
        conn.commit()
        wait_until(lambda: states(conn)["handed"] == 0)
    assert silenced > 0
    assert states(conn) == {"silent": silenced, "accepted": 6000 - silenced}
    assert len(read_ledger(ledger)) == 6000 - silenced
    found = results(conn, campaign_id)
    for one in found.standings:
        listed = list_messages(
            conn, campaign_id, state=one.state, reason=one.reason or "", limit=10_000
        )
        assert len(listed) == one.messages
    assert found.count(MessageState.SILENT) == silenced


def test_a_stopped_dispatcher_gives_back_what_it_did_not_send(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, ledger: Path
) -> None:
    start_campaign(conn, mailing, keyring, 4000)
    with in_this_process(mailing):
        wait_until(lambda: states(conn)["accepted"] > 50)
    found = states(conn)
    assert found["handed"] == found["uncertain"] == 0
    assert found["accepted"] == len(read_ledger(ledger))
    counted = "select count(*) from contact_state where cardinality(handed_at) = 1"
    assert conn.execute(counted).fetchone() == (found["accepted"],)


def test_a_real_server_gets_no_practice_mail(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, ledger: Path
) -> None:
    now = datetime.now(UTC)
    stored = create_letter(conn, "Beans", letter_of(), by="test", now=now)
    real = parse_config({"host": "127.0.0.1", "port": mailing.sandbox_port, "tls": "none"})
    choose_config(conn, save_config(conn, keyring, real, None, by="t", now=now), by="t", now=now)
    send_test(conn, stored.id, "colleague@practice.example", by="test", now=now)
    send_test(conn, stored.id, "colleague@coffee.kr", as_customer=1, by="test", now=now)
    conn.commit()
    with in_this_process(mailing):
        wait_until(lambda: is_over(conn))
    assert read_ledger(ledger) == ["colleague@coffee.kr"]
    assert states(conn) == {"accepted": 1, "failed": 1}


def test_nothing_leaves_after_a_restore_until_confirmed(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, ledger: Path
) -> None:
    start_campaign(conn, mailing, keyring, 10)
    now = datetime.now(UTC)
    conn.execute(hold_statement(Hold(now, backup_at=now)))  # type: ignore[arg-type]
    conn.commit()
    with in_this_process(mailing):
        time.sleep(1.5)
        assert states(conn) == {"queued": 10}
        conn.execute("delete from installation where key = 'restored'")
        conn.commit()
        wait_until(lambda: states(conn)["accepted"] == 10)
