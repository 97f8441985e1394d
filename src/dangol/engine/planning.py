"""Campaigns that start: the audience is asked from the lake, then planned bucket by bucket."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import psycopg

from dangol.decide.campaign.audience import AudienceCount, count_audience, list_audience
from dangol.decide.campaign.model import Campaign, CampaignState
from dangol.decide.campaign.planning import (
    Members,
    Plan,
    chunks_of,
    finish_planning,
    list_starting,
    members_of,
    plan_chunk,
)
from dangol.decide.campaign.sends import get_send
from dangol.decide.campaign.service import find_definition, get_campaign
from dangol.decide.campaign.store import SQL
from dangol.decide.guard.facts import Occasion
from dangol.decide.guard.rules import Rules, read_rules
from dangol.engine.jobs import Task, enqueue, list_jobs
from dangol.know.segment import parse
from dangol.know.segment.plan import needs_of
from dangol.know.segment.service import Sampled, audience, resolve
from dangol.model.consent import ALL_TOPICS
from dangol.model.customer import BUCKETS, bucket_of
from dangol.model.message import MessageKind
from dangol.settings import Settings
from dangol.speak.channel.config import active_channel
from dangol.speak.letter.service import get_letter
from dangol.store.brand import read_brand
from dangol.store.keyring import load_keyring
from dangol.store.lake import snapshot
from dangol.store.pool import connect

_AHEAD = timedelta(minutes=5)
"""Planning of a scheduled campaign begins so long before its first message falls due."""
_JOB = "campaign_plan"
_EVERYONE = {"kind": "all", "of": []}


class AudiencePage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a part of an audience, in order of customer id."""

    people: int
    """How many the part has."""
    page: list[Sampled]


def start_campaigns(settings: Settings, now: datetime) -> None:
    """Begin planning what is due, and go on with what was interrupted. One index probe if nothing."""
    with connect(settings.database_url or "", name="start campaigns") as conn:
        waiting = list_starting(conn, now + _AHEAD)
        if not waiting:
            return
        jobs = list_jobs(conn, kind=_JOB)
        planned = {job.args["campaign_id"] for job in jobs if job.finished_at is None}
        for campaign_id in waiting:
            if str(campaign_id) not in planned:
                enqueue(conn, _JOB, {"campaign_id": str(campaign_id)}, by="system", now=now)


def plan_campaign(task: Task) -> dict[str, int] | None:
    """The job: everyone of the audience gets a row. May be killed and run again at any point."""
    campaign_id = UUID(task.args["campaign_id"])
    with connect(task.dsn, name="plan", autocommit=True) as conn:
        now = conn.execute("select clock_timestamp()").fetchone()[0]
        conn.execute(SQL.start_planning, {"id": campaign_id, "now": now})
        campaign = get_campaign(conn, campaign_id)
        if campaign.state not in (CampaignState.PLANNING, CampaignState.PAUSED):
            return None
        plan = _plan(conn, task.settings, campaign, now)
        members = find_members(conn, task.settings, campaign, now)
        total, done, written = len(members.bucket), 0, 0
        for chunk in chunks_of(members):
            written += plan_chunk(conn, plan, chunk)
            done += len(chunk.bucket)
            task.progress(done=done, total=total)
        finish_planning(conn, campaign_id, now)
    return {"people": total, "written": written}


def count_campaign(settings: Settings, campaign_id: UUID, now: datetime) -> AudienceCount:
    """Before the launch: who would get a campaign, and why everyone else would not.

    For the query worker: it reads the lake.
    """
    with connect(settings.database_url or "", name="count audience") as conn:
        return count_audience(conn, *_forecast(conn, settings, campaign_id, now))


def name_campaign(
    settings: Settings, campaign_id: UUID, group: str, page: tuple[int, int], now: datetime
) -> AudiencePage:
    """The people behind one number of `count_campaign`; `page` is (after this customer, how many).

    For the query worker, as above.
    """
    after, limit = page
    with connect(settings.database_url or "", name="name audience") as conn:
        ids = list_audience(conn, *_forecast(conn, settings, campaign_id, now), group)
        shown = [customer_id for customer_id in ids if customer_id > after][:limit]
        keys = {"buckets": [bucket_of(one) for one in shown], "ids": shown}
        rows = conn.execute(SQL.name_people, keys).fetchall()
    return AudiencePage(people=len(ids), page=[Sampled(*row) for row in rows])


def _forecast(
    conn: psycopg.Connection, settings: Settings, campaign_id: UUID, now: datetime
) -> tuple[Members, Occasion, Rules, datetime]:
    """What the guard would be asked, and as of when."""
    campaign = get_campaign(conn, campaign_id)
    members = find_members(conn, settings, campaign, now)
    kind, topic = MessageKind.NEWS, ALL_TOPICS
    if campaign.letter_id is not None:
        letter = get_letter(conn, campaign.letter_id).letter
        kind, topic = letter.kind, letter.topic
    occasion = Occasion(
        send_id=campaign.send_id or 0,
        kind=kind,
        topic=topic,
        is_practice=_is_practice(conn, settings),
    )
    return members, occasion, read_rules(conn), campaign.schedule.starts_at(now)


def find_members(
    conn: psycopg.Connection, settings: Settings, campaign: Campaign, now: datetime
) -> Members:
    """Everyone whom the campaign's segment means at `now`, as of one snapshot of the lake."""
    definition = find_definition(conn, campaign)
    condition = resolve(conn, parse(_EVERYONE if definition is None else definition), now)
    zone = read_brand(conn).zone
    needs = needs_of(condition, now)
    dsn = settings.database_url or ""
    with snapshot(settings, dsn, views=needs.views, since=needs.since) as lake:
        return members_of(audience(lake, condition, (0, BUCKETS - 1), now, zone))


def _plan(conn: psycopg.Connection, settings: Settings, campaign: Campaign, now: datetime) -> Plan:
    assert campaign.send_id is not None
    return Plan(
        campaign=campaign,
        send=get_send(conn, campaign.send_id),
        rules=read_rules(conn),
        is_practice=_is_practice(conn, settings),
        now=now,
    )


def _is_practice(conn: psycopg.Connection, settings: Settings) -> bool:
    return active_channel(conn, load_keyring(settings.keyring_path), settings).is_practice
