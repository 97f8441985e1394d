"""`Stage Changed`: the facts that follow from new stages, as rows of `event_recent`."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

import msgspec
import numpy as np
import pyarrow as pa

from dangol.know.rhythm.model import RhythmModel
from dangol.know.rhythm.stage import STAGES, Staged
from dangol.model.event import Cause, Effect, EventName

_INSTANT = pa.timestamp("us", "UTC")


def stage_changes(
    facts: pa.Table,
    causes: Sequence[str],
    staged: Staged,
    changed: np.ndarray,
    model: RhythmModel | None,
    now: datetime,
) -> pa.Table:
    """One event per row number in `changed`; `facts` (columns `store.FACTS`) say what was before.

    A change that history brought about is history; the same change has the same id.
    """
    some = facts.take(pa.array(changed, pa.int64()))
    stages = [STAGES[code].value for code in staged.codes[changed]]
    cause = [causes[row] for row in changed]
    p = staged.scores.p[changed].round(4).tolist() if staged.scores else [None] * len(changed)
    version = model.version if model else None
    customers, before = some["customer_id"].to_pylist(), some["stage"].to_pylist()
    props = [
        msgspec.json.encode({"from": old, "to": new, "p": value, "model_version": version}).decode()
        for old, new, value in zip(before, stages, p, strict=True)
    ]
    effects = [_effect(one) for one in cause]
    at = now.isoformat()
    ids = [_event_id(one, new, at) for one, new in zip(customers, stages, strict=True)]
    told = {"event_id": ids, "props": props, "effect": effects, "cause": cause}
    return _rows(some.select(["bucket", "customer_id"]), told, now)


def _rows(who: pa.Table, told: dict[str, list[str]], now: datetime) -> pa.Table:
    """`event_recent`'s columns, in its order, from what differs by row."""
    count = who.num_rows
    instant = pa.repeat(pa.scalar(now, _INSTANT), count)
    columns = {
        "bucket": who["bucket"],
        "customer_id": who["customer_id"],
        "time": instant,
        "event_id": None,
        "name": pa.repeat(EventName.STAGE_CHANGED.value, count),
        "received_at": instant,
        "recorded_at": instant,
        "utc_offset_min": pa.nulls(count, pa.int16()),
        "props": None,
        "source": pa.repeat("dangol", count),
        "effect": None,
        "cause": None,
        "origin": pa.nulls(count, pa.string()),
        "depth": pa.repeat(pa.scalar(0, pa.int16()), count),
    }
    return pa.table(columns | {name: pa.array(said, pa.string()) for name, said in told.items()})


def _effect(cause: str) -> str:
    return (Effect.HISTORY if cause == Cause.HISTORY else Effect.LIVE).value


def _event_id(customer_id: int, stage: str, at: str) -> str:
    """`model.event.event_key` in hex; written out, for a rescore makes a million."""
    text = f"dangol\0stage:{customer_id}:{stage}:{at}"
    return blake2b(text.encode(), digest_size=16).hexdigest()
