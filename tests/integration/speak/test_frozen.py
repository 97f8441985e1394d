"""A dispatcher that froze (a stopped virtual machine, a full swap) and wakes up past its time."""

import os
import signal
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from dangol.settings import Settings
from dangol.store.keyring import Keyring
from dangol.testing.mailing import add_people, launch_to, prepare_brand, running_sink
from dangol.testing.smtp_sink import read_ledger
from tests.integration.speak.test_dispatch import dispatchers, states, wait_until

PEOPLE = 300


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_one_that_wakes_up_too_late_gives_back_what_it_had(
    conn: psycopg.Connection, settings: Settings, keyring: Keyring, ledger: Path
) -> None:
    now = datetime.now(UTC)
    prepare_brand(conn, now)
    add_people(conn, keyring, range(1, PEOPLE + 1), now)
    conn.commit()
    with running_sink(ledger, delay=0.3) as port:  # slow, so that much is under way at any moment
        mailing = replace(settings, sandbox_port=port)
        launch_to(conn, mailing, range(1, PEOPLE + 1), now)
        with dispatchers(mailing, 1) as [sleeper]:
            wait_until(lambda: len(read_ledger(ledger)) > 5 and states(conn)["handed"] > 5)
            os.kill(sleeper.pid, signal.SIGSTOP)
            with dispatchers(mailing, 1):
                wait_until(lambda: not states(conn)["handed"], 120)
                assert states(conn)["uncertain"] > 5
                arrived = read_ledger(ledger)
                os.kill(sleeper.pid, signal.SIGCONT)
                wait_until(lambda: states(conn)["accepted"] == PEOPLE)
            sleeper.send_signal(signal.SIGTERM)
            assert sleeper.wait(20) == 0
    counts = Counter(read_ledger(ledger))
    assert (len(counts), max(counts.values())) == (PEOPLE, 1)
    assert len(arrived) < PEOPLE, "what it had taken was sent by whoever had time for it"
