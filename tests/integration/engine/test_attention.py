"""Attention as it is kept, by Live and the hand-off together, against a plain fold of the same events."""

import datetime as dt
from collections.abc import Callable
from random import Random

import psycopg
import pytest

from dangol.decide.campaign.sends import NewSend, create_send, queue_message
from dangol.decide.guard.rules import Rules
from dangol.decide.guard.store import load_people
from dangol.know.attention.ledger import Kind, level_of
from dangol.know.attention.service import find_attention
from dangol.know.identity.merge import Merge, merge_customers
from dangol.model.consent import ALL_TOPICS
from dangol.model.customer import bucket_of
from dangol.model.message import MessageKind
from dangol.model.stage import Stage
from dangol.settings import Settings
from dangol.speak.outbox.handoff import Channel, HandOff, Limits, release_batch
from dangol.store.keyring import load_keyring
from dangol.testing.mailing import add_people
from tests.integration.engine.conftest import NOW, Tell

EVERYTHING = Rules(
    per_day=99, per_week=999, care=0.0, quiet_from=dt.time(0), quiet_until=dt.time(0)
)
GAINS = {"Page Viewed": 1.0, "Order Completed": 3.0, "Survey Answered": 6.0}
DAY = dt.timedelta(days=1)
ANN = 5


@pytest.fixture
def ann(conn: psycopg.Connection, settings: Settings, apply: Callable[[], None], tell: Tell) -> int:
    """Somebody who said that she may be written to, and somebody else."""
    add_people(conn, load_keyring(settings.keyring_path), [ANN, ANN + 1], NOW)
    for who in (ANN, ANN + 1):
        yes = {"channel": "email", "topic": "*", "state": "granted"}
        tell(who, "Consent Changed", yes, time=NOW - 400 * DAY)
    apply()
    return ANN


def hand(conn: psycopg.Connection, who: int, at: dt.datetime, kind: str = "news") -> int:
    """Hand one message over, and return its send."""
    new = NewSend(kind="campaign", message_kind=MessageKind(kind))
    send_id = create_send(conn, new, by="test", now=at)
    queue_message(conn, send_id, who, now=at)
    conn.execute(
        "update message set address = (select address from contact_point p"
        " where p.customer_id = message.customer_id) where send_id = %s",
        [send_id],
    )
    conn.commit()
    batch = HandOff("d").take(
        conn, send_id, Channel(is_practice=True), EVERYTHING, Limits(messages=9), at
    )
    conn.commit()
    assert batch is not None
    assert list(batch.customer_id) == [who]
    return send_id


def left(conn: psycopg.Connection, who: int, at: dt.datetime) -> float:
    """What the guard sees, which is what the customer's page shows."""
    seen = load_people(conn, [bucket_of(who)], [who], topic=ALL_TOPICS, now=at)[0][14]
    shown = find_attention(conn, who, Stage.ACTIVE, 1.0, at).level
    assert shown == pytest.approx(seen, abs=1e-4)
    return seen


