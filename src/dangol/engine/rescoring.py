"""Everybody's stage anew: by a new model, or because another day of silence has passed."""

import datetime as dt
from functools import partial
from zoneinfo import ZoneInfo

from dangol.know.rhythm.service import rescore
from dangol.model.customer import BUCKETS
from dangol.model.event import Cause
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.cluster import map_partitions
from dangol.store.pool import connect

_STRIDE = 64
"""Buckets rescored per transaction."""


def rescore_everyone(settings: Settings, now: dt.datetime, cause: Cause) -> int:
    """Compare-and-set in short transactions, so that Live goes on beside it; how many changed."""
    dsn = settings.database_url or ""
    with connect(dsn, name="rescore") as conn:
        today = now.astimezone(ZoneInfo(read_brand(conn).zone)).date()
        conn.commit()
        strides = [(lo, lo + _STRIDE - 1) for lo in range(0, BUCKETS, _STRIDE)]
        work = partial(_rescore_stride, dsn, today, now, cause)
        changed = sum(map_partitions(work, strides, workers=settings.workers))
        conn.execute("select pg_notify('inbox', '')")
        conn.commit()
    return changed


def _rescore_stride(
    dsn: str, today: dt.date, now: dt.datetime, cause: Cause, buckets: tuple[int, int]
) -> int:
    with connect(dsn, name="rescore") as conn:
        return rescore(conn, buckets, today, now, cause)
