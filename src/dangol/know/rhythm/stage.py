"""From p to a stage that does not flicker: an own order lifts, silence lowers, nothing else moves.

The level is read off p twice: strictly (who enters) and leniently (who may stay, p a band lower).
With an own order the stage rises at once to the strict level and never falls; without one it
falls to the lenient level and never rises, and not within four weeks of having risen. So a refit by
itself lifts nobody, and a customer around a line does not swing. Who came once only is NEW until
the horizon of a newcomer is over.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from dangol.know.rhythm.history import Histories
from dangol.know.rhythm.model import FREQUENT, USUAL, RhythmModel, Thresholds
from dangol.know.rhythm.score import Scores, first_horizon, score
from dangol.model.stage import Stage

Codes = NDArray[np.int8]

STAGES = (Stage.UNKNOWN, Stage.INACTIVE, Stage.LAPSING, Stage.ACTIVE, Stage.LOYAL, Stage.NEW)
"""A code is an index into this; codes 1 to 4 are levels in order, NEW is at ACTIVE's level."""

UNKNOWN, INACTIVE, LAPSING, ACTIVE, LOYAL, NEW = range(6)
_LEVEL = np.array([0, INACTIVE, LAPSING, ACTIVE, LOYAL, ACTIVE], dtype=np.int8)

_FREQUENT_GAP = 7.0
SLOW_GAP = 28.0
"""Days; from here on somebody comes seldom, whatever is usual in the shop."""
HELD_DAYS = 28
"""So long silence does not take back what an own order gave."""
HELD_FOR = timedelta(days=365)
"""How long lines hold at the least."""


@dataclass(frozen=True, slots=True, eq=False)
class Staged:
    """The stage of each row and the scores it came from (None while no model exists)."""

    codes: Codes
    scores: Scores | None


def restage(
    model: RhythmModel | None, rows: Histories, old: Codes, acted: object, held: object = False
) -> Staged:
    """The stage of each row now, given the stage it had and whether the customer `acted` since.

    `old` is UNKNOWN where nothing was known; then the strict level counts. Who is `held` rose so
    lately (see `is_held`) that silence does not lower the stage yet. Without a model everybody is
    unknown.
    """
    if model is None:
        return Staged(np.zeros(len(rows), np.int8), None)
    scores = score(model.params, model.kind, rows)
    is_new = is_newcomer(model, rows)
    strict = _level(model.thresholds, scores, rows, is_new, lenient=False)
    lenient = _level(model.thresholds, scores, rows, is_new, lenient=True)
    before = _LEVEL[old]
    fallen = np.where(held, before, np.minimum(before, lenient))
    kept = np.where(acted, np.maximum(before, strict), fallen)
    level = np.where(before == UNKNOWN, strict, kept)
    few = rows.repeats < model.thresholds.loyal_repeats
    level = np.where((level == LOYAL) & few, ACTIVE, level)
    return Staged(np.where((level == ACTIVE) & is_new, NEW, level).astype(np.int8), scores)


def is_held(old: Codes, previous: Codes, days: object) -> NDArray[np.bool_]:
    """Whether the present stage was risen to less than four weeks ago, `days` being how long ago.

    It would look like a mistake if silence took back within days what an order had just given.
    `previous` is UNKNOWN where there was none.
    """
    rose = (_LEVEL[old] > _LEVEL[previous]) & (_LEVEL[previous] > UNKNOWN)
    return rose & (np.asarray(days) < HELD_DAYS)


def is_newcomer(model: RhythmModel, rows: Histories) -> NDArray[np.bool_]:
    """Who came once, and not so long ago that a second time could have been expected."""
    return (rows.repeats == 0) & (rows.age <= first_horizon(model.params))


def strict_levels(model: RhythmModel, rows: Histories, scores: Scores) -> Codes:
    """What p alone says, without what was before: INACTIVE to LOYAL; newcomers are ACTIVE."""
    return _level(model.thresholds, scores, rows, is_newcomer(model, rows), lenient=False)


def level_of(stage: Stage) -> int:
    """The level of a stage among the codes."""
    return int(_LEVEL[STAGES.index(stage)])


def _level(
    lines: Thresholds, scores: Scores, rows: Histories, is_new: object, *, lenient: bool
) -> Codes:
    """By the lines that go with the own pace."""
    level = _read_off(lines, scores, rows, is_new, lenient)
    if lines.slow is None:
        return level
    slow = _read_off(lines.slow, scores, rows, is_new, lenient)
    return np.where(scores.gap_days >= SLOW_GAP, slow, level)


def _read_off(
    lines: Thresholds, scores: Scores, rows: Histories, is_new: object, lenient: bool
) -> Codes:
    band = lines.band if lenient else 0.0
    loyal = lines.loyal_stay if lenient else lines.loyal_enter
    level = np.full(len(rows), INACTIVE, np.int8)
    level[scores.p >= lines.lapsing - band] = LAPSING
    level[(scores.p >= lines.active - band) | is_new] = ACTIVE
    level[(scores.p >= loyal) & (rows.repeats >= lines.loyal_repeats)] = LOYAL
    return level


def choose_thresholds(rows: Histories) -> Thresholds:
    """The lines that fit the shop's pace: higher ones where the median of gaps is below a week.

    Each gap counts as its customer's mean, so those who come often decide, as they do in the till.
    """
    back = rows.repeats > 0
    if not back.any():
        return USUAL
    gaps = rows.last[back] / rows.repeats[back]
    order = np.argsort(gaps)
    reached = np.cumsum((rows.weight * rows.repeats)[back][order])
    median = gaps[order][np.searchsorted(reached, reached[-1] / 2)]
    return FREQUENT if median < _FREQUENT_GAP else USUAL


def keep_thresholds(
    before: RhythmModel | None, event: str, rows: Histories, today: date
) -> Thresholds:
    """The lines in force: those of `before` for a year, as long as the same `event` counts."""
    if before is not None and before.basis.event == event:
        since = before.thresholds.since or before.as_of
        if today - since < HELD_FOR:
            return msgspec.structs.replace(before.thresholds, since=since)
    return msgspec.structs.replace(choose_thresholds(rows), since=today)
