"""Acts of one batch move interests at once; the telling of the whole history stays the measure.

Light, for turns of Live do it where a segment asks what people like.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg

from dangol.know.interest.items import SQL
from dangol.know.interest.score import BUY, CLICK, HALF_LIFE_DAYS, ORIGIN, READ
from dangol.model.event import EventName
from dangol.model.tag import fold_tag
from dangol.store.arrays import texts

TAGGED = ("category", "categories", "tags", "products")
NAMED = ("product_id", "sku", "item_id", "article_id", "id", "url")

LEAD = timedelta(days=1)
"""What lies further ahead is no act yet: a clock is wrong, or a plan was imported."""


def telling_names(conn: psycopg.Connection) -> list[str]:
    """Names of events that can tell what somebody likes: fewer to read than all."""
    properties = [*TAGGED, *(name for name in NAMED if name != "id")]
    rows = conn.execute(SQL.list_telling_names, {"properties": properties})
    ours = {name for name in EventName if name.startswith("Message ")}
    heard = {name for (name,) in rows} - ours
    return sorted(heard | {EventName.MESSAGE_CLICKED, EventName.ORDER_COMPLETED})


def buying_names(relationship_event: str) -> list[str]:
    """Names of events by which somebody buys."""
    return sorted({relationship_event, str(EventName.ORDER_COMPLETED)})


def fold_heard(
    conn: psycopg.Connection, names: Sequence[str], buys: Sequence[str], now: datetime
) -> None:
    """Add what the new events in `heard` say to the interests; `names` are those that can tell.

    `conn` is in the transaction that staged `heard`, which holds only what was not history before.
    """
    conn.execute(SQL.create_said)
    asked = {"names": list(names), "buys": list(buys), "until": now + LEAD, "named": list(NAMED)}
    if conn.execute(SQL.stage_said, asked).rowcount == 0:
        return
    said = [row[0] for row in conn.execute(SQL.list_said)]
    worth = {"read": READ, "click": CLICK, "buy": BUY}
    values = {
        "said": texts(said),
        "tags": texts(fold_tag(one) for one in said),
        "origin": ORIGIN,
        "half_life": HALF_LIFE_DAYS * 86_400,
    }
    conn.execute(SQL.fold_said, values | worth)
