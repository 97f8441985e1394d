"""Rows of `stage` as they are to be written, with what was seen when they were decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dangol.know.rhythm.model import RhythmModel
from dangol.know.rhythm.stage import STAGES, Codes, Staged

_NAMES = pa.array([stage.value for stage in STAGES])
_INSTANT = pa.timestamp("us", "UTC")
_SCORES = ("gap_days", "horizon_days", "p", "p_alive", "silence")


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """Since when somebody stands where they stand, where they stood before, and why they moved."""

    since: pa.Array
    previous: pa.Array
    cause: pa.Array


def names_of(codes: Codes) -> pa.Array:
    """The names of stages."""
    return _NAMES.take(pa.array(codes))


def present_news(
    facts: pa.Table, causes: Sequence[str], changed: np.ndarray, now: datetime
) -> News:
    """Who changed or had no stage stands there since now; the others since they did before."""
    is_new_row = facts["stage"].is_null().combine_chunks()
    moved = pa.array(changed | is_new_row.to_numpy(zero_copy_only=False))
    was = {name: facts[name].combine_chunks() for name in ("stage", "since", "previous", "cause")}
    return News(
        since=pc.if_else(moved, pa.scalar(now, _INSTANT), was["since"]),
        previous=pc.if_else(moved, was["stage"], was["previous"]),
        cause=pc.if_else(moved, pa.array(causes, pa.string()), was["cause"]),
    )


def fresh_rows(
    facts: pa.Table, staged: Staged, news: News, model: RhythmModel | None, now: datetime
) -> pa.Table:
    """Rows for `stage_fresh`; `facts` has columns `store.FACTS`."""
    n = facts.num_rows
    columns = {
        "bucket": facts["bucket"],
        "customer_id": facts["customer_id"],
        "stage": names_of(staged.codes),
        "since": news.since,
        "previous": news.previous,
        "cause": news.cause,
        "repeats": facts["repeats"],
        "first_day": facts["first_day"],
        "last_day": facts["last_day"],
        "model_version": pa.array([model.version if model else None] * n, pa.int32()),
        "scored_at": pa.array([now] * n, _INSTANT),
        "seen_stage": facts["stage"].combine_chunks(),
        "seen_repeats": facts["seen_repeats"],
        "seen_first_day": facts["seen_first_day"],
        "seen_last_day": facts["seen_last_day"],
    }
    for name in _SCORES:
        values = getattr(staged.scores, name) if staged.scores else [None] * n
        columns[name] = pa.array(values, pa.float64())
    return pa.table(columns)
