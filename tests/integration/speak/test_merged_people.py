"""Two customers of one audience turn out to be one person while the campaign runs."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from dangol.decide.campaign.service import get_campaign
from dangol.decide.guard.rules import read_rules
from dangol.know.identity.merge import Merge, merge_customers
from dangol.settings import Settings
from dangol.speak.outbox.handoff import Channel, Handed, HandOff, Limits
from dangol.store.keyring import Keyring
from dangol.testing.mailing import add_people, launch_to, prepare_brand

NOON = datetime(2026, 5, 4, 3, tzinfo=UTC)  # in Seoul


@pytest.fixture
def send_id(conn: psycopg.Connection, settings: Settings, keyring: Keyring) -> int:
    """The send of a campaign to customers 1, 2 and 3; nobody was written to yet."""
    prepare_brand(conn, NOON)
    add_people(conn, keyring, range(1, 4), NOON)
    conn.execute(
        "update customer c set traits = jsonb_build_object('email', p.address),"
        ' trait_stamps = \'{"email": "0"}\' from contact_point p'
        " where p.customer_id = c.customer_id"
    )
    conn.commit()
    campaign_id = launch_to(conn, settings, range(1, 4), NOON)
    found = get_campaign(conn, campaign_id).send_id
    conn.commit()
    assert found is not None
    return found


def hand_one_batch(conn: psycopg.Connection, send_id: int, size: int, minute: int) -> Handed:
    now = NOON + timedelta(minutes=minute)
    channel, rules = Channel(is_practice=True), read_rules(conn)
    conn.commit()
    batch = HandOff("d").take(conn, send_id, channel, rules, Limits(messages=size), now)
    conn.commit()
    assert batch is not None
    return batch


@pytest.mark.parametrize("state", ["handed", "accepted", "uncertain"])
def test_who_was_reached_under_another_id_is_not_reached_again(
    conn: psycopg.Connection, send_id: int, state: str
) -> None:
    assert hand_one_batch(conn, send_id, 1, 0).customer_id == [1]
    conn.execute("update message set state = %s where customer_id = 1", [state])
    merge_customers(conn, [Merge(loser_id=1, winner_id=2)], NOON)
    conn.commit()
    assert hand_one_batch(conn, send_id, 10, 1).customer_id == [3]
    rows = dict(
        conn.execute("select customer_id, state || ':' || coalesce(reason, '') from message")
    )
    assert rows == {1: f"{state}:", 2: "silent:already_sent", 3: "handed:"}
    told = "select customer_id from inbox where name = 'Message Suppressed'"
    assert conn.execute(told).fetchall() == [(2,)]


def test_who_was_refused_under_another_id_is_still_reached(
    conn: psycopg.Connection, send_id: int
) -> None:
    conn.execute("update message set state = 'failed' where customer_id = 1")
    merge_customers(conn, [Merge(loser_id=1, winner_id=2)], NOON)
    conn.commit()
    assert hand_one_batch(conn, send_id, 10, 1).customer_id == [2, 3]
