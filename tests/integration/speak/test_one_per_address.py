"""Addresses change their owner while a campaign runs: each gets one letter."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from dangol.decide.campaign.addresses import forget_addresses
from dangol.decide.campaign.service import cancel_campaign, get_campaign
from dangol.decide.guard.rules import read_rules
from dangol.settings import Settings
from dangol.speak.outbox.handoff import Channel, Handed, HandOff, Limits
from dangol.store.keyring import Keyring
from dangol.testing.mailing import add_people, launch_to, prepare_brand

NOON = datetime(2026, 5, 4, 3, tzinfo=UTC)  # in Seoul


@pytest.fixture
def send_id(conn: psycopg.Connection, settings: Settings, keyring: Keyring) -> int:
    """The send of a campaign to customers 1 to 4; nobody was written to yet."""
    prepare_brand(conn, NOON)
    add_people(conn, keyring, range(1, 5), NOON)
    conn.commit()
    found = get_campaign(conn, launch_to(conn, settings, range(1, 5), NOON)).send_id
    conn.commit()
    assert found is not None
    return found


def hand(conn: psycopg.Connection, send_id: int, size: int, minute: int) -> Handed:
    rules, limits = read_rules(conn), Limits(messages=size)
    conn.commit()
    now = NOON + timedelta(minutes=minute)
    batch = HandOff("d").take(conn, send_id, Channel(is_practice=True), rules, limits, now)
    conn.commit()
    assert batch is not None
    return batch


def move(conn: psycopg.Connection, keyring: Keyring, customer_id: int, name: str) -> None:
    """From now on the customer's address is `name` at the shop's domain."""
    address = f"{name}@coffee.example"
    conn.execute(
        "update contact_point set address = %s, address_hash = %s where customer_id = %s",
        [address, keyring.address_hash("email", address), customer_id],
    )
    conn.commit()


def test_an_address_that_went_to_somebody_else_is_not_written_to_twice(
    conn: psycopg.Connection, keyring: Keyring, send_id: int
) -> None:
    assert hand(conn, send_id, 1, 0).address == ["u1@coffee.example"]
    move(conn, keyring, 1, "elsewhere")
    move(conn, keyring, 2, "u1")  # got a letter
    move(conn, keyring, 3, "new")  # nobody's before
    move(conn, keyring, 4, "new")
    rest = hand(conn, send_id, 10, 1)
    assert (rest.customer_id, rest.address) == ([3], ["new@coffee.example"])
    silent = "select customer_id, reason from message where state = 'silent' order by customer_id"
    assert conn.execute(silent).fetchall() == [(2, "shared_address"), (4, "shared_address")]


def test_an_address_stays_with_whom_it_was_planned_for(
    conn: psycopg.Connection, keyring: Keyring, send_id: int
) -> None:
    move(conn, keyring, 1, "u4")  # who waits
    batch = hand(conn, send_id, 10, 0)
    assert batch.customer_id == [2, 3, 4]
    assert batch.address[2] == "u4@coffee.example"


def test_what_was_taken_is_forgotten_when_the_campaign_is_over(
    conn: psycopg.Connection, send_id: int
) -> None:
    row = conn.execute("select id from campaign where send_id = %s", [send_id]).fetchone()
    assert row is not None
    cancel_campaign(conn, row[0], now=NOON)
    assert forget_addresses(conn, NOON + timedelta(days=6)) == 0
    assert forget_addresses(conn, NOON + timedelta(days=8)) == 4


def test_nothing_that_is_handed_over_may_leave_in_quiet_hours(
    conn: psycopg.Connection, send_id: int
) -> None:
    conn.execute("delete from setting where key = 'hours'")  # 21:00 to 08:00, the default
    edge = datetime(2026, 5, 4, 12, tzinfo=UTC)  # 21:00 in Seoul
    assert hand(conn, send_id, 1, 60).send_by == NOON + timedelta(minutes=60, seconds=30)
    batch = hand(conn, send_id, 1, (edge - NOON) // timedelta(minutes=1) - 1)
    assert batch.send_by == edge - timedelta(seconds=30)
    late = edge - timedelta(seconds=1)
    rules, limits = read_rules(conn), Limits(messages=10)
    conn.commit()
    last = HandOff("d").take(conn, send_id, Channel(is_practice=True), rules, limits, late)
    assert last is not None
    assert len(last) == 2
    assert last.send_by == edge
    stored = conn.execute("select max(send_by) from message").fetchone()
    assert stored == (edge,)


def test_a_decision_keeps_the_versions_of_what_decided(
    conn: psycopg.Connection, send_id: int
) -> None:
    rules = read_rules(conn)
    assert rules.version == "2.0.1.0"  # of the checks, the caps, the hours and attention
    hand(conn, send_id, 1, 0)
    row = conn.execute("select seen from message where state = 'handed'").fetchone()
    assert row is not None
    assert (row[0]["rules"], row[0]["model"]) == (rules.version, None)
