"""Whom to evaluate for which segment, and why: work, instants and merges in, reasons out. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import numpy as np

from dangol.engine.standing.kept import Kept
from dangol.know.segment.membership.store import Work
from dangol.model.event import Cause

CAUSES = (Cause.DEFINITION, Cause.HISTORY, Cause.REFIT, Cause.MERGE, Cause.TIME, Cause.BEHAVIOUR)
"""Of several reasons, the one that may trigger something counts: the later here, the stronger."""

DEFINITION, MERGE = (np.int8(CAUSES.index(one)) for one in (Cause.DEFINITION, Cause.MERGE))

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


class Reasons(NamedTuple):
    """Why people are evaluated, one entry each in every column; a person may stand in it twice."""

    customer: np.ndarray
    """int64."""
    cause: np.ndarray
    """int8: place in CAUSES."""
    at: np.ndarray
    """int64, microseconds: when it was so."""
    depth: np.ndarray
    """int16: of the fact that caused it."""


def reasons(customers: np.ndarray, cause: str, at: np.ndarray | int, depth: int = 0) -> Reasons:
    """The same cause for all of them."""
    size = len(customers)
    return Reasons(
        customers.astype(np.int64),
        np.full(size, CAUSES.index(Cause(cause)), np.int8),
        np.broadcast_to(np.asarray(at, np.int64), size),
        np.full(size, depth, np.int16),
    )


def reasons_of(
    kept: Iterable[Kept], work: Iterable[Work], now: datetime
) -> defaultdict[UUID, list[Reasons]]:
    """For each segment, the people of whom something changed that it looks at."""
    segments, at = list(kept), micros_of(now)
    found: defaultdict[UUID, list[Reasons]] = defaultdict(list)
    for each in work:
        why = reasons(each.customers, each.cause, at, each.depth)
        for one in segments:
            if one.concerns(each):
                found[one.id].append(why)
    return found


def strongest(parts: Sequence[Reasons], among: np.ndarray) -> Reasons:
    """One reason for each of the people in `among` (ascending), all of whom have some."""
    whole = Reasons(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    wanted = np.flatnonzero(np.isin(whole.customer, among))
    order = wanted[np.lexsort((-whole.cause[wanted], whole.customer[wanted]))]
    _, first = np.unique(whole.customer[order], return_index=True)
    return Reasons(*(column[order[first]] for column in whole))


def micros_of(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // MICRO
