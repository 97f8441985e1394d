"""Pull any process at any moment: nothing that was acknowledged is lost, doubled or skipped.

While events arrive and a campaign goes out, processes of a whole installation are killed with
SIGKILL at seeded moments. Afterwards every acknowledged event is applied exactly once, and every
person of the campaign got the letter exactly once, or at most once with a row that says
`uncertain`.
"""

import base64
import json
import os
import random
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import replace

from dangol.decide.campaign.model import Draft
from dangol.decide.campaign.service import create_campaign, get_campaign
from dangol.model.event import event_key
from dangol.settings import Settings
from dangol.speak.channel.config import SmtpConfig, choose_config, save_config
from dangol.speak.launch import launch_campaign
from dangol.speak.letter.service import create_letter
from dangol.store.brand import read_brand, save_brand
from dangol.store.keyring import load_keyring
from dangol.store.lake import snapshot
from dangol.testing.mailing import add_people, letter_of, prepare_brand, running_sink
from dangol.testing.smtp_sink import read_ledger
from tests.acceptance.conftest import Installation, wait_until

FIRST_CUSTOMER = 50_000_000
BATCH = 20


@dataclass
class Sender:
    """Posts batches of events in a loop and remembers which were acknowledged."""

    url: str
    key: str
    stop: threading.Event = field(default_factory=threading.Event)
    acknowledged: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    @contextmanager
    def sending(self, threads: int) -> Iterator[None]:
        """Load as long as the block lasts."""
        running = [threading.Thread(target=self.run) for _ in range(threads)]
        for thread in running:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in running:
                thread.join()

    def run(self) -> None:
        """Send until told to stop; a batch without an answer is tried again, as clients do."""
        while not self.stop.is_set():
            ids = [str(uuid4()) for _ in range(BATCH)]
            body = json.dumps({"batch": [_event(one) for one in ids], "sentAt": _now()}).encode()
            (self.acknowledged if self._post(body) else self.unsure).extend(ids)

    def _post(self, body: bytes, tries: int = 12) -> bool:
        for _ in range(tries):
            token = base64.b64encode(f"{self.key}:".encode()).decode()
            headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
            request = urllib.request.Request(f"{self.url}/v1/batch", body, headers)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.status == 200
            except (OSError, urllib.error.URLError):
                self.stop.wait(0.3)
        return False


@dataclass
class Outcome:
    """What a campaign under fire came to."""

    kills: Counter[str]
    uncertain: Counter[int]
    """Messages in doubt by the killed dispatcher's process id."""
    in_flight: dict[int, int]

    def __str__(self) -> str:
        doubts = [f"{self.uncertain[pid]} of {sent}" for pid, sent in self.in_flight.items()]
        return f"kills {dict(self.kills)}; in doubt of in flight per dispatcher kill: {doubts}"


@pytest.mark.parametrize("seed", [20261121])
def test_fifty_kills_lose_double_and_skip_nothing(up, tmp_path: Path, seed: int) -> None:
    outcome = _under_fire(up(), tmp_path, random.Random(seed), kills=50, people=5000)
    print(f"\n{outcome}")


def test_killing_anything_but_a_dispatcher_leaves_no_doubt(up, tmp_path: Path) -> None:
    victims = ("web", "engine", "postgres", "post")
    outcome = _under_fire(up(), tmp_path, random.Random(7), kills=8, people=1000, victims=victims)
    assert outcome.uncertain.total() == 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_kills(up, tmp_path: Path, seed: int) -> None:
    outcome = _under_fire(up(), tmp_path, random.Random(seed), kills=100, people=5000)
    print(f"\nseed {seed}: {outcome}")


def _under_fire(
    running: Installation,
    folder: Path,
    draw: random.Random,
    *,
    kills: int,
    people: int,
    victims: tuple[str, ...] = ("web", "engine", "dispatch", "postgres"),
) -> Outcome:
    settings = Settings(data=running.data, database_url=running.dsn)
    key = json.loads(running.run("keys", "create", "load", "--json").stdout)["key"]
    ledger = folder / "ledger"
    with running_sink(ledger) as port:
        campaign_id = _launch(settings, port, people, rate=people / (kills * 0.9 + 4))
        sender = Sender(running.url, key)
        with sender.sending(threads=2):
            killed, in_flight = _kill(running, draw, kills, victims, ledger)
        _wait_until_all_is_done(settings, campaign_id)
    _check_events(settings, sender)
    uncertain = _check_campaign(settings, campaign_id, ledger, people)
    for pid, doubts in uncertain.items():
        assert doubts <= in_flight[pid], "more in doubt than was in flight"
    return Outcome(killed, uncertain, in_flight)


