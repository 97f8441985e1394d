"""What happened: one fact about one customer, theirs or ours, at one instant."""

from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from dangol.model.customer import CustomerId


class Effect(StrEnum):
    """Whether an event may cause anything beyond being known."""

    LIVE = "live"
    HISTORY = "history"
    """Imported, or more than 24 hours old on arrival: known, but triggers and sends nothing."""


class Cause(StrEnum):
    """Why a derived fact came to be; triggers react to `BEHAVIOUR` and `TIME` only."""

    BEHAVIOUR = "behaviour"
    TIME = "time"
    HISTORY = "history"
    REFIT = "refit"
    MERGE = "merge"
    DEFINITION = "definition"


class EventName(StrEnum):
    """Reserved names: facts made by the team and by the engine itself."""

    PROFILE_UPDATED = "Profile Updated"
    """An identify call; `props` are the traits it stated."""
    PAGE_VIEWED = "Page Viewed"
    SCREEN_VIEWED = "Screen Viewed"
    GROUP_JOINED = "Group Joined"
    IDENTITY_LINKED = "Identity Linked"
    """An alias call, or a login that tied an anonymous visitor to a known customer."""
    CUSTOMERS_MERGED = "Customers Merged"
    ORDER_COMPLETED = "Order Completed"
    MESSAGE_SENT = "Message Sent"
    MESSAGE_DELIVERED = "Message Delivered"
    MESSAGE_OPENED = "Message Opened"
    MESSAGE_CLICKED = "Message Clicked"
    MESSAGE_REPLIED = "Message Replied"
    MESSAGE_BOUNCED = "Message Bounced"
    MESSAGE_COMPLAINED = "Message Complained"
    MESSAGE_FAILED = "Message Failed"
    MESSAGE_SUPPRESSED = "Message Suppressed"
    MESSAGE_HELD_OUT = "Message Held Out"
    STAGE_CHANGED = "Stage Changed"
    SEGMENT_ENTERED = "Segment Entered"
    SEGMENT_EXITED = "Segment Exited"
    CONSENT_CHANGED = "Consent Changed"
    SURVEY_ANSWERED = "Survey Answered"
    PREFERENCE_CHANGED = "Preference Changed"
    REFERRAL_USED = "Referral Used"
    """Somebody came by a friend's link; `props.by` is the friend's customer id."""
    FRIEND_JOINED = "Friend Joined"
    """Of the one whose link it was."""
    FRIEND_ORDERED = "Friend Ordered"
    """Of the one whose link it was; `props.order` counts the friend's orders."""
    ANSWER_HELPED = "Answer Helped"
    """A member of the team marked what the customer wrote as helpful."""


RESERVED_NAMES = frozenset(name for name in EventName if name not in {EventName.ORDER_COMPLETED})
"""Names that a sender of track calls may not use: they would forge the engine's own facts."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One fact. `event_id` is its identity: the same id is applied once.

    `time` is corrected for the sender's clock; `utc_offset_min` keeps the sender's wall clock.
    """

    event_id: UUID
    customer_id: CustomerId
    name: str
    time: datetime
    received_at: datetime
    utc_offset_min: int | None = None
    props: dict[str, Any] = {}
    source: str
    effect: Effect = Effect.LIVE
    cause: Cause = Cause.BEHAVIOUR
    origin: str | None = None
    """What automation made it (`send:12`), for facts of our own making."""
    depth: int = 0


def event_key(source: str, message_id: str) -> UUID:
    """The 128-bit identity of a sender's message: BLAKE2b of the source, a NUL and its id.

    >>> event_key("key_a", "m1") == event_key("key_a", "m1")
    True
    >>> event_key("key_a", "m1") == event_key("key_b", "m1")
    False
    """
    digest = blake2b(f"{source}\0{message_id}".encode(), digest_size=16).digest()
    return UUID(bytes=digest)
