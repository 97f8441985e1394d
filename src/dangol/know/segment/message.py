"""What people did with messages, as questions about the events that tell of it."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from dangol.know.segment.condition import Comparison, Did, Reacted
from dangol.know.segment.terms import Op, Reaction, ValueType
from dangol.model.event import EventName

_EVENTS = {
    Reaction.RECEIVED: EventName.MESSAGE_SENT,
    Reaction.OPENED: EventName.MESSAGE_OPENED,
    Reaction.CLICKED: EventName.MESSAGE_CLICKED,
    Reaction.ANSWERED: EventName.MESSAGE_REPLIED,
}
_BY_MACHINES = {Reaction.OPENED, Reaction.CLICKED}
_BY_A_PERSON = Comparison(name="machine", op=Op.EQ, value=False, type=ValueType.BOOLEAN)


class Messages(msgspec.Struct, frozen=True):
    """Which sends carried what: every event about a message names its send."""

    by_letter: Mapping[UUID, tuple[int, ...]] = {}
    by_campaign: Mapping[UUID, tuple[int, ...]] = {}
    by_topic: Mapping[str, tuple[int, ...]] = {}

    def sends_of(self, leaf: Reacted) -> tuple[int, ...] | None:
        """The sends that are meant; None for all."""
        if leaf.letter is not None:
            return self.by_letter.get(leaf.letter, ())
        if leaf.campaign is not None:
            return self.by_campaign.get(leaf.campaign, ())
        return None if leaf.topic is None else self.by_topic.get(leaf.topic, ())


NO_MESSAGES = Messages()


def to_history(leaf: Reacted, messages: Messages) -> Did:
    """The same question about events; opens and clicks by machines do not count."""
    where = (_BY_A_PERSON,) if leaf.did in _BY_MACHINES else ()
    sends = messages.sends_of(leaf)
    if sends is not None:
        where += (Comparison(name="send_id", op=Op.IN, value=sends, type=ValueType.NUMBER),)
    return Did(name=_EVENTS[leaf.did].value, times=leaf.times, within=leaf.within, where=where)
