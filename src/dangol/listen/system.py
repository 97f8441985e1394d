"""Facts stated by our own parts, through the same door as everybody else's."""

from datetime import datetime
from typing import Any

import msgspec

from dangol.listen.heard import Heard, IntakeRow, Parsed, Rejected
from dangol.listen.moment import is_history
from dangol.model.event import Cause, Effect, event_key
from dangol.model.reason import RejectReason

SOURCE = "dangol"
"""The source of every fact of our own making; part of its key."""
DEEPEST = 8
"""How long a chain of facts that cause facts may get before it counts as a loop."""


class SystemItem(msgspec.Struct, gc=False):
    """One fact of our own making, as it stands in an intake row of kind `system`."""

    message_id: str
    name: str
    time: datetime
    customer_id: int
    props: dict[str, Any] = {}
    origin: str | None = None
    depth: int = 0
    cause: Cause = Cause.BEHAVIOUR


_ITEMS = msgspec.json.Decoder(list[SystemItem])


def hear_system(row: IntakeRow) -> Parsed:
    """The facts of one row; a chain that got too deep is refused as a loop."""
    parsed = Parsed([], [])
    for item in _ITEMS.decode(row.body):
        if item.depth > DEEPEST:
            shown = msgspec.json.encode(item)
            detail = f"{item.origin or 'Something'} keeps causing itself; it must be paused."
            parsed.rejects.append(Rejected(RejectReason.LOOP, detail, shown, row.source))
        else:
            parsed.events.append(_as_heard(item, row))
    return parsed


def _as_heard(item: SystemItem, row: IntakeRow) -> Heard:
    return Heard(
        key=event_key(SOURCE, item.message_id).hex,
        name=item.name,
        time=item.time,
        received_at=row.received_at,
        props=item.props,
        source=SOURCE,
        customer_id=item.customer_id,
        effect=Effect.HISTORY if is_history(item.time, row.received_at) else Effect.LIVE,
        cause=item.cause,
        origin=item.origin,
        depth=item.depth,
    )
