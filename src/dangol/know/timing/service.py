"""Learn everybody's hours at night; say one person's best hour when asked."""

from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa

from dangol.know.timing.choice import freshness
from dangol.know.timing.habits import FEWEST_ACTS, habits_of, per_person
from dangol.know.timing.hours import HOURS, fit_kappa, shrink_zone
from dangol.know.timing.store import (
    Span,
    TimingModel,
    add_model,
    count_hours,
    count_people,
    count_week,
    find_model,
    find_zone,
    register_offsets,
)
from dangol.model.customer import BUCKETS, bucket_of
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.lake import Snapshot, snapshot
from dangol.store.pool import connect

_SAMPLE = 64
"""Buckets of 1,024 whose people teach how much people differ."""


class BestHour(msgspec.Struct, frozen=True, kw_only=True):
    """When to write to one person, on their own clock, and why."""

    hour: int
    """0 to 23."""
    is_own: bool
    """From their own habit; else it is everybody's hour."""
    is_enough: bool
    """Whether enough is known of them to tell a habit."""
    acts: int
    """Acts of theirs that carry a time of day."""
    zone: str
    hours: list[float]
    """How likely each hour is for them."""


def relearn_hours(settings: Settings, now: datetime) -> bool:
    """Learn from the whole history and keep the model; False while there is nothing to learn.

    Opens its own connections.
    """
    dsn = settings.database_url or ""
    with connect(dsn, name="timing") as conn:
        zone = read_brand(conn).zone
    with snapshot(settings, dsn, views=("events", "customers")) as snap:
        model = learn_hours(snap, zone, now)
    if model is not None:
        with connect(dsn, name="timing") as conn:
            add_model(conn, model)
    return model is not None


def learn_hours(snap: Snapshot, zone: str, now: datetime) -> TimingModel | None:
    """Everybody's hours from the whole history; None while nobody did anything.

    `zone` is the brand's, for people of unknown zone.
    """
    register_offsets(snap, zone, now)
    week = count_week(snap, Span(0, BUCKETS - 1), zone, now)
    if week.num_rows == 0:
        return None
    zones = _by_zone(week)
    everyone = sum(zones.values(), np.zeros(HOURS))
    sample = count_hours(snap, Span(0, _SAMPLE - 1), zone, now)
    pi = shrink_zone(np.zeros(HOURS), everyone)
    _, counts = per_person(sample, "acts")
    return TimingModel(
        told_at=now,
        people=count_people(snap, zone, now),
        acts=int(sum(week.column("acts").to_pylist())),
        kappa=fit_kappa(counts, pi) if len(counts) else 1.0,
        everyone=pi.tolist(),
        zones={name: shrink_zone(own, everyone).tolist() for name, own in zones.items()},
        week=_heat(week),
    )


def find_best_hour(settings: Settings, customer_id: int, now: datetime) -> BestHour | None:
    """One person's best hour; None before the first night that learned anything. Opens the lake."""
    dsn, bucket = settings.database_url or "", bucket_of(customer_id)
    with connect(dsn, name="timing") as conn:
        model, brand_zone = find_model(conn), read_brand(conn).zone
        own_zone = find_zone(conn, customer_id)
    if model is None:
        return None
    views = ("events", "customers")
    with snapshot(settings, dsn, (bucket, bucket), views=views) as snap:
        register_offsets(snap, brand_zone, now)
        own = count_hours(snap, Span(bucket, bucket, customer_id), brand_zone, now)
    return best_hour(model, own, own_zone or brand_zone)


def best_hour(model: TimingModel, own: pa.Table, zone: str) -> BestHour:
    """The same from what was counted of one person (`count_hours`). Pure."""
    acts = int(sum(own.column("acts").to_pylist()))
    pi = np.array(model.pi(zone))[None]
    habits = habits_of(model, own)
    p, is_own = (habits.p, bool(habits.is_own[0])) if acts else (pi, False)
    return BestHour(
        hour=int(freshness(p if is_own else pi)[0].argmax()),
        is_own=is_own,
        is_enough=acts >= FEWEST_ACTS,
        acts=acts,
        zone=zone,
        hours=p[0].tolist(),
    )


def _by_zone(week: pa.Table) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    columns = (week.column(name).to_pylist() for name in ("zone", "hour", "weight"))
    for zone, hour, weight in zip(*columns, strict=True):
        found.setdefault(zone, np.zeros(HOURS))[hour] += weight
    return found


def _heat(week: pa.Table) -> list[float]:
    heat = np.zeros(7 * HOURS)
    place = week.column("day").to_numpy() * HOURS + week.column("hour").to_numpy()
    np.add.at(heat, place, week.column("weight").to_numpy())
    return heat.tolist()
