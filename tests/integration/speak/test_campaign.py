"""Campaigns before they leave: counted, refused, planned, resumed; and each row explained."""

import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import psycopg
import pyarrow as pa
import pytest
from msgspec.structs import replace

from dangol.decide.campaign.audience import Forecast, count_audience
from dangol.decide.campaign.model import CampaignState, Draft, Schedule
from dangol.decide.campaign.planning import Plan, chunks_of, members_of, plan_chunk
from dangol.decide.campaign.results import list_messages, resend_uncertain, results, why
from dangol.decide.campaign.sends import get_send
from dangol.decide.campaign.service import (
    cancel_campaign,
    create_campaign,
    delete_draft,
    edit_campaign,
    get_campaign,
    list_campaigns,
    pause_campaign,
)
from dangol.decide.guard.facts import Occasion
from dangol.decide.guard.rules import read_rules
from dangol.errors import Conflict, InputError, Refused
from dangol.model.customer import bucket_of
from dangol.model.message import MessageKind, MessageState
from dangol.model.verdict import Allowed
from dangol.settings import Settings
from dangol.speak.channel.config import choose_config, parse_config, save_config
from dangol.speak.launch import check_campaign, launch_campaign, send_test
from dangol.speak.letter.content import parse_letter
from dangol.speak.letter.service import create_letter
from dangol.speak.outbox.handoff import Channel, HandOff, Limits
from dangol.speak.outbox.sweep import silence_cancelled
from dangol.store.backup.hold import Hold, hold_statement
from dangol.store.keyring import Keyring
from dangol.testing.mailing import add_people, launch_to, letter_of, prepare_brand

NOON = datetime(2026, 5, 4, 3, tzinfo=UTC)  # in Seoul
CHANNEL = Channel(is_practice=True)


@pytest.fixture
def shop(conn: psycopg.Connection, settings: Settings, keyring: Keyring) -> Settings:
    """A brand that may send, and forty people."""
    prepare_brand(conn, NOON)
    add_people(conn, keyring, range(1, 41), NOON)
    conn.commit()
    return settings


def spoil(conn: psycopg.Connection, keyring: Keyring) -> dict[int, str]:
    """Make reasons against writing to people 1 to 12; returns them."""
    key = "where customer_id = {} and bucket = customer_id % 1024"
    changes = {
        1: ("update contact_state set consent = 'unknown' ", "no_consent"),
        2: ("update contact_state set consent = 'withdrawn' ", "withdrawn"),
        3: ("delete from contact_point ", "no_address"),
        4: ("update contact_state set objected_at = now() ", "objected"),
        5: ("update contact_state set paused_until = 'infinity' ", "paused"),
        6: ("update customer set merged_into = 99 ", "merged"),
        7: ("update customer set erased_at = now() ", "erased"),
        8: (f"update contact_state set handed_at = array['{NOON.isoformat()}'::timestamptz] ",
            "too_often"),
        9: ("update contact_point set address = 'nobody' ", "bad_address"),
    }  # fmt: skip
    for person, (change, _) in changes.items():
        conn.execute(change + key.format(person))  # type: ignore[arg-type]
    suppressed = keyring.address_hash("email", "u10@coffee.example")
    conn.execute(
        "insert into suppression (address_hash, channel, reason, covers, at)"
        " values (%s, 'email', 'bounce', 'everything', now())",
        [suppressed],
    )
    conn.execute(
        "insert into thread (bucket, customer_id, id, subject, state, is_complaint, opened_at,"
        " last_at) values (11, 11, gen_random_uuid(), 'broken cup', 'open', true, now(), now())"
    )
    conn.execute(
        "update contact_point p set address = o.address, address_hash = o.address_hash"
        " from contact_point o where o.customer_id = 13 and p.customer_id = 12"
    )
    conn.commit()
    reasons = {person: reason for person, (_, reason) in changes.items()}
    return reasons | {10: "suppressed", 11: "open_complaint", 13: "shared_address"}


