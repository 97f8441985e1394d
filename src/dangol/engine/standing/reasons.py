"""Whom to evaluate for which segment, and why: work, instants and merges in, reasons out. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from dangol.engine.standing.kept import Kept
from dangol.engine.standing.writing import Reason
from dangol.know.segment.membership.store import Work
from dangol.model.event import Cause

Reasons = dict[int, Reason]
"""Why each customer is evaluated."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STRENGTH = {
    str(cause): strength
    for strength, cause in enumerate(
        (Cause.DEFINITION, Cause.HISTORY, Cause.REFIT, Cause.MERGE, Cause.TIME, Cause.BEHAVIOUR)
    )
}
"""Of several reasons, the one that may trigger something counts."""


def reasons_of(kept: Iterable[Kept], work: Iterable[Work], now: datetime) -> dict[UUID, Reasons]:
    """For each segment, the people of whom something changed that it looks at."""
    segments = list(kept)
    reasons: dict[UUID, Reasons] = {one.id: {} for one in segments}
    concerned: dict[tuple[object, ...], list[Reasons]] = {}
    for row in work:
        alike = (row.name, row.is_new, *sorted(row.traits or ()))
        if alike not in concerned:
            concerned[alike] = [reasons[one.id] for one in segments if one.concerns(row)]
        reason = Reason(row.cause, now, row.depth)
        for each in concerned[alike]:
            _add(each, row.customer_id, reason)
    return reasons


def add_dues(
    reasons: Mapping[UUID, Reasons], dues: Iterable[tuple[UUID, int, int]], now: datetime
) -> None:
    """Add who is due: segment, customer and the instant in microseconds."""
    for one, customer, micros in dues:
        if one in reasons:
            at = min(_EPOCH + timedelta(microseconds=micros), now)
            _add(reasons[one], customer, Reason(str(Cause.TIME), at))


def add_merged(reasons: Mapping[UUID, Reasons], customers: Iterable[int], now: datetime) -> None:
    """Add winners of merges, for every segment."""
    for customer in customers:
        for each in reasons.values():
            _add(each, customer, Reason(str(Cause.MERGE), now))


def _add(reasons: Reasons, customer: int, reason: Reason) -> None:
    known = reasons.get(customer)
    if known is None or _STRENGTH[known.cause] < _STRENGTH[reason.cause]:
        reasons[customer] = reason
