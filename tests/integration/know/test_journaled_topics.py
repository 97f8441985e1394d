"""Who refused one topic, or asked for a pause, is left in peace when an older backup comes back."""

import datetime as dt
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from dangol.know.consent.service import Answer, get_standing, grant, pause, resume, withdraw
from dangol.know.erasure.replay import replay
from dangol.model.customer import CustomerId
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.testing.mailing import add_people

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)
ANSWER = Answer(
    customer_id=CustomerId(7),
    topic="beans",
    actor="customer",
    source="one_click",
    evidence={"send_id": 1},
)


@pytest.fixture
def journal(conn: psycopg.Connection, tmp_path: Path) -> Journal:
    """What remembers; customers 7 and 8 are there, and nobody has said anything."""
    add_people(conn, load_keyring(tmp_path / "keyring.json"), [7, 8], NOW)
    conn.commit()
    return Journal(tmp_path / "journal")


def go_back_in_time(conn: psycopg.Connection) -> None:
    conn.execute("truncate consent, suppression, inbox")
    conn.execute("update contact_state set topics = '{}', paused_until = null")
    conn.commit()


def topics(conn: psycopg.Connection, customer: int) -> dict[str, str]:
    said = get_standing(conn, customer)[0].topics
    return {topic: answer["state"] for topic, answer in said.items()}


def test_a_refused_topic_is_refused_after_a_restore(
    conn: psycopg.Connection, journal: Journal
) -> None:
    withdraw(conn, journal, ANSWER, NOW)
    entries = journal.read().entries
    assert replay(conn, entries, LATER).suppressions == 0, "the ledger has it in the same words"
    go_back_in_time(conn)
    assert replay(conn, entries, LATER).suppressions == 1
    conn.commit()
    assert topics(conn, 7) == {"beans": "withdrawn"}
    assert get_standing(conn, 7)[0].suppressions == []
    assert replay(conn, entries, LATER).suppressions == 0


def test_a_later_yes_of_the_backup_holds(conn: psycopg.Connection, journal: Journal) -> None:
    withdraw(conn, journal, ANSWER, NOW)
    go_back_in_time(conn)
    grant(conn, journal, ANSWER, LATER)
    replay(conn, journal.read().entries, LATER)
    assert topics(conn, 7) == {"beans": "granted"}


def test_it_follows_merges_and_forgets_the_forgotten(
    conn: psycopg.Connection, journal: Journal
) -> None:
    withdraw(conn, journal, ANSWER, NOW)
    withdraw(conn, journal, replace(ANSWER, customer_id=CustomerId(8), topic="tea"), NOW)
    go_back_in_time(conn)
    conn.execute("update customer set merged_into = 8 where customer_id = 7")
    replay(conn, journal.read().entries, LATER)
    assert topics(conn, 8) == {"beans": "withdrawn", "tea": "withdrawn"}
    conn.commit()
    go_back_in_time(conn)
    conn.execute("update customer set erased_at = now() where customer_id = 8")
    assert replay(conn, journal.read().entries, LATER).suppressions == 0


def test_a_pause_lasts_through_a_restore(conn: psycopg.Connection, journal: Journal) -> None:
    until = NOW + dt.timedelta(weeks=2)
    pause(conn, journal, ANSWER, until, NOW)
    pause(conn, journal, replace(ANSWER, customer_id=CustomerId(8)), until, NOW)
    resume(conn, journal, replace(ANSWER, customer_id=CustomerId(8)), LATER)
    entries = journal.read().entries
    assert replay(conn, entries, LATER).suppressions == 0, "the ledger has it in the same words"
    go_back_in_time(conn)
    assert replay(conn, entries, LATER).suppressions == 3
    conn.commit()
    assert get_standing(conn, 7)[0].paused_until == until
    assert get_standing(conn, 8)[0].paused_until is None, "its end is remembered as well"
    assert replay(conn, entries, LATER).suppressions == 0
