"""Why this stage? The customer's own facts on one side, the model's view on the other."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

import msgspec
import numpy as np

from dangol.know.rhythm.calendar import ALWAYS, OpenDays, number_of
from dangol.know.rhythm.history import from_dates
from dangol.know.rhythm.model import RhythmModel
from dangol.know.rhythm.score import first_horizon, score
from dangol.know.rhythm.stage import STAGES, is_held, is_newcomer, level_of, strict_levels
from dangol.model.customer import CustomerId
from dangol.model.event import Cause
from dangol.model.stage import Stage


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Where one relationship stands, as it was last written down."""

    bucket: int
    customer_id: CustomerId
    stage: Stage
    since: datetime
    previous: Stage | None
    cause: Cause
    repeats: int
    first_day: date
    last_day: date
    p: float | None
    model_version: int | None
    scored_at: datetime


class StageReason(StrEnum):
    """What decided, in one word for the desk to put into a sentence."""

    TOO_FEW_CUSTOMERS = "too_few_customers"
    """No model yet: fewer than 30 customers came back, or less than 90 days are known."""
    CAME_ONCE = "came_once"
    """One order only, and the time in which a second one could be expected is not over."""
    STEADY = "steady"
    """Three returns or more, and another order is very likely."""
    EXPECTED = "expected"
    QUIETER_THAN_USUAL = "quieter_than_usual"
    LESS_LIKELY = "less_likely"
    """Too few returns to expect another, though the silence is no longer than the own gap."""
    LONG_GONE = "long_gone"


class Stance(StrEnum):
    """How the stage that is written down stands to what p says by itself."""

    SAID_BY_P = "said_by_p"
    KEPT = "kept"
    """p says less, but not by enough: a stage is not lost for a trifle."""
    HELD = "held"
    """p says less, but an own order lifted the stage less than four weeks ago."""
    WAITS = "waits"
    """p says more, but only an own order lifts a stage."""


class OwnFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer did; counted, not estimated."""

    order_days: int
    first_day: date
    last_day: date
    average_gap_days: float | None
    """None after one order."""
    quiet_days: int
    quiet_open_days: int
    """How many of them the shop was open."""


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """What the model makes of it today; fields as in `score.Scores`."""

    version: int
    gap_days: float
    """In open days, as the horizon."""
    horizon_days: float
    within_days: int
    """How many days of any kind the horizon is from today on."""
    p: float
    p_alive: float
    silence: float
    stance: Stance
    newcomer_days_left: int | None
    """For how many days of any kind a newcomer is not judged yet; None for everybody else."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One stage with all that led to it."""

    stage: Stage
    since: datetime
    previous: Stage | None
    cause: Cause
    reason: StageReason
    own: OwnFacts
    model: ModelView | None


_REASON = {
    Stage.UNKNOWN: StageReason.TOO_FEW_CUSTOMERS,
    Stage.NEW: StageReason.CAME_ONCE,
    Stage.ACTIVE: StageReason.EXPECTED,
    Stage.LOYAL: StageReason.STEADY,
    Stage.LAPSING: StageReason.QUIETER_THAN_USUAL,
    Stage.INACTIVE: StageReason.LONG_GONE,
}


def explain(row: StageRow, model: RhythmModel | None, today: date) -> Explanation:
    """The stage of `row` in its parts; `model` is the version that `row` names, or the newest.

    `today` is a day in the brand's zone. The stage itself is the one written down; the model's
    numbers are fresh, so p may have moved a little since.
    """
    return explain_all([row], model, today)[0]


def explain_all(
    rows: Sequence[StageRow], model: RhythmModel | None, today: date
) -> list[Explanation]:
    """The same for many rows of one model, scored at once."""
    views = [None] * len(rows) if model is None else _views(rows, model, today)
    calendar = model.calendar if model else ALWAYS
    owns = [_own_facts(row, today, calendar) for row in rows]
    return [
        Explanation(
            stage=row.stage,
            since=row.since,
            previous=row.previous,
            cause=row.cause,
            reason=_reason(row.stage, own),
            own=own,
            model=view,
        )
        for row, own, view in zip(rows, owns, views, strict=True)
    ]


def _reason(stage: Stage, own: OwnFacts) -> StageReason:
    is_usual = own.average_gap_days is not None and own.quiet_days <= own.average_gap_days
    if stage is Stage.LAPSING and is_usual:
        return StageReason.LESS_LIKELY
    return _REASON[stage]


def newcomer_days(model: RhythmModel) -> int:
    """For how many open days somebody who came once is called new."""
    return int(first_horizon(model.params))


def _own_facts(row: StageRow, today: date, calendar: OpenDays) -> OwnFacts:
    span = (row.last_day - row.first_day).days
    return OwnFacts(
        order_days=row.repeats + 1,
        first_day=row.first_day,
        last_day=row.last_day,
        average_gap_days=span / row.repeats if row.repeats else None,
        quiet_days=max((today - row.last_day).days, 0),
        quiet_open_days=calendar.between(row.last_day, today),
    )


def _views(rows: Sequence[StageRow], model: RhythmModel, today: date) -> list[ModelView]:
    seen = from_dates(
        [row.repeats for row in rows],
        (
            [number_of(row.first_day) for row in rows],
            [number_of(row.last_day) for row in rows],
        ),
        number_of(today),
        model.calendar,
    )
    scores = score(model.params, model.kind, seen)
    levels = strict_levels(model, seen, scores)
    within = model.calendar.days_until_each(today, scores.horizon_days)
    is_new = is_newcomer(model, seen)
    left = newcomer_days(model) - seen.age
    return [
        ModelView(
            version=model.version,
            gap_days=float(scores.gap_days[i]),
            horizon_days=float(scores.horizon_days[i]),
            within_days=int(within[i]),
            p=float(scores.p[i]),
            p_alive=float(scores.p_alive[i]),
            silence=float(scores.silence[i]),
            stance=_stance(row, int(levels[i]), today),
            newcomer_days_left=model.calendar.days_until(today, float(left[i]))
            if is_new[i]
            else None,
        )
        for i, row in enumerate(rows)
    ]


def _stance(row: StageRow, said: int, today: date) -> Stance:
    written = level_of(row.stage)
    if written == said:
        return Stance.SAID_BY_P
    if written < said:
        return Stance.WAITS
    before = Stage.UNKNOWN if row.previous is None else row.previous
    codes = (np.array([STAGES.index(stage)], np.int8) for stage in (row.stage, before))
    return Stance.HELD if is_held(*codes, (today - row.since.date()).days)[0] else Stance.KEPT
