"""Why this stage, in parts of a sentence: keys and numbers, to be put into words by any language.

The customer's own facts come first and are counted; what the model makes of them comes apart from
them; the verdict names the stage that is written down, and says so where p alone would say another.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from dangol.know.rhythm.explain import Explanation, OwnFacts, StageReason, Stance
from dangol.know.rhythm.minimum import Shortage
from dangol.model.stage import Stage


class Part(msgspec.Struct, frozen=True):
    """One clause: the key of its words, after `rhythm.say_`, and the numbers in it."""

    key: str
    values: Mapping[str, int]


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """All clauses in order."""

    own: tuple[Part, ...]
    model: tuple[Part, ...]
    """Empty where nothing is said yet: no model, or a newcomer."""
    verdict: tuple[Part, ...]
    since: datetime


def sentence(told: Explanation, missing: Shortage | None = None) -> Sentence:
    """The clauses of one explanation; `missing` is what there is too little of, without a model."""
    model = _model(told) if told.model and told.stage is not Stage.NEW else ()
    return Sentence(
        own=_own(told.own), model=model, verdict=_verdict(told, missing), since=told.since
    )


def in_hundred(share: float) -> int:
    """Of a hundred people; 0 means fewer than one, 100 more than 99.

    >>> [in_hundred(p) for p in (0.004, 0.333, 0.996)]
    [0, 33, 100]
    """
    return round(share * 100)


def _own(own: OwnFacts) -> tuple[Part, ...]:
    if own.average_gap_days is None:
        came = Part("came_once", {})
    else:
        gap = max(round(own.average_gap_days), 1)
        came = Part("came", {"n": own.order_days, "gap": gap})
    if own.quiet_days == 0:
        return came, Part("here_today", {})
    if own.quiet_open_days == own.quiet_days:
        return came, Part("quiet", {"n": own.quiet_days})
    return came, Part("quiet_open", {"n": own.quiet_days, "open": own.quiet_open_days})


def _model(told: Explanation) -> tuple[Part, ...]:
    view = told.model
    assert view is not None
    silent = in_hundred(view.silence)
    come = in_hundred(view.p)
    within = Part(_edge("within", come), {"p": come, "days": view.within_days})
    if told.own.quiet_days == 0:
        return (within,)
    return Part(_edge("silence", silent), {"n": silent}), within


def _edge(key: str, of_hundred: int) -> str:
    return f"{key}_few" if of_hundred < 1 else f"{key}_most" if of_hundred > 99 else key


def _verdict(told: Explanation, missing: Shortage | None) -> tuple[Part, ...]:
    if told.stage is Stage.UNKNOWN:
        return too_early(missing)
    if told.stage is Stage.NEW:
        left = told.model.newcomer_days_left if told.model else None
        return (Part("so_new", {}) if left is None else Part("so_new_days", {"days": left}),)
    is_sparse = told.reason is StageReason.LESS_LIKELY
    so = Part("so_less_likely" if is_sparse else f"so_{told.stage.value}", {})
    return (so, *(_ASIDE[told.model.stance] if told.model else ()))


_ASIDE = {
    Stance.SAID_BY_P: (),
    Stance.KEPT: (Part("kept", {}),),
    Stance.HELD: (Part("held", {}),),
    Stance.WAITS: (Part("waits", {}),),
}
"""What needs saying where p alone would give another stage."""


def too_early(missing: Shortage | None) -> tuple[Part, ...]:
    """That it is too early to tell, and what has to happen first where that is known."""
    if missing is None:
        return (Part("too_early", {}),)
    people, days = missing.repeaters_missing, missing.days_missing
    if people and days:
        return (Part("too_early_both", {"people": people, "days": days}),)
    if people:
        return (Part("too_early_people", {"people": people}),)
    if not days:
        return (Part("too_early", {}),)
    return (Part("too_early_days", {"days": days}),)
