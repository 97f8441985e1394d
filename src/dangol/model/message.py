"""One message to one person: what it is, and the states it goes through."""

from enum import StrEnum


class Channel(StrEnum):
    """Where a message goes out."""

    EMAIL = "email"


class MessageKind(StrEnum):
    """What a message is; the guard's checks and the law ask for it."""

    SERVICE = "service"
    CONVERSATION = "conversation"
    NEWS = "news"
    OFFER = "offer"
    THANKS = "thanks"
    ONBOARDING = "onboarding"
    NUDGE = "nudge"
    WINBACK = "winback"

    @property
    def is_marketing(self) -> bool:
        """Whether consent, caps and quiet hours apply."""
        return self not in {MessageKind.SERVICE, MessageKind.CONVERSATION}


class MessageState(StrEnum):
    """Where one message to one person stands.

    `planned → queued → handed → accepted | failed | uncertain`, or one of the ends
    `silent`, `held_out`; `deferred` goes back to `queued`.
    """

    PLANNED = "planned"
    QUEUED = "queued"
    DEFERRED = "deferred"
    HANDED = "handed"
    """Committed before the first byte leaves: from here on it may have been sent."""
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    """Handed over, but no result was recorded: it may or may not have left."""
    SILENT = "silent"
    HELD_OUT = "held_out"

    @property
    def is_final(self) -> bool:
        """Whether nothing moves it any more by itself."""
        return self in _FINAL


_FINAL = frozenset(
    {
        MessageState.ACCEPTED,
        MessageState.FAILED,
        MessageState.UNCERTAIN,
        MessageState.SILENT,
        MessageState.HELD_OUT,
    }
)
