"""Campaigns from launch to rows: the schedule starts them, a job asks the lake and plans."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from dangol.decide.campaign.model import CampaignState, Draft, Schedule
from dangol.decide.campaign.results import results
from dangol.decide.campaign.service import create_campaign, get_campaign
from dangol.engine.jobs import list_jobs, work_once
from dangol.engine.planning import count_campaign, start_campaigns
from dangol.engine.workers import find_handler
from dangol.know.segment.service import create_segment
from dangol.settings import Settings
from dangol.speak.launch import launch_campaign
from dangol.speak.letter.service import create_letter
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
