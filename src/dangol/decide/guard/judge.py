"""Running the checks: for one person up to the first refusal, for one with all, for many at once."""

from collections.abc import Iterator
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from dangol.decide.guard.checks import CHECKS, Check, Moment, Refusals
from dangol.decide.guard.facts import Occasion, PeopleFacts, PersonFacts
from dangol.decide.guard.rules import Rules
from dangol.model.message import MessageState
from dangol.model.reason import Reason, SilentReason
from dangol.model.verdict import Allowed, Verdict

ALLOWED, DEFERRED, SILENT, HELD_OUT = range(4)
STATES = (
    MessageState.HANDED,
    MessageState.DEFERRED,
    MessageState.SILENT,
    MessageState.HELD_OUT,
)
"""The state of a message by the verdict about it at hand-off."""


class Verdicts(msgspec.Struct, frozen=True):
    """One verdict per row of the facts."""

    outcome: NDArray[np.int8]
    """ALLOWED, DEFERRED, SILENT or HELD_OUT."""
    check: NDArray[np.int8]
    """Index into CHECKS of the first that refused, -1 where allowed."""
    code: NDArray[np.object_]
    """The reason's code, None where allowed."""
    until: NDArray[np.int64]
    """When to ask again, microseconds since 1970 UTC; 0 unless deferred."""

    def reason(self, row: int, people: PeopleFacts, moment: Moment) -> Reason | None:
        """The reason of one row with the values that were seen."""
        if self.check[row] < 0:
            return None
        verdict = CHECKS[self.check[row]].one(people.person(row), moment)
        return None if isinstance(verdict, Allowed) else verdict.reason


def check_one(person: PersonFacts, occasion: Occasion, rules: Rules, now: datetime) -> Verdict:
    """The verdict about one person: that of the first check that refuses, or allowed."""
    moment = Moment(occasion, rules, now)
    for check in _applicable(occasion):
        verdict = check.one(person, moment)
        if not isinstance(verdict, Allowed):
            return verdict
    return Allowed()


def explain_all(
    person: PersonFacts, occasion: Occasion, rules: Rules, now: datetime
) -> list[tuple[str, Verdict]]:
    """What every check that applies says, in order, refusal or not."""
    moment = Moment(occasion, rules, now)
    return [(check.name, check.one(person, moment)) for check in _applicable(occasion)]


def judge(people: PeopleFacts, occasion: Occasion, rules: Rules, now: datetime) -> Verdicts:
    """`check_one` for every row, at the cost of a few array operations per check."""
    moment = Moment(occasion, rules, now)
    size = len(people)
    verdicts = Verdicts(
        np.zeros(size, np.int8),
        np.full(size, -1, np.int8),
        np.full(size, None, np.object_),
        np.zeros(size, np.int64),
    )
    for index, check in enumerate(CHECKS):
        if not _applies(check, occasion):
            continue
        refusals = check.many(people, moment)
        _refuse(verdicts, index, refusals, refusals.rows, refusals.code)
        if refusals.other_rows is not None:
            _refuse(verdicts, index, refusals, refusals.other_rows, refusals.other_code)
    return verdicts


def _applies(check: Check, occasion: Occasion) -> bool:
    is_meant = occasion.kind in check.kinds or (occasion.is_begun and check.when_begun)
    return is_meant and not (occasion.plans_only and check.at_hand_off_only)


def _applicable(occasion: Occasion) -> Iterator[Check]:
    return (check for check in CHECKS if _applies(check, occasion))


def _refuse(
    verdicts: Verdicts, index: int, refusals: Refusals, rows: NDArray[np.bool_], code: str
) -> None:
    new = rows & (verdicts.check < 0)
    if not new.any():
        return
    waits = refusals.until is not None and rows is refusals.rows
    outcome = DEFERRED if waits else HELD_OUT if code == SilentReason.HELD_OUT else SILENT
    verdicts.outcome[new] = outcome
    verdicts.check[new] = index
    verdicts.code[new] = str(code)
    if waits and refusals.until is not None:
        verdicts.until[new] = refusals.until[new]
