"""What a person allowed, refused or took back, per channel and topic, and what proves it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from dangol.model.customer import CustomerId
from dangol.model.message import Channel


class ConsentState(StrEnum):
    """The answer to "may we write to you?"."""

    UNKNOWN = "unknown"
    GRANTED = "granted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"

    @property
    def strictness(self) -> int:
        """Higher wins when two answers carry the same time, and in a merge."""
        return {"unknown": 0, "granted": 1, "denied": 2, "withdrawn": 3}[self.value]


ALL_TOPICS = "*"
"""The topic of an answer about the whole channel."""


class ConsentChange(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the consent ledger; never changed, never deleted while the person is known."""

    customer_id: CustomerId
    channel: Channel
    topic: str = ALL_TOPICS
    state: ConsentState
    time: datetime
    recorded_at: datetime
    actor: str
    """Who said so: `customer`, `member:<id>`, `import:<id>`, `system`."""
    source: str
    """Where: `form`, `one_click`, `reply`, `import`, `desk`, `api`, `bounce`."""
    evidence: dict[str, Any] = {}
