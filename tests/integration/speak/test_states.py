"""The states of messages against a plain model: any order of takings, results, withdrawals, deaths."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dangol.decide.campaign.service import (
    cancel_campaign,
    get_campaign,
    pause_campaign,
    resume_campaign,
)
from dangol.decide.guard.rules import Rules
from dangol.errors import Refused
from dangol.settings import Settings
from dangol.speak.channel.email.mail import Outcome, OutcomeKind
from dangol.speak.outbox.handoff import Channel, Handed, HandOff, Limits, release_batch
from dangol.speak.outbox.results import Result, next_attempt, record_results
from dangol.speak.outbox.sweep import ALIVE_WITHIN, beat, sweep
from dangol.store.keyring import load_keyring
from dangol.testing.mailing import add_people, launch_to, prepare_brand

PEOPLE = range(1, 7)
RULES = Rules(
    per_day=1, per_week=1, quiet_from=datetime.min.time(), quiet_until=datetime.min.time()
)
DISPATCHERS = st.sampled_from(["a", "b"])
TABLES = (
    "message, send, campaign, campaign_bucket, send_link, letter, letter_version, inbox, customer,"
    " contact_point, contact_state, dispatcher, setting, setting_change, send_address"
)


class Model:
    """What should be true: per person a state, who has it, since when, and how it may go on."""

    def __init__(self) -> None:
        self.state = dict.fromkeys(PEOPLE, "queued")
        self.due: dict[int, datetime] = {}
        self.holder: dict[int, tuple[str, datetime]] = {}
        self.attempts = dict.fromkeys(PEOPLE, 0)
        self.withdrawn: set[int] = set()
        self.counted: dict[int, datetime] = {}
        self.campaign = "running"

    def is_due(self, person: int, now: datetime) -> bool:
        return self.state[person] in ("queued", "deferred") and self.due[person] <= now


class Messages(RuleBasedStateMachine):
    """One campaign, two dispatchers."""

    conn: psycopg.Connection
    settings: Settings

    @initialize()
    def launch(self) -> None:
        self.now = datetime(2026, 5, 4, 3, tzinfo=UTC)
        conn = self.conn
        conn.rollback()
        conn.execute(f"truncate {TABLES} cascade")
        conn.execute("update send_block set next_id = 1")
        prepare_brand(conn, self.now)
        add_people(conn, load_keyring(self.settings.keyring_path), PEOPLE, self.now)
        self.campaign_id = launch_to(conn, self.settings, PEOPLE, self.now)
        self.send_id = get_campaign(conn, self.campaign_id).send_id or 0
        conn.commit()
        self.hands = {name: HandOff(name) for name in ("a", "b")}
        self.alive = {"a", "b"}
        self.model = Model()
        self.model.due = dict.fromkeys(PEOPLE, self.now)
        self.batches: list[tuple[str, Handed]] = []
        self.beat_all()

    def beat_all(self) -> None:
        for name in sorted(self.alive):
            beat(self.conn, name, "here", {}, self.now)
        self.conn.commit()

    @rule(seconds=st.sampled_from([0.001, 1, 10, 40, 400]))
    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.beat_all()

    @rule(name=DISPATCHERS, limit=st.integers(1, 4))
    def take(self, name: str, limit: int) -> None:
        if name not in self.alive:
            return
        self.now += timedelta(microseconds=1)
        model, conn = self.model, self.conn
        due = {person for person in PEOPLE if model.is_due(person, self.now)}
        batch = self.hands[name].take(
            conn, self.send_id, Channel(is_practice=True), RULES, Limits(messages=limit), self.now
        )
        conn.commit()
        if model.campaign != "running":
            assert batch is None or model.campaign == "done"
            assert not batch
            return
        assert batch is not None
        assert bool(batch.claimed) == bool(due)
        assert batch.claimed <= limit
        silenced = self.silenced_by(due)
        assert batch.claimed == len(batch) + len(silenced)
        assert set(batch.customer_id) <= due - model.withdrawn
        assert silenced <= model.withdrawn
        for person in silenced:
            model.state[person] = "silent"
        for person in batch.customer_id:
            model.state[person] = "handed"
            model.holder[person] = (name, self.now)
            model.counted[person] = self.now
        if len(batch):
            self.batches.append((name, batch))

    def silenced_by(self, due: set[int]) -> set[int]:
        rows = self.conn.execute("select customer_id from message where state = 'silent'")
        found = {row[0] for row in rows}
        self.conn.commit()
        return found & due

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), kind=st.sampled_from(OutcomeKind), counts=st.booleans())
    def report(self, data: st.DataObject, kind: OutcomeKind, counts: bool) -> None:
        name, batch = data.draw(st.sampled_from(self.batches))
        row = data.draw(st.sampled_from(range(len(batch))))
        person, model = batch.customer_id[row], self.model
        outcome = Outcome(kind, 250, "words", "dot", counts=counts)
        attempts = batch.attempts[row]
        result = Result(batch.send, batch.bucket[row], person, batch.handed_at, attempts, outcome)
        written = record_results(self.conn, name, [result], self.now)
        self.conn.commit()
        is_open = model.state[person] in ("handed", "uncertain")
        is_ours = model.holder.get(person) == (name, batch.handed_at)
        assert written == int(is_open and is_ours)
        if not written:
            return
        model.attempts[person] += counts
        model.state[person] = {
            OutcomeKind.ACCEPTED: "accepted",
            OutcomeKind.PERMANENT: "failed",
            OutcomeKind.UNKNOWN: "uncertain",
            OutcomeKind.RETRY: "deferred",
        }[kind]
        if kind is OutcomeKind.RETRY:
            model.due[person] = next_attempt(attempts + counts, self.now)
            model.counted.pop(person, None)
            if model.campaign == "cancelled":
                model.state[person] = "silent"
            elif model.campaign == "done":  # it was not: this one may still be sent
                model.campaign = "running"

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def never_heard_of_the_commit(self, data: st.DataObject) -> None:
        name, batch = self.batches[-1]
        ours = [p for p in batch.customer_id if self.model.holder[p] == (name, batch.handed_at)]
        handed = [p for p in ours if self.model.state[p] == "handed"]
        assert release_batch(self.conn, name, self.send_id, batch.handed_at) == len(handed)
        self.conn.commit()
        for person in handed:
            gone = self.model.campaign == "cancelled"
            self.model.state[person] = "silent" if gone else "queued"
            self.model.counted.pop(person, None)
        self.batches.pop()

    @rule(person=st.sampled_from(PEOPLE))
    def withdraw(self, person: int) -> None:
        self.model.withdrawn.add(person)
        self.conn.execute(
            "update contact_state set consent = 'withdrawn' where customer_id = %s", [person]
        )
        self.conn.commit()

    @rule(name=DISPATCHERS)
    def die(self, name: str) -> None:
        self.alive.discard(name)

    @rule()
    def sweep_up(self) -> None:
        model = self.model
        beats = dict(self.conn.execute("select id, seen_at from dispatcher"))
        stale = {
            person
            for person in PEOPLE
            if model.state[person] == "handed" and self.is_given_up(*model.holder[person], beats)
        }
        swept = sweep(self.conn, self.now)
        self.conn.commit()
        assert swept == len(stale)
        for person in stale:
            model.state[person] = "uncertain"
        over = {"accepted", "failed", "uncertain", "silent"}
        if model.campaign == "running" and set(model.state.values()) <= over:
            model.campaign = "done"

    def is_given_up(self, name: str, since: datetime, beats: dict[str, datetime]) -> bool:
        late = self.now - since > timedelta(seconds=30)
        dead = beats[name] <= self.now - ALIVE_WITHIN if name in beats else True
        very_late = self.now - since > timedelta(seconds=30, minutes=15)
        return late and (dead or very_late)

    @rule(word=st.sampled_from([pause_campaign, resume_campaign]))
    def pause_or_resume(self, word: object) -> None:
        since, becomes = {
            pause_campaign: ("running", "paused"),
            resume_campaign: ("paused", "running"),
        }[word]
        try:
            word(self.conn, self.campaign_id, now=self.now)  # type: ignore[operator]
            assert self.model.campaign == since
            self.model.campaign = becomes
        except Refused:
            assert self.model.campaign != since
        self.conn.commit()

    @precondition(lambda self: self.now > datetime(2026, 5, 4, 3, 0, 30, tzinfo=UTC))
    @rule()
    def cancel(self) -> None:
        try:
            cancel_campaign(self.conn, self.campaign_id, now=self.now)
        except Refused:
            assert self.model.campaign in ("done", "cancelled")
            self.conn.rollback()
            return
        self.conn.commit()
        self.model.campaign = "cancelled"
        for person, state in self.model.state.items():
            if state in ("queued", "deferred"):
                self.model.state[person] = "silent"

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        rows = self.conn.execute("select customer_id, state, attempts, due_at from message")
        found = {row[0]: row[1:] for row in rows}
        assert {person: row[0] for person, row in found.items()} == self.model.state
        assert {person: row[1] for person, row in found.items()} == self.model.attempts
        counted = dict(
            self.conn.execute(
                "select customer_id, handed_at[1] from contact_state where handed_at <> '{}'"
            )
        )
        assert counted == self.model.counted
        self.conn.commit()


@pytest.fixture
def machine(conn: psycopg.Connection, settings: Settings, tmp_path: Path) -> type:
    """The machine on this test's database."""
    Messages.conn, Messages.settings = conn, settings
    return Messages


@pytest.mark.parametrize("examples", [30, pytest.param(1000, marks=pytest.mark.soak)])
@pytest.mark.timeout(3600)
def test_messages_go_only_where_they_should(machine: type, examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
