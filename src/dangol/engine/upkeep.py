"""The tasks of the schedule: each one idempotent, each one cheap when there is nothing to do."""

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import psycopg

from dangol.converse.sandbox import trim_mailbox
from dangol.decide.campaign.past.moving import has_due, move_messages
from dangol.engine.recount import recount_days
from dangol.engine.rescoring import judge_waiting, rescore_everyone
from dangol.know.erasure.work import erase_once
from dangol.know.interest.tell import tell_interests
from dangol.know.rhythm.lookup import find_basis, find_model, read_basis
from dangol.know.rhythm.service import refit
from dangol.know.segment.membership.past import moving as stays
from dangol.know.timing.service import relearn_hours
from dangol.listen.sources import forget_rejects
from dangol.model.event import Cause
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.lake.carrying import carry_once
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.mover import move_once
from dangol.store.lake.shelf import SHELVES, gather_once
from dangol.store.lake.sweep import sweep_once
from dangol.store.pool import connect
from dangol.store.retention import Kind, find_end
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

_REFIT_AFTER = dt.timedelta(days=7)
_REFIT_GROWTH = 1.1
_AHEAD = dt.timedelta(minutes=5)
_LATE = dt.timedelta(days=7)

Forget = Callable[[psycopg.Connection, dt.datetime], object]
"""Deletes what is older."""


def move_events(settings: Settings, now: dt.datetime) -> None:
    """Recent events into the lake, when there is a file's worth of them."""
    while move_once(settings.database_url or "", settings, now) is not None:
        pass


def has_campaigns(conn: psycopg.Connection, now: dt.datetime) -> bool:
    """Whether the planning of a campaign is to begin soon, or to go on."""
    return conn.execute(SQL.has_campaigns, {"soon": now + _AHEAD}).fetchone()[0]


def has_merges(conn: psycopg.Connection, now: dt.datetime) -> bool:
    """Whether a merged customer's history is to follow."""
    return conn.execute(SQL.has_merges, {"since": now - _LATE}).fetchone()[0]


def has_past_messages(conn: psycopg.Connection, now: dt.datetime) -> bool:
    """Whether messages of a campaign have been kept for long enough."""
    return has_due(conn, now)


def has_past_stays(conn: psycopg.Connection, now: dt.datetime) -> bool:
    """Whether stays in segments that are over have been kept for long enough."""
    return stays.has_due(conn, now)


def has_erasures(conn: psycopg.Connection, now: dt.datetime) -> bool:
    """Whether somebody is to be forgotten."""
    return conn.execute(SQL.has_erasures).fetchone()[0]


def has_tellings(conn: psycopg.Connection, now: dt.datetime) -> bool:
    """Whether interests are to be told anew: at once where that is quick, else in due time."""
    return _has_news(conn, "interests")


def has_hours(conn: psycopg.Connection, now: dt.datetime) -> bool:
    """Whether everybody's hours are to be learned anew, likewise."""
    return _has_news(conn, "hours")


def learn_everyones_hours(settings: Settings, now: dt.datetime) -> None:
    """At which hours of their own clocks people come."""
    relearn_hours(settings, now)


def _has_news(conn: psycopg.Connection, task: str) -> bool:
    row = conn.execute(SQL.has_news, {"task": task}).fetchone()
    return row is not None and bool(row[0])


def tell_what_they_like(settings: Settings, now: dt.datetime) -> None:
    """What everyone likes, from the whole history."""
    with connect(settings.database_url or "", name="interests") as conn:
        event = read_brand(conn).relationship_event
    tell_interests(settings, event, now)


def move_past_messages(settings: Settings, now: dt.datetime) -> None:
    """Messages of campaigns that ended long ago into the lake."""
    keyring = load_keyring(settings.keyring_path)
    while move_messages(settings, keyring, now) is not None:
        pass


def move_past_stays(settings: Settings, now: dt.datetime) -> None:
    """Stays in segments that ended long ago into the lake."""
    while stays.move_stays(settings, now) is not None:
        pass


def compact_lake(settings: Settings, now: dt.datetime) -> None:
    """Few large files instead of many small ones."""
    dsn = settings.database_url or ""
    while compact_once(dsn, settings, now) is not None:
        pass
    for shelf in SHELVES:
        while gather_once(dsn, settings, shelf, now) is not None:
            pass


