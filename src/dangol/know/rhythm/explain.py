"""Why this stage? The customer's own facts on one side, the model's view on the other."""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from dangol.know.rhythm.history import histories
from dangol.know.rhythm.model import RhythmModel
from dangol.know.rhythm.score import first_horizon, score
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


class OwnFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer did; counted, not estimated."""

    order_days: int
    first_day: date
    last_day: date
    average_gap_days: float | None
    """None after one order."""
    quiet_days: int


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """What the model makes of it today; fields as in `score.Scores`."""

    version: int
    gap_days: float
    horizon_days: float
    p: float
    p_alive: float
    silence: float


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
    """The stage of `row` in its parts; `model` is the newest, asked about `today`.

    `today` is a day in the brand's zone. The stage itself is the one written down; the model's
    numbers are fresh, so p may have moved a little since.
    """
    own = _own_facts(row, today)
    return Explanation(
        stage=row.stage,
        since=row.since,
        previous=row.previous,
        cause=row.cause,
        reason=_reason(row.stage, own),
        own=own,
        model=None if model is None else _model_view(row, model, today),
    )


def _reason(stage: Stage, own: OwnFacts) -> StageReason:
    is_usual = own.average_gap_days is not None and own.quiet_days <= own.average_gap_days
    if stage is Stage.LAPSING and is_usual:
        return StageReason.LESS_LIKELY
    return _REASON[stage]


def newcomer_days(model: RhythmModel) -> int:
    """For how many days somebody who came once is called new."""
    return int(first_horizon(model.params))


def _own_facts(row: StageRow, today: date) -> OwnFacts:
    span = (row.last_day - row.first_day).days
    return OwnFacts(
        order_days=row.repeats + 1,
        first_day=row.first_day,
        last_day=row.last_day,
        average_gap_days=span / row.repeats if row.repeats else None,
        quiet_days=max((today - row.last_day).days, 0),
    )


def _model_view(row: StageRow, model: RhythmModel, today: date) -> ModelView:
    span = (row.last_day - row.first_day).days
    age = max((today - row.first_day).days, span)
    seen = score(model.params, model.kind, histories([row.repeats], [span], [age]))
    return ModelView(
        version=model.version,
        gap_days=float(seen.gap_days[0]),
        horizon_days=float(seen.horizon_days[0]),
        p=float(seen.p[0]),
        p_alive=float(seen.p_alive[0]),
        silence=float(seen.silence[0]),
    )
