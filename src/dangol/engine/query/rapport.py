"""The questions `best_hour` and `attention`: when to write to one customer, and whether to now."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from dangol.decide.guard.rules import read_rules
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm
from dangol.know.attention.service import find_attention
from dangol.know.rhythm.lookup import find_stage
from dangol.know.timing.service import find_best_hour
from dangol.model.customer import bucket_of
from dangol.model.stage import Stage
from dangol.store.pool import connect


class RapportAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Whose."""

    customer_id: int


@answers("rapport", RapportAsked)
def rapport(warm: Warm, asked: RapportAsked) -> dict[str, Any]:
    """The best hour (None before anything was learned) and the attention that is left."""
    now = datetime.now(UTC)
    with connect(warm.dsn, name="query") as conn:
        row = find_stage(conn, bucket_of(asked.customer_id), asked.customer_id)
        stage = Stage(row.stage) if row else Stage.UNKNOWN
        left = find_attention(conn, asked.customer_id, stage, read_rules(conn).care, now)
    hour = find_best_hour(warm.settings, asked.customer_id, now)
    return {"best_hour": msgspec.to_builtins(hour), "attention": msgspec.to_builtins(left)}
