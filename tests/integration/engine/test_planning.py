"""Campaigns from launch to rows: the schedule starts them, a job asks the lake and plans."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest

from dangol.decide.campaign.model import CampaignState, Draft, Schedule
from dangol.decide.campaign.results import results
from dangol.decide.campaign.service import (
    cancel_campaign,
    create_campaign,
    get_campaign,
    pause_campaign,
    resume_campaign,
)
from dangol.decide.guard.rules import read_rules
from dangol.engine.jobs import list_jobs, work_once
from dangol.engine.planning import count_campaign, name_campaign, start_campaigns
from dangol.engine.workers import find_handler
from dangol.know.segment.service import create_segment
from dangol.know.timing.service import relearn_hours
from dangol.settings import Settings
from dangol.speak.launch import launch_campaign
from dangol.speak.letter.service import create_letter
from dangol.speak.outbox.handoff import Channel, HandOff, Limits
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect
from dangol.testing.mailing import add_people, letter_of, prepare_brand


@pytest.fixture
def shop(dsn: str, tmp_path: Path, conn: psycopg.Connection) -> Settings:
    """Three hundred people, a hundred and fifty of them in Busan."""
    settings = Settings(data=tmp_path, database_url=dsn)
    now = datetime.now(UTC)
    prepare_brand(conn, now)
    add_people(conn, load_keyring(settings.keyring_path), range(1, 301), now)
    conn.execute(
        'update customer set traits = traits || \'{"city": "Busan"}\' where customer_id % 2 = 0'
    )
    conn.execute("update contact_state set consent = 'unknown' where customer_id <= 20")
    conn.commit()
    return settings


def work_on_jobs(settings: Settings) -> None:
    with connect(settings.database_url or "", name="job", autocommit=True) as conn:
        while work_once(conn, settings, "test", find_handler, threading.Event()):
            pass


def test_a_segment_gets_its_letter(conn: psycopg.Connection, shop: Settings) -> None:
    now = datetime.now(UTC)
    busan = {"kind": "trait", "name": "city", "op": "eq", "value": "Busan"}
    segment = create_segment(conn, "Busan", busan, "test", now).segment
    letter = create_letter(conn, "Beans", letter_of(), by="test", now=now)
    draft = Draft(name="Beans", segment_id=segment.id, letter_id=letter.id)
    campaign = create_campaign(conn, draft, by="test", now=now)
    conn.commit()
    counted = count_campaign(shop, campaign.id, now)
    assert (counted.people, counted.reached, counted.left_out) == (150, 140, {"no_consent": 10})
    keyring = load_keyring(shop.keyring_path)
    launch_campaign(conn, shop, keyring, campaign.id, by="test", now=now)
    conn.commit()
    start_campaigns(shop, now)
    start_campaigns(shop, now)
    assert len(list_jobs(conn, kind="campaign_plan")) == 1
    work_on_jobs(shop)
    assert get_campaign(conn, campaign.id).state is CampaignState.RUNNING
    found = results(conn, campaign.id)
    states = {(one.state.value, one.reason): one.messages for one in found.standings}
    assert states == {("queued", None): 140, ("silent", "no_consent"): 10}
    job = list_jobs(conn, kind="campaign_plan")[0]
    assert (job.state, job.result) == ("done", {"people": 150, "written": 150})


def test_a_later_campaign_waits_for_its_time(conn: psycopg.Connection, shop: Settings) -> None:
    now = datetime.now(UTC)
    at = now + timedelta(hours=3)
    letter = create_letter(conn, "Beans", letter_of(), by="test", now=now)
    draft = Draft(name="Beans", letter_id=letter.id, schedule=Schedule(at=at))
    campaign = create_campaign(conn, draft, by="test", now=now)
    keyring = load_keyring(shop.keyring_path)
    launch_campaign(conn, shop, keyring, campaign.id, by="test", now=now)
    conn.commit()
    start_campaigns(shop, now)
    assert list_jobs(conn, kind="campaign_plan") == []
    assert get_campaign(conn, campaign.id).state is CampaignState.SCHEDULED
    start_campaigns(shop, at - timedelta(minutes=1))
    work_on_jobs(shop)
    due = conn.execute("select distinct due_at from message").fetchall()
    assert due == [(at,)]


def live_by_habit(conn: psycopg.Connection, settings: Settings, now: datetime) -> None:
    """Forty people come at hours of their own, which are learned."""
    conn.execute(
        "insert into event_recent (bucket, customer_id, time, event_id, name, received_at,"
        " recorded_at, props, source, effect, cause)"
        " select n %% 1024, n, at, gen_random_uuid(), 'Page Viewed', at, at, '{}', 'test', 'live',"
        " 'behaviour' from generate_series(21, 60) n, generate_series(1, 25) back,"
        " lateral (select (date_trunc('day', %(now)s) - back * interval '1 day'"
        " + n * 7 %% 24 * interval '1 hour' + interval '9 minutes')"
        " as at) t",
        {"now": now},
    )
    conn.commit()
    assert relearn_hours(settings, now)


def test_everyone_is_due_at_an_hour_of_their_own(conn: psycopg.Connection, shop: Settings) -> None:
    now = datetime.now(UTC)
    live_by_habit(conn, shop, now)
    letter = create_letter(conn, "Beans", letter_of(), by="test", now=now)
    draft = Draft(name="Beans", letter_id=letter.id, schedule=Schedule(best_hour=True))
    campaign = create_campaign(conn, draft, by="test", now=now)
    conn.commit()
    counted = count_campaign(shop, campaign.id, now)
    assert (counted.people, counted.reached, counted.waiting) == (300, 280, 0)
    assert sum(counted.hours) == sum(counted.sources.values()) == 280
    for hour in (3, counted.hours.index(max(counted.hours))):
        named = name_campaign(shop, campaign.id, f"hour_{hour}", (0, 500), now)
        assert named.people == counted.hours[hour]
    launch_campaign(conn, shop, load_keyring(shop.keyring_path), campaign.id, by="test", now=now)
    conn.commit()
    start_campaigns(shop, now)
    work_on_jobs(shop)
    rows = conn.execute(
        "select customer_id, due_at, seen->'timing' from message where state = 'deferred'"
        " and reason = 'best_hour' and due_at between %s and %s",
        [now, now + timedelta(hours=24)],
    ).fetchall()
    assert len(rows) == 280
    chosen = [(who, due, told) for who, due, told in rows if told["from"] != "lot"]
    assert len(chosen) > 230
    own = {who for who, _, told in chosen if told["from"] == "own"}
    assert own <= set(range(21, 61))
    assert len(own) > 30
    assert len({told["hour"] for who, _, told in chosen if who not in own}) == 1
    for who, due, told in [one for one in chosen if one[0] in own]:
        local = due.astimezone(ZoneInfo("Asia/Seoul"))
        assert (local.hour, told["hour"], local.minute) == (told["hour"], told["hour"], 0)
        habit = (who * 7 + 9) % 24
        assert told["hour"] in (habit, (habit - 1) % 24), "at the habit, or a little before"
    hand_at_their_hours(conn, campaign.id, chosen, now)


def hand_at_their_hours(
    conn: psycopg.Connection, campaign_id: UUID, chosen: list[tuple], now: datetime
) -> None:
    """Nobody before; not while paused; then with the reason kept; nobody after cancelling."""
    campaign = get_campaign(conn, campaign_id)
    first = min(due for _, due, _ in chosen)
    send_id = campaign.send_id
    assert send_id is not None

    def hand(at: datetime) -> list[int]:
        rules, limits = read_rules(conn), Limits(messages=1000)
        conn.commit()
        batch = HandOff("d").take(conn, send_id, Channel(is_practice=True), rules, limits, at)
        return [] if batch is None else list(batch.customer_id)

    assert hand(now) == []
    pause_campaign(conn, campaign_id, now=now)
    assert hand(first) == []
    resume_campaign(conn, campaign_id, now=now)
    assert set(hand(first)) >= {who for who, due, _ in chosen if due == first}
    who, _, told = next(one for one in chosen if one[1] == first)
    row = conn.execute("select state, seen from message where customer_id = %s", [who]).fetchone()
    assert row is not None
    assert (row[0], row[1]["timing"], row[1]["attention"]) == ("handed", told, 10.0)
    cancel_campaign(conn, campaign_id, now=now)
    assert hand(now + timedelta(hours=24)) == []


def test_while_nobodys_hours_are_known_everybody_gets_it_at_once(
    conn: psycopg.Connection, shop: Settings
) -> None:
    now = datetime.now(UTC)
    letter = create_letter(conn, "Beans", letter_of(), by="test", now=now)
    draft = Draft(name="Beans", letter_id=letter.id, schedule=Schedule(best_hour=True))
    campaign = create_campaign(conn, draft, by="test", now=now)
    conn.commit()
    counted = count_campaign(shop, campaign.id, now)
    assert (counted.reached, counted.hours, counted.sources) == (280, [], {"unknown": 280})
    launch_campaign(conn, shop, load_keyring(shop.keyring_path), campaign.id, by="test", now=now)
    conn.commit()
    start_campaigns(shop, now)
    work_on_jobs(shop)
    found = conn.execute("select count(*) from message where state = 'queued'").fetchone()
    assert found == (280,)
