"""`Stage Changed`: the facts that follow from new stages, as rows of `event_recent`."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

import msgspec
import numpy as np
import pyarrow as pa

from dangol.know.rhythm.model import RhythmModel
from dangol.know.rhythm.past import Moves
from dangol.know.rhythm.stage import STAGES, Codes, Staged
from dangol.model.event import Cause, Effect, EventName
from dangol.model.stage import Stage

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
    stages = _names(staged.codes[changed])
    cause = [causes[row] for row in changed]
    p = staged.scores.p[changed].round(4).tolist() if staged.scores else [None] * len(changed)
    at = now.isoformat()
    told = {
        "event_id": _ids(some, stages, [at] * len(stages)),
        "props": _props((some["stage"].to_pylist(), stages), p, model),
        "effect": [_effect(one) for one in cause],
        "cause": cause,
    }
    return _rows(some, told, pa.array([now] * some.num_rows, _INSTANT), now)


def past_changes(
    facts: pa.Table, moves: Moves, times: pa.Array, model: RhythmModel, now: datetime
) -> pa.Table:
    """One event per row of `moves`, at its own one of `times`, but received now.

    It is history: nothing follows from it. The same move has the same id.
    """
    some = facts.take(pa.array(moves.customer))
    stages, before = _names(moves.stage), _names(moves.was)
    before = [None if one == Stage.UNKNOWN else one for one in before]
    at = [one.isoformat() for one in times.to_pylist()]
    told = {
        "event_id": _ids(some, stages, at),
        "props": _props((before, stages), moves.p.round(4).tolist(), model),
        "effect": [Effect.HISTORY.value] * some.num_rows,
        "cause": [Cause.HISTORY.value] * some.num_rows,
    }
    return _rows(some, told, times, now)


def _names(codes: Codes) -> list[str]:
    return [STAGES[code].value for code in codes]


def _props(
    stages: tuple[list[str | None], list[str]], p: list[float | None], model: RhythmModel | None
) -> list[str]:
    """JSON of each change; `stages` before and after it."""
    encode, version = msgspec.json.Encoder().encode, model.version if model else None
    return [
        encode({"from": old, "to": new, "p": value, "model_version": version}).decode()
        for old, new, value in zip(*stages, p, strict=True)
    ]


def _rows(who: pa.Table, told: dict[str, list[str]], times: pa.Array, now: datetime) -> pa.Table:
    """`event_recent`'s columns, in its order, from what differs by row."""
    count = who.num_rows
    instant = pa.repeat(pa.scalar(now, _INSTANT), count)
    columns = {
        "bucket": who["bucket"],
        "customer_id": who["customer_id"],
        "time": times,
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


def _ids(who: pa.Table, stages: list[str], at: list[str]) -> list[str]:
    """`model.event.event_key` in hex; written out, for a rescore makes a million."""
    texts = (
        f"dangol\0stage:{customer_id}:{stage}:{time}"
        for customer_id, stage, time in zip(who["customer_id"].to_pylist(), stages, at, strict=True)
    )
    return [blake2b(text.encode(), digest_size=16).hexdigest() for text in texts]
