"""Why something did not happen: closed sets of reasons, put into words only at display."""

from enum import StrEnum
from typing import Any

import msgspec


class RejectReason(StrEnum):
    """Why a received item did not become an event."""

    INVALID_JSON = "invalid_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_TYPE = "unknown_type"
    NO_IDENTITY = "no_identity"
    NO_EVENT_NAME = "no_event_name"
    NO_PREVIOUS_ID = "no_previous_id"
    TOO_LARGE = "too_large"
    TOO_MANY_PROPERTIES = "too_many_properties"
    BAD_TEXT = "bad_text"
    """Text that no database can hold, such as NUL or a lone surrogate."""
    BAD_TIME = "bad_time"
    TIME_REPLACED = "time_replaced"
    """Not refused: the event was kept, with the time of its arrival."""
    BAD_MONEY = "bad_money"
    BAD_VALUE = "bad_value"
    MISSING_VALUE = "missing_value"
    RESERVED_NAME = "reserved_name"
    DUPLICATE = "duplicate"
    FORGED_TOKEN = "forged_token"
    ERASED = "erased"
    LOOP = "loop"
    UNREADABLE_MAIL = "unreadable_mail"


class SilentReason(StrEnum):
    """Why a person of the audience was not written to, for good."""

    ALREADY_SENT = "already_sent"
    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"
    PAUSED = "paused"
    WRONG_STAGE = "wrong_stage"
    OPEN_COMPLAINT = "open_complaint"
    TOO_OFTEN = "too_often"
    NEEDS_REST = "needs_rest"
    """Too little attention is left for one more message."""
    QUIET_HOURS = "quiet_hours"
    """Deferred past the end of the campaign's own window."""
    CONTENT_REFUSED = "content_refused"
    NO_SENDER = "no_sender"
    HELD_OUT = "held_out"
    CANCELLED = "cancelled"
    MERGED = "merged"
    ERASED = "erased"
    RESTORED = "restored"
    """Planned before a restore from backup; the owner must confirm first."""
    EXPIRED = "expired"
    SHARED_ADDRESS = "shared_address"
    """Another customer with the same address was written to by this campaign."""


class DeferReason(StrEnum):
    """Why a message waits."""

    QUIET_HOURS = "quiet_hours"
    BEST_HOUR = "best_hour"
    RATE = "rate"
    PAUSED_CAMPAIGN = "paused_campaign"
    RETRY = "retry"


class Reason(msgspec.Struct, frozen=True):
    """A reason with the values that were seen when it was given."""

    code: str
    seen: dict[str, Any] = {}
