"""Whoever takes something back in the middle of a hand-off is answered after it, never before."""

import threading
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from dangol.decide.guard.rules import read_rules
from dangol.settings import Settings
from dangol.speak.outbox.handoff import Channel, HandOff, Limits
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring
from dangol.store.pool import connect
from dangol.store.sql import load_queries
from dangol.testing.mailing import add_people, launch_to
from tests.integration.speak.test_dispatch import take_back, wait_until

_WRITES = load_queries("dangol.speak.outbox").write_verdicts


class Between:
    """A connection on which something happens after the guard has looked, before it is written."""

    def __init__(self, conn: psycopg.Connection, happen: Any) -> None:
        self._conn, self._happen = conn, happen

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        """Run `query`, after what happens if it is the one that writes verdicts."""
        if query == _WRITES:
            self._happen()
        return self._conn.execute(query, *args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)


@pytest.mark.parametrize("word", [0, 1, 2])
def test_what_is_taken_back_during_a_hand_off_is_acknowledged_after_it(
    conn: psycopg.Connection, mailing: Settings, keyring: Keyring, word: int
) -> None:
    now = datetime.now(UTC)
    add_people(conn, keyring, [1], now)
    launch_to(conn, mailing, [1], now)
    rules = read_rules(conn)
    conn.commit()
    heard: list[str] = []
    journal = Journal(mailing.journal_dir)
    person = threading.Thread(target=lambda: heard.append(take_back(mailing, journal, 1, word)))
    waits = (
        "select exists (select from pg_stat_activity where datname = current_database()"
        " and application_name = 'dangol withdraw' and wait_event_type = 'Lock')"
    )

    def happen() -> None:
        person.start()
        with connect(mailing.database_url or "", name="look", autocommit=True) as look:
            wait_until(lambda: bool(heard) or look.execute(waits).fetchone() == (True,))
        assert not heard, "acknowledged while the hand-off could still go ahead"

    with connect(mailing.database_url or "", name="hand-off", autocommit=True) as taker:
        between: Any = Between(taker, happen)
        batch = HandOff("d").take(
            between, 1, Channel(is_practice=True), rules, Limits(), datetime.now(UTC)
        )
    person.join()
    assert batch is not None
    assert len(batch) == 1
    assert heard == ["handed"]