def sweep_lake(settings: Settings, now: dt.datetime) -> None:
    """Files that left the manifest a day ago, and orphans."""
    sweep_once(settings.database_url or "", settings, now)


def follow_merges(settings: Settings, now: dt.datetime) -> None:
    """Histories of merged customers to whom they belong now."""
    while carry_once(settings.database_url or "", settings, now):
        pass


def erase_people(settings: Settings, now: dt.datetime) -> None:
    """Erasures that were asked for, as far as each can go now."""
    ground = load_keyring(settings.keyring_path), Journal(settings.journal_dir)
    erase_once(settings.database_url or "", settings, *ground, now)


def recount_when_changed(settings: Settings, now: dt.datetime) -> None:
    """Relationship days by the rules that hold now, and stages that follow from them."""
    recount_days(settings, now)
    refit_stages(settings, now)


def refit_when_due(settings: Settings, now: dt.datetime) -> None:
    """A new model after a week, or when there are a tenth more customers, or when there is none.

    Not in the middle of an import: it ends with a refit of its own.
    """
    with connect(settings.database_url or "", name="refit") as conn:
        if _is_importing(conn, now):
            return
        model = find_model(conn)
        if model is not None and now - model.fitted_at < _REFIT_AFTER:
            customers = conn.execute(SQL.estimate_staged).fetchone()[0]
            if customers < model.customers * _REFIT_GROWTH:
                return
    refit_stages(settings, now)


def has_unjudged(conn: psycopg.Connection, now: dt.datetime) -> bool:
    """Whether somebody who is known by the past only can be judged, and no more of it comes."""
    return conn.execute(SQL.has_unjudged).fetchone()[0] and not _is_importing(conn, now)


def judge_the_unjudged(settings: Settings, now: dt.datetime) -> None:
    """Where they stood in every week of their past, and where they stand."""
    refit_when_due(settings, now)
    judge_waiting(settings, now)


def _is_importing(conn: psycopg.Connection, now: dt.datetime) -> bool:
    return conn.execute(SQL.is_importing, {"now": now}).fetchone()[0]


def has_reopened(conn: psycopg.Connection, now: dt.datetime) -> bool:
    """Whether the days on which the shop is closed are others than when the rhythm was learned."""
    counted_by = find_basis(conn)
    return counted_by is not None and counted_by.opening != read_basis(conn).opening


def refit_when_reopened(settings: Settings, now: dt.datetime) -> None:
    """Everyone's stage by the days that count now."""
    refit_stages(settings, now)


def refit_stages(settings: Settings, now: dt.datetime) -> bool:
    """Learn the rhythm from all relationship days and restage everyone; False: too few data.

    With too few data everyone who had a stage is unknown again.
    """
    with connect(settings.database_url or "", name="refit") as conn:
        today = now.astimezone(ZoneInfo(read_brand(conn).zone)).date()
        before = find_model(conn)
        model = refit(conn, today, now)
    if model is not None or before is not None:
        rescore_everyone(settings, now, Cause.REFIT)
    return model is not None


def rescore_daily(settings: Settings, now: dt.datetime) -> None:
    """Silence grows by itself: everyone's stage as of today."""
    with connect(settings.database_url or "", name="rescore") as conn:
        judges = not _is_importing(conn, now)
    rescore_everyone(settings, now, Cause.TIME, judges=judges)


def forget_old(settings: Settings, now: dt.datetime) -> None:
    """What was kept for as long as the table of retention says."""
    with connect(settings.database_url or "", name="forget") as conn:
        for kind, forget in _FORGET.items():
            before = find_end(conn, kind, now)
            if before is not None:
                forget(conn, before)
            conn.commit()


def _forget_sessions(conn: psycopg.Connection, before: dt.datetime) -> None:
    conn.execute(SQL.forget_sessions, {"before": before})
    conn.execute(SQL.forget_links, {"before": before})


def _forget_by(statement: str) -> Forget:
    return lambda conn, before: conn.execute(statement, {"before": before})


_FORGET: dict[Kind, Forget] = {
    Kind.SESSION: _forget_sessions,
    Kind.REJECT: forget_rejects,
    Kind.PRACTICE_MAIL: trim_mailbox,
    Kind.JOB: _forget_by(SQL.forget_jobs),
    Kind.UNCONFIRMED: _forget_by(SQL.forget_strangers),
}
