"""What listening yields: facts about somebody who still has to be found, and refusals."""

from datetime import datetime
from typing import Any

import msgspec

from dangol.model.event import Cause, Effect
from dangol.model.reason import RejectReason


class IntakeRow(msgspec.Struct, frozen=True):
    """One row of `intake`: one request, file part or mail, as it came."""

    id: int
    received_at: datetime
    kind: str
    source: str
    meta: dict[str, Any]
    body: bytes


class Heard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fact, before it is known whose it is.

    Who it is about is said by `customer_id` (facts of our own making), or else by the ids the
    sender used. `gc=False`: values decoded from JSON hold no cycles.
    """

    key: str
    """The event's identity as 32 hex digits (`model.event.event_key`); heard twice, applied once."""
    name: str
    time: datetime
    received_at: datetime
    utc_offset_min: int | None = None
    props: dict[str, Any]
    source: str
    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    """Normalised; names the person only where there is no other id."""
    previous_id: str | None = None
    """An id of the sender's that means the same person as `user_id` (alias calls)."""
    customer_id: int | None = None
    effect: Effect = Effect.LIVE
    cause: Cause = Cause.BEHAVIOUR
    origin: str | None = None
    depth: int = 0


class Rejected(msgspec.Struct, frozen=True):
    """One item that did not become a fact, and why."""

    reason: RejectReason
    detail: str
    """For the sender: what is wrong with it and what would be right."""
    item: bytes = b""
    source: str = ""
    line: int | None = None


class Parsed(msgspec.Struct, frozen=True):
    """What some intake rows came to; every item of theirs is in one of the two lists."""

    events: list[Heard]
    rejects: list[Rejected]