@pytest.mark.parametrize("seed", range(6))
def test_kept_and_folded_are_one_and_the_same(
    conn: psycopg.Connection,
    apply: Callable[[], None],
    tell: Tell,
    ann: int,
    seed: int,
) -> None:
    """Letters, reactions, acts and refusals in turn, heard in batches that are cut anywhere."""
    random = Random(seed)
    told: list[tuple[float, Kind, float]] = []
    sent: dict[int, list] = {}
    visited, days = -1.0, 0.0
    for _ in range(40):
        days += random.choice([0.01, 0.05, 0.5, 2.0])
        at = NOW - 60 * DAY + days * DAY
        what = random.choice(["send", "service", "open", "click", *GAINS, "left", "pause", "yes"])
        if what in ("send", "service"):
            apply()
            send_id = hand(conn, ann, at, "news" if what == "send" else "service")
            if what == "send":
                told.append((days, Kind.SENT, 2.0))
            sent[send_id] = [days, 0.0 if what == "send" else None]
        elif what in ("open", "click") and sent:
            send_id = random.choice(list(sent))
            is_machine = random.random() < 0.2
            props = {"send_id": send_id, "n": days} | ({"machine": True} if is_machine else {})
            tell(ann, "Message Opened" if what == "open" else "Message Clicked", props, time=at)
            share, (since, before) = {"open": 0.5, "click": 1.0}[what], sent[send_id]
            if not is_machine and before is not None and days - since <= 3 and share > before:
                told.append((days, Kind.GIVEN, 2.0 * (share - before)))
                sent[send_id][1] = share
        elif what in GAINS:
            tell(ann, what, {"n": days}, time=at)
            if what != "Page Viewed" or (days - visited) * 1440 > 30:
                told.append((days, Kind.GIVEN, GAINS[what]))
                visited = days if what == "Page Viewed" else visited
        elif what in ("left", "pause", "yes"):
            state, topic = ("granted" if what == "yes" else "withdrawn"), "!pause"
            props = {"channel": "email", "state": state, "topic": "t" if what == "left" else topic}
            tell(ann, "Consent Changed", props | {"n": days}, time=at)
            told += [(days, Kind.LEFT_CHANNEL, 0.0)] if what == "left" else []
        if random.random() < 0.4:
            apply()
    apply()
    apply()
    first = next(n for n, (_, kind, _) in enumerate(told) if kind is Kind.SENT)
    told, later = told[first:], days + random.random()
    expected = level_of(told, later)
    assert left(conn, ann, NOW - 60 * DAY + later * DAY) == pytest.approx(expected, abs=1e-6)


def test_the_same_event_again_gives_nothing_again(
    conn: psycopg.Connection, apply: Callable[[], None], tell: Tell, ann: int
) -> None:
    hand(conn, ann, NOW)
    for _ in range(3):
        tell(ann, "Order Completed", {"order_id": 1})
        apply()
        conn.execute("delete from inbox")
    assert left(conn, ann, NOW) == 11.0


def test_a_complaint_locks_for_ninety_days(
    conn: psycopg.Connection, apply: Callable[[], None], tell: Tell, ann: int
) -> None:
    hand(conn, ann, NOW - DAY)
    tell(ann, "Message Complained")
    tell(ann, "Survey Answered", time=NOW - dt.timedelta(minutes=1))
    apply()
    assert left(conn, ann, NOW + 89 * DAY) == 0.0
    assert left(conn, ann, NOW + 91 * DAY) == pytest.approx(10, abs=0.1)


def test_what_surely_did_not_leave_costs_nothing(conn: psycopg.Connection, ann: int) -> None:
    send_id = hand(conn, ann, NOW)
    assert left(conn, ann, NOW) == 8.0
    assert release_batch(conn, "d", send_id, NOW) == 1
    assert left(conn, ann, NOW + DAY) == pytest.approx(10.0)


def test_what_each_took_counts_for_both_once_they_are_one(
    conn: psycopg.Connection, ann: int
) -> None:
    for who in (ann, ann, ann + 1):
        hand(conn, who, NOW)
    for _ in range(2):
        merge_customers(conn, [Merge(loser_id=ann + 1, winner_id=ann)], NOW)
        assert left(conn, ann, NOW) == pytest.approx(4.0)
        assert left(conn, ann + 1, NOW) == 10.0


def test_who_is_tired_is_not_written_to_and_the_decision_says_what_it_saw(
    conn: psycopg.Connection, ann: int
) -> None:
    hand(conn, ann, NOW)
    hand(conn, ann, NOW)
    hand(conn, ann, NOW)
    new = NewSend(kind="campaign", message_kind=MessageKind.NEWS, holdout_share=0.0)
    send_id = create_send(conn, new, by="test", now=NOW)
    queue_message(conn, send_id, ann, now=NOW)
    conn.commit()
    rules = Rules(per_day=9, per_week=9, quiet_from=dt.time(0), quiet_until=dt.time(0))
    HandOff("d").take(conn, send_id, Channel(is_practice=True), rules, Limits(), NOW)
    row = conn.execute("select state, reason, seen from message where send_id = %s", [send_id])
    state, reason, seen = row.fetchone()
    assert (state, reason) == ("silent", "needs_rest")
    assert (seen["attention"], seen["needed"], seen["stage"]) == (4.0, 6.0, "unknown")
    assert left(conn, ann, NOW) == 4.0, "what is not sent costs nothing"
