"""Campaigns that start: the audience is asked from the lake, then planned bucket by bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import psycopg
from msgspec.structs import replace

from dangol.decide.campaign.audience import AudienceCount, Forecast, count_audience, list_audience
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
from dangol.decide.campaign.timing import Day
from dangol.decide.guard.facts import Occasion
from dangol.decide.guard.rules import read_rules
from dangol.engine.jobs import Task, enqueue, list_jobs
from dangol.engine.timetable import timetable
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
        start = max(campaign.starts_at or now, now)
        day = Day(send_id=plan.send.id, start=start, rules=plan.rules)
        with timetable(conn, task.settings, campaign.schedule, day, now) as chooser:
            written = _plan_all(conn, replace(plan, chooser=chooser), members, task)
        finish_planning(conn, campaign_id, now)
    return {"people": len(members.bucket), "written": written}


def _plan_all(conn: psycopg.Connection, plan: Plan, members: Members, task: Task) -> int:
    done = written = 0
    for chunk in chunks_of(members):
        written += plan_chunk(conn, plan, chunk)
        done += len(chunk.bucket)
        task.progress(done=done, total=len(members.bucket))
    return written


def count_campaign(settings: Settings, campaign_id: UUID, now: datetime) -> AudienceCount:
    """Before the launch: who would get a campaign, and why everyone else would not.

    For the query worker: it reads the lake.
    """
    with connect(settings.database_url or "", name="count audience") as conn:
        with _forecast(conn, settings, campaign_id, now) as forecast:
            return count_audience(conn, forecast)


def name_campaign(
    settings: Settings, campaign_id: UUID, group: str, page: tuple[int, int], now: datetime
) -> AudiencePage:
    """The people behind one number of `count_campaign`; `page` is (after this customer, how many).

    For the query worker, as above.
    """
    after, limit = page
    with connect(settings.database_url or "", name="name audience") as conn:
        with _forecast(conn, settings, campaign_id, now) as forecast:
            ids = list_audience(conn, forecast, group)
        shown = [customer_id for customer_id in ids if customer_id > after][:limit]
        keys = {"buckets": [bucket_of(one) for one in shown], "ids": shown}
        rows = conn.execute(SQL.name_people, keys).fetchall()
    return AudiencePage(people=len(ids), page=[Sampled(*row) for row in rows])


@contextmanager
def _forecast(
    conn: psycopg.Connection, settings: Settings, campaign_id: UUID, now: datetime
) -> Iterator[Forecast]:
    """What the guard would be asked, and as of when. Best hours are never quiet ones."""
    campaign = get_campaign(conn, campaign_id)
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
    rules, at = read_rules(conn), campaign.schedule.starts_at(now)
    day = Day(send_id=occasion.send_id, start=at, rules=rules)
    members = find_members(conn, settings, campaign, now)
    if campaign.schedule.best_hour:
        rules = replace(rules, quiet_until=rules.quiet_from)
    with timetable(conn, settings, campaign.schedule, day, now) as chooser:
        yield Forecast(members=members, occasion=occasion, rules=rules, at=at, chooser=chooser)


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
