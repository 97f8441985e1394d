"""One customer in numbers that take a moment: how sure p is, the year ahead, habits."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import psycopg

from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm
from dangol.know.rhythm import store
from dangol.know.rhythm.calendar import number_of
from dangol.know.rhythm.habit import Habit, describe
from dangol.know.rhythm.history import Histories, from_dates
from dangol.know.rhythm.lookup import find_model, find_stage
from dangol.know.rhythm.model import RhythmModel
from dangol.know.rhythm.outlook import Outlook, Range, outlook
from dangol.know.rhythm.score import score
from dangol.know.rhythm.spend import amounts
from dangol.know.rhythm.uncertainty import draw_models, p_interval
from dangol.model.customer import bucket_of
from dangol.store.brand import read_brand
from dangol.store.pool import connect

YEAR = timedelta(days=365)


class CustomerAsked(msgspec.Struct, frozen=True):
    """Whom."""

    customer_id: int


class CustomerRhythm(msgspec.Struct, frozen=True, kw_only=True):
    """None where nothing is known or nothing can be said yet."""

    p: Range | None
    """P(at least one order within the own horizon), and how sure that is."""
    year: Outlook | None
    """Orders and spend of the next 365 days."""
    habit: Habit | None


@answers("customer_rhythm", CustomerAsked)
def customer_rhythm(warm: Warm, asked: CustomerAsked) -> CustomerRhythm:
    """By the model that the customer's stage rests on, as of today."""
    who = bucket_of(asked.customer_id), asked.customer_id
    with connect(warm.dsn, name="query") as conn:
        row = find_stage(conn, *who)
        days = store.read_days(conn, *who)
        version = row.model_version if row else None
        model = find_model(conn, version) if version is not None else None
        today = _today(conn)
    if not days:
        return CustomerRhythm(p=None, year=None, habit=None)
    habit = describe([day.day for day in days])
    if model is None:
        return CustomerRhythm(p=None, year=None, habit=habit)
    history = _history([day.day for day in days], model, today)
    later = [day for day in days[1:] if not day.unrated]
    paid = amounts([len(later)], [sum(day.revenue_minor for day in later)])
    open_days = model.calendar.between(today, today + YEAR)
    year = outlook(model, history, paid, open_days, seed=asked.customer_id)
    return CustomerRhythm(p=_p(model, history), year=year, habit=habit)


def _history(days: list[date], model: RhythmModel, today: date) -> Histories:
    first, last = number_of(days[0]), number_of(days[-1])
    return from_dates([len(days) - 1], ([first], [last]), number_of(today), model.calendar)


def _p(model: RhythmModel, history: Histories) -> Range | None:
    models = draw_models(model)
    if not models:
        return None
    seen = score(model.params, model.kind, history)
    low, high = p_interval(models, model.kind, history, seen.horizon_days)
    return Range(float(seen.p[0]), float(np.ravel(low)[0]), float(np.ravel(high)[0]))


def _today(conn: psycopg.Connection) -> date:
    zone = ZoneInfo(read_brand(conn).zone)
    return conn.execute("select clock_timestamp()").fetchone()[0].astimezone(zone).date()