def _launch(settings: Settings, port: int, people: int, rate: float) -> UUID:
    """A campaign to `people`, slowed down so that it lasts as long as the killing."""
    now = datetime.now(UTC)
    keyring = load_keyring(settings.keyring_path)
    with psycopg.connect(settings.database_url) as conn:
        prepare_brand(conn, now)
        brand = replace(
            read_brand(conn),
            public_url="https://news.coffee.test",
            public_url_verified_at=now,
            sender_email="news@mail.coffee.test",
        )
        save_brand(conn, brand, by="test", now=now)
        customers = range(FIRST_CUSTOMER, FIRST_CUSTOMER + people)
        add_people(conn, keyring, customers, now, domain="coffee.test")
        server = SmtpConfig(host="127.0.0.1", port=port, tls="none", rate_per_second=rate)
        channel = save_config(conn, keyring, server, None, by="test", now=now)
        choose_config(conn, channel, by="test", now=now)
        letter = create_letter(conn, "Beans", letter_of(), by="test", now=now)
        draft = Draft(name="Beans", letter_id=letter.id)
        campaign = create_campaign(conn, draft, by="test", now=now)
        launch_campaign(conn, settings, keyring, campaign.id, by="test", now=now)
    return campaign.id


def _kill(
    running: Installation,
    draw: random.Random,
    kills: int,
    victims: tuple[str, ...],
    ledger: Path,
) -> tuple[Counter[str], dict[int, int]]:
    """Kill until `kills` processes died; how many of each, and what each dispatcher had in flight."""
    done: Counter[str] = Counter()
    in_flight: dict[int, int] = {}
    wait_until(
        lambda: read_ledger(ledger),
        timeout=60,
        why=lambda: "no mail left:\n" + "\n".join(running.lines[-30:]),
    )
    while done.total() < kills:
        time.sleep(draw.uniform(0.1, 0.9))
        part = draw.choice(victims)
        assert running.process.poll() is None, "\n".join(running.lines[-30:])
        pid = running.pid(part)
        if pid is None:
            continue
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        done[part] += 1
        if part == "dispatch":
            in_flight[pid] = _count_handed(running, pid)
    return done, in_flight


def _count_handed(running: Installation, pid: int) -> int:
    """What a killed dispatcher had handed over without a result yet."""
    query = "select count(*) from message where state = 'handed' and dispatcher like %s"

    def ask() -> list[int] | None:
        try:
            with psycopg.connect(running.dsn, connect_timeout=5) as conn:
                return list(conn.execute(query, [f"{pid}-%"]).fetchone())
        except (psycopg.OperationalError, OSError):
            return None

    return wait_until(ask, timeout=60, why=lambda: "the database did not come back")[0]


def _wait_until_all_is_done(settings: Settings, campaign_id: UUID) -> None:
    waiting = (
        "select (select count(*) from intake), (select count(*) from inbox), (select count(*) "
        "from message where state in ('planned', 'queued', 'deferred', 'handed'))"
    )
    seen: list[object] = []

    def is_quiet() -> bool:
        try:
            with psycopg.connect(settings.database_url, connect_timeout=5) as conn:
                state = get_campaign(conn, campaign_id).state
                seen[:] = [*conn.execute(waiting).fetchone(), state]
        except psycopg.OperationalError as error:
            seen[:] = [error]
            return False
        return seen == [0, 0, 0, "done"]

    wait_until(is_quiet, timeout=180, why=lambda: f"not done: {seen}")


def _check_events(settings: Settings, sender: Sender) -> None:
    """Acknowledged: once. Not acknowledged: never twice."""
    assert len(sender.acknowledged) > 1000, "too little load to prove anything"
    with psycopg.connect(settings.database_url) as conn:
        source = conn.execute("select id from api_key where name = 'load'").fetchone()[0]
    with snapshot(settings, settings.database_url or "", views=("events",)) as lake:
        rows = lake.query("select event_id::text from events where name = 'Bean Ground'")
    applied = Counter(rows.column(0).to_pylist())
    assert not [one for one, times in applied.items() if times > 1]
    missing = {str(event_key(source, one)) for one in sender.acknowledged} - set(applied)
    assert not missing, f"{len(missing)} acknowledged events are missing"
    unsure = {str(event_key(source, one)) for one in sender.unsure}
    wanted = {str(event_key(source, one)) for one in sender.acknowledged}
    assert set(applied) <= wanted | unsure


def _check_campaign(
    settings: Settings, campaign_id: UUID, ledger: Path, people: int
) -> Counter[int]:
    """Everyone has one final state that fits what the mail server saw; uncertain by dispatcher."""
    got = Counter(read_ledger(ledger))
    assert not [one for one, times in got.items() if times > 1], "somebody was written to twice"
    with psycopg.connect(settings.database_url) as conn:
        send_id = get_campaign(conn, campaign_id).send_id
        rows = conn.execute(
            "select state, address, dispatcher from message where send_id = %s and customer_id >= %s",
            [send_id, FIRST_CUSTOMER],  # the load's own customers have no address
        ).fetchall()
    assert len(rows) == people
    states = Counter(state for state, _, _ in rows)
    assert set(states) <= {"accepted", "uncertain"}, states
    accepted = {address for state, address, _ in rows if state == "accepted"}
    uncertain = {address for state, address, _ in rows if state == "uncertain"}
    assert accepted <= set(got), "counted as accepted but the server never saw it"
    assert set(got) - accepted <= uncertain, "the server took it but no row says so"
    return Counter(int(by.split("-")[0]) for state, _, by in rows if state == "uncertain")


def _event(message_id: str) -> dict[str, object]:
    person = f"u{hash(message_id) % 500}"
    return {
        "type": "track",
        "event": "Bean Ground",
        "userId": person,
        "messageId": message_id,
        "timestamp": _now(),
        "properties": {"grams": 18},
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()
