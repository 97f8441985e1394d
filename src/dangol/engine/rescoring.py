"""Everybody's stage anew: by a new model, or because another day of silence has passed."""

import datetime as dt
from collections.abc import Callable
from functools import partial
from zoneinfo import ZoneInfo

from dangol.know.rhythm.service import judge, rescore
from dangol.know.rhythm.store import list_unjudged
from dangol.model.customer import BUCKETS
from dangol.model.event import Cause
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.cluster import map_partitions
from dangol.store.pool import connect

_STRIDE = 64
"""Buckets rescored per transaction."""


def rescore_everyone(
    settings: Settings, now: dt.datetime, cause: Cause, *, judges: bool = True
) -> int:
    """Compare-and-set in short transactions, so that Live goes on beside it; how many changed.

    Who was never judged is too, unless it `judges` nobody: while more of the past is on its way.
    """
    strides = [(lo, lo + _STRIDE - 1) for lo in range(0, BUCKETS, _STRIDE)]
    return _each(settings, now, strides, partial(_rescore_stride, cause=cause, judges=judges))


def judge_waiting(settings: Settings, now: dt.datetime) -> int:
    """Judge whoever is known by the past only, as of every week of it; how many there were."""
    with connect(settings.database_url or "", name="judge") as conn:
        waiting = {bucket // _STRIDE * _STRIDE for bucket in list_unjudged(conn)}
    return _each(settings, now, [(lo, lo + _STRIDE - 1) for lo in sorted(waiting)], _judge_stride)


def _each(
    settings: Settings,
    now: dt.datetime,
    strides: list[tuple[int, int]],
    work: Callable[..., int],
) -> int:
    """`work` on each stride, what it tells going to the inbox; the sum of what it returns."""
    dsn = settings.database_url or ""
    with connect(dsn, name="rescore") as conn:
        today = now.astimezone(ZoneInfo(read_brand(conn).zone)).date()
        conn.commit()
        done = sum(
            map_partitions(partial(work, dsn, today, now), strides, workers=settings.workers)
        )
        conn.execute("select pg_notify('inbox', '')")
        conn.commit()
    return done


def _rescore_stride(
    dsn: str,
    today: dt.date,
    now: dt.datetime,
    buckets: tuple[int, int],
    *,
    cause: Cause,
    judges: bool,
) -> int:
    with connect(dsn, name="rescore") as conn:
        return rescore(conn, buckets, today, now, cause, judges)


def _judge_stride(dsn: str, today: dt.date, now: dt.datetime, buckets: tuple[int, int]) -> int:
    with connect(dsn, name="judge") as conn:
        return judge(conn, buckets, today, now)