def hand_everything(conn: psycopg.Connection, send_id: int, now: datetime) -> list[int]:
    """Take batch after batch as a dispatcher would; returns who was handed over."""
    hand_off, taken = HandOff("d"), []
    conn.commit()
    conn.autocommit = True
    while True:
        limits = Limits(messages=7)
        batch = hand_off.take(conn, send_id, CHANNEL, read_rules(conn), limits, now)
        if batch is None or not batch.claimed:
            conn.autocommit = False
            return taken
        taken.extend(batch.customer_id)
        now += timedelta(milliseconds=1)


def test_what_was_counted_is_what_happens(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    reasons = spoil(conn, keyring)
    people = range(1, 41)
    members = members_of(audience_of(people))
    rules = read_rules(conn)
    occasion = Occasion(send_id=1, kind=MessageKind.NEWS, is_practice=True)
    forecast = Forecast(members=members, occasion=occasion, rules=rules, at=NOON)
    count = count_audience(conn, forecast)
    assert count.left_out == dict(Counter(reasons.values()))
    assert (count.people, count.reached, count.waiting) == (40, 40 - len(reasons), 0)
    campaign_id = launch_to(conn, shop, people, NOON)
    send_id = get_campaign(conn, campaign_id).send_id
    assert send_id is not None
    taken = hand_everything(conn, send_id, NOON)
    assert sorted(taken) == sorted(set(people) - set(reasons))
    found = results(conn, campaign_id)
    silent = {one.reason: one.messages for one in found.standings if one.state == "silent"}
    assert silent == count.left_out
    for person, reason in reasons.items():
        explanation = why(conn, send_id, person, is_practice=True, now=NOON)
        assert (explanation.state, explanation.reason) == (MessageState.SILENT, reason)
        if reason != "shared_address":
            refused = [v for _, v in explanation.checks_now if not isinstance(v, Allowed)]
            assert refused[0].reason.code == reason
    for one in found.standings:
        listed = list_messages(conn, campaign_id, state=one.state, reason=one.reason or "")
        assert len(listed) == one.messages
    events = conn.execute("select name, count(*) from inbox group by name").fetchall()
    assert events == [("Message Suppressed", 1)]  # whoever was queued and refused at hand-off


def audience_of(people: range) -> pa.Table:
    buckets = pa.array([bucket_of(one) for one in people], pa.int32())
    return pa.table({"bucket": buckets, "customer_id": pa.array(list(people), pa.int64())})


def test_quiet_hours_put_off_by_zone(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    conn.execute("delete from setting where key = 'hours'")
    conn.execute("update customer set zone = 'America/New_York' where customer_id <= 10")
    forecast = Forecast(
        members=members_of(audience_of(range(1, 41))),
        occasion=Occasion(send_id=1, kind=MessageKind.NEWS, is_practice=True),
        rules=read_rules(conn),
        at=NOON,
    )
    count = count_audience(conn, forecast)
    assert (count.reached, count.waiting) == (30, 10)
    campaign_id = launch_to(conn, shop, range(1, 41), NOON)
    send_id = get_campaign(conn, campaign_id).send_id or 0
    assert sorted(hand_everything(conn, send_id, NOON)) == list(range(11, 41))
    waiting = list_messages(conn, campaign_id, state=MessageState.DEFERRED, reason="quiet_hours")
    assert {row.due_at for row in waiting} == {datetime(2026, 5, 4, 12, tzinfo=UTC)}
    later = datetime(2026, 5, 4, 12, tzinfo=UTC)  # 08:00 there
    assert sorted(hand_everything(conn, send_id, later)) == list(range(1, 11))


def test_a_local_time_of_day_is_due_zone_by_zone(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    conn.execute("update customer set zone = 'America/New_York' where customer_id <= 10")
    conn.execute("update customer set zone = null where customer_id > 30")
    schedule = Schedule(day=date(2026, 5, 6), local_time=time(9))
    campaign_id = launch_to(conn, shop, range(1, 41), NOON, schedule=schedule)
    due = Counter(row.due_at for row in list_messages(conn, campaign_id))
    assert due == {
        datetime(2026, 5, 6, 0, tzinfo=UTC): 30,
        datetime(2026, 5, 6, 13, tzinfo=UTC): 10,
    }
    assert hand_everything(conn, get_campaign(conn, campaign_id).send_id or 0, NOON) == []


def test_a_holdout_is_silent_and_uses_no_attention(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    campaign_id = launch_to(conn, shop, range(1, 41), NOON, holdout_share=0.5)
    taken = hand_everything(conn, get_campaign(conn, campaign_id).send_id or 0, NOON)
    held = list_messages(conn, campaign_id, state=MessageState.HELD_OUT)
    assert len(taken) + len(held) == 40
    assert 5 < len(held) < 35
    used = conn.execute("select customer_id from contact_state where handed_at <> '{}'")
    assert sorted(row[0] for row in used) == sorted(taken)
    told = "select count(*) from inbox where name = 'Message Held Out'"
    assert conn.execute(told).fetchone() == (len(held),)


def test_planning_goes_on_where_it_was_killed(
    conn: psycopg.Connection, settings: Settings, keyring: Keyring
) -> None:
    prepare_brand(conn, NOON)
    people = range(1, 4001)
    add_people(conn, keyring, people, NOON)
    stored = create_letter(conn, "Beans", letter_of(), by="t", now=NOON)
    draft = Draft(name="Beans", letter_id=stored.id)
    campaign = create_campaign(conn, draft, by="t", now=NOON)
    send_id = launch_campaign(conn, settings, keyring, campaign.id, by="t", now=NOON)
    conn.commit()
    campaign, send = get_campaign(conn, campaign.id), get_send(conn, send_id)
    assert campaign.state is CampaignState.PLANNING
    plan = Plan(campaign=campaign, send=send, rules=read_rules(conn), is_practice=True, now=NOON)
    conn.commit()
    chunks = list(chunks_of(members_of(audience_of(people)), 300))
    assert sum(len(chunk.bucket) for chunk in chunks) == 4000
    planned = sum(plan_chunk(conn, plan, chunk) for chunk in chunks[:5])
    with conn.transaction(force_rollback=True):  # killed before the commit
        plan_chunk(conn, plan, chunks[5])
    random.Random(1).shuffle(chunks)
    planned += sum(plan_chunk(conn, plan, chunk) for chunk in chunks)
    assert planned == 4000
    count = conn.execute("select count(*), count(distinct customer_id) from message").fetchone()
    assert count == (4000, 4000)
    cancel_campaign(conn, campaign.id, now=NOON)
    conn.execute("delete from campaign_bucket")
    conn.commit()
    assert plan_chunk(conn, plan, chunks[0]) == 0, "nothing is planned after cancelling"


def test_a_large_campaign_is_cancelled_in_parts(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    campaign_id = launch_to(conn, shop, [999_999], NOON)
    send_id = get_campaign(conn, campaign_id).send_id
    conn.execute(
        "insert into message (bucket, send_id, customer_id, state, due_at, planned_at)"
        " select i %% 1024, %s, i, 'queued', %s, %s from generate_series(1001, 25000) i",
        [send_id, NOON, NOON],
    )
    conn.commit()
    assert cancel_campaign(conn, campaign_id, now=NOON) == 24_000
    conn.commit()
    left = "select count(*) from message where state = 'queued'"
    assert conn.execute(left).fetchone() == (14_000,)
    conn.commit()
    assert silence_cancelled(conn, NOON, parts=1) == 10_000
    assert silence_cancelled(conn, NOON) == 4_000
    assert silence_cancelled(conn, NOON) == 0
    assert conn.execute(left).fetchone() == (0,)


def test_drafts_change_and_launched_campaigns_do_not(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    for bad in (Draft(name=" "), Draft(name="x", holdout_share=1.0)):
        with pytest.raises(InputError):
            create_campaign(conn, bad, by="t", now=NOON)
    first = create_campaign(conn, Draft(name="a"), by="t", now=NOON)
    second = edit_campaign(
        conn, first.id, Draft(name="b"), expected=NOON, now=NOON + timedelta(seconds=1)
    )
    assert second.name == "b"
    with pytest.raises(Conflict):
        edit_campaign(conn, first.id, Draft(name="c"), expected=NOON, now=NOON)
    with pytest.raises(Refused):
        pause_campaign(conn, first.id, now=NOON)
    launched = launch_to(conn, shop, range(1, 3), NOON)
    current = get_campaign(conn, launched)
    with pytest.raises(Refused):
        edit_campaign(conn, launched, Draft(name="c"), expected=current.changed_at, now=NOON)
    with pytest.raises(Refused):
        delete_draft(conn, launched)
    delete_draft(conn, first.id)
    assert [one.id for one in list_campaigns(conn)] == [launched]


def problems_of(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring, campaign_id: UUID
) -> set[str]:
    readiness = check_campaign(conn, shop, keyring, campaign_id, NOON)
    found = {one.value for one in readiness.campaign}
    return found | {one.code.value for one in readiness.letter if one.blocks}


def test_a_launch_is_refused_saying_why(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    draft = Draft(name="x")
    campaign = create_campaign(conn, draft, by="t", now=NOON)
    assert problems_of(conn, shop, keyring, campaign.id) == {"no_letter"}
    body = [{"type": "paragraph", "runs": [{"text": "{{ customer.nonsense }}"}]}]
    blocks = [{"type": "text", "parts": body}]
    variants = {"en": {"subject": "x", "blocks": blocks}}
    wrong = create_letter(
        conn, "wrong", parse_letter({"kind": "news", "variants": variants}), by="t", now=NOON
    )
    wrong_draft = replace(draft, letter_id=wrong.id, schedule=Schedule(at=NOON - timedelta(days=9)))
    campaign = edit_campaign(conn, campaign.id, wrong_draft, expected=NOON, now=NOON)
    found = problems_of(conn, shop, keyring, campaign.id)
    assert found == {"unknown_name", "in_the_past"}
    with pytest.raises(Refused, match="unknown_name"):
        launch_campaign(conn, shop, keyring, campaign.id, by="t", now=NOON)
    assert get_campaign(conn, campaign.id).state is CampaignState.DRAFT
    right = create_letter(conn, "right", letter_of(), by="t", now=NOON)
    draft = Draft(name="x", letter_id=right.id)
    campaign = create_campaign(conn, draft, by="t", now=NOON)
    assert problems_of(conn, shop, keyring, campaign.id) == set()
    config = parse_config({"host": "smtp.provider.kr", "username": "shop"})
    config_id = save_config(conn, keyring, config, "secret", by="t", now=NOON)
    choose_config(conn, config_id, by="t", now=NOON)
    assert problems_of(conn, shop, keyring, campaign.id) >= {"no_public_address"}
    conn.execute(hold_statement(Hold(NOON, backup_at=NOON)))  # type: ignore[arg-type]
    assert "held_after_restore" in problems_of(conn, shop, keyring, campaign.id)


def test_a_test_letter_asks_nobody(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    stored = create_letter(conn, "Beans", letter_of(), by="t", now=NOON)
    conn.execute("update contact_state set consent = 'withdrawn'")
    for person in (0, 5):
        send_id = send_test(conn, stored.id, "me@shop.kr", as_customer=person, by="t", now=NOON)
        conn.commit()
        conn.autocommit = True
        rules = read_rules(conn)
        batch = HandOff("d").take(conn, send_id, CHANNEL, rules, Limits(), NOON)
        conn.autocommit = False
        assert batch is not None
        assert (list(batch.customer_id), list(batch.address)) == ([person], ["me@shop.kr"])


def test_what_is_uncertain_is_sent_again_only_by_a_persons_word(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    campaign_id = launch_to(conn, shop, range(1, 11), NOON)
    send_id = get_campaign(conn, campaign_id).send_id or 0
    hand_everything(conn, send_id, NOON)
    conn.execute("update message set state = 'uncertain' where customer_id <= 3")
    conn.execute("update message set state = 'accepted' where customer_id > 3")
    assert resend_uncertain(conn, campaign_id, now=NOON) == 3
    conn.execute("update contact_state set handed_at = '{}'")
    later = NOON + timedelta(minutes=1)
    assert sorted(hand_everything(conn, send_id, later)) == [1, 2, 3]
