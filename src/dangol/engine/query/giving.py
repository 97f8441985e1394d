"""The question `giving`: what one customer and we gave each other."""

from typing import Any

import msgspec

from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm
from dangol.know.giving.balance import weigh
from dangol.store.brand import read_brand
from dangol.store.pool import connect


class GivingAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Whose."""

    customer_id: int


@answers("giving", GivingAsked)
def giving(warm: Warm, asked: GivingAsked) -> dict[str, Any]:
    """Counts of give and take, from the whole history."""
    with connect(warm.dsn, name="query") as conn:
        event = read_brand(conn).relationship_event
    return msgspec.to_builtins(weigh(warm.settings, asked.customer_id, event))
