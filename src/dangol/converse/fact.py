"""What a mail means to the rest of the engine: events about the customer whose mail it is."""

from datetime import datetime
from typing import Protocol

from dangol.listen.heard import Heard
from dangol.model.event import EventName, event_key


class Whose(Protocol):
    """The customer, and the letter of ours that the mail goes back to."""

    @property
    def customer_id(self) -> int: ...
    @property
    def send_id(self) -> int | None: ...


def fact(
    name: EventName, ref: object, whose: Whose, props: dict[str, object], at: datetime
) -> Heard:
    """An event about `whose` customer; the same `ref` gives the same event."""
    return Heard(
        key=event_key("dangol", f"{name}:{ref}").hex,
        name=name.value,
        time=at,
        received_at=at,
        props=props,
        source="dangol",
        customer_id=whose.customer_id,
        origin=f"send:{whose.send_id}" if whose.send_id else None,
    )
