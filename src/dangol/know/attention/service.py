"""One customer's attention from the whole history: what was spent, what came back, what is left.

Nothing is stored: the ledger is a pure fold of events that are kept anyway, so late events, merges
and another tariff need no repair. What was spent half a year ago has faded to nothing.
"""

from datetime import datetime, timedelta

import msgspec
import pyarrow as pa

from dangol.know.attention.ledger import LOOK_BACK_DAYS, REST, Kind, level_of
from dangol.know.attention.tariff import (
    COST,
    FLOOR,
    GAIN,
    PURCHASE,
    REFUND,
    REFUND_DAYS,
    REPEATED,
    REPEATED_DAYS,
    may_send,
)
from dangol.model.customer import bucket_of
from dangol.model.stage import Stage
from dangol.settings import Settings
from dangol.store.lake import snapshot

FREE = ("service", "conversation")
"""Kinds of message that cost nothing: the customer asked for them."""

_HEARD = """
select e.name, e.time, json_extract_string(e.props, '$.send_id') as send_id,
    json_extract_string(e.props, '$.kind') as kind,
    json_extract_string(e.props, '$.channel') as channel,
    json_extract_string(e.props, '$.letter_id') as letter_id,
    json_extract_string(e.props, '$.state') as state,
    coalesce(json_extract_string(e.props, '$.machine'), 'false') = 'true' as is_machine
from events e
where e.bucket = $bucket and e.customer_id = $customer_id and e.time > $since and e.time <= $now
    and list_contains($names, e.name)
order by e.time, e.event_id
"""


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """What is left at an instant, and what that means for one more letter."""

    level: float
    """0 to 20; everybody rests at 10."""
    rest: float
    floor: float
    """What must be left after a message, for this stage."""
    may_write: bool
    """Whether one more letter leaves enough."""
    sent: int
    given: int
    """Entries of the last half year."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """An event as far as the ledger looks at it."""

    name: str
    time: datetime
    send_id: str | None = None
    kind: str | None = None
    channel: str | None = None
    letter_id: str | None = None
    state: str | None = None
    is_machine: bool = False


def find_attention(
    settings: Settings, customer_id: int, stage: Stage, relationship_event: str, now: datetime
) -> Attention:
    """The ledger of one customer at `now`; opens the lake."""
    bucket = bucket_of(customer_id)
    names = [*REFUND, *GAIN, "Message Sent", "Message Complained", "Consent Changed"]
    values = {
        "bucket": bucket,
        "customer_id": customer_id,
        "since": now - timedelta(days=LOOK_BACK_DAYS),
        "now": now,
        "names": [*names, relationship_event],
    }
    with snapshot(settings, settings.database_url or "", (bucket, bucket), views=("events",)) as it:
        heard = _heard(it.query(_HEARD, values))
    return judge(entries_of(heard, relationship_event), stage, now)


def judge(entries: list[tuple[datetime, Kind, float]], stage: Stage, now: datetime) -> Attention:
    """What the entries leave at `now`. Pure."""
    days = [((at - now).total_seconds() / 86_400, kind, amount) for at, kind, amount in entries]
    level = level_of(days, 0.0)
    return Attention(
        level=round(level, 4),
        rest=REST,
        floor=FLOOR[stage],
        may_write=may_send(level, stage, COST["email"]),
        sent=sum(kind is Kind.SENT for _, kind, _ in entries),
        given=sum(kind is Kind.GIVEN for _, kind, _ in entries),
    )


def entries_of(heard: list[Heard], relationship_event: str) -> list[tuple[datetime, Kind, float]]:
    """The ledger's entries of events in the order of their times. Pure.

    What comes back for a message is the most that the customer did with it within three days.
    """
    sent: dict[str, tuple[datetime, float]] = {}
    refunded: dict[str, float] = {}
    last: dict[str, datetime] = {}
    entries: list[tuple[datetime, Kind, float]] = []
    for event in heard:
        if event.name == "Message Sent":
            cost = _cost(event, last)
            sent[event.send_id or ""] = (event.time, cost)
            entries.append((event.time, Kind.SENT, cost))
        elif event.name == "Message Complained":
            entries.append((event.time, Kind.COMPLAINED, 0.0))
        elif event.name == "Consent Changed" and event.state in ("withdrawn", "denied"):
            entries.append((event.time, Kind.LEFT_CHANNEL, 0.0))
        entries += _given(event, relationship_event)
        entries += _refund(event, sent, refunded)
    return entries


def _cost(event: Heard, last: dict[str, datetime]) -> float:
    if event.kind in FREE:
        return 0.0
    letter = event.letter_id or ""
    before = last.get(letter) if letter else None
    last[letter] = event.time
    again = before is not None and event.time - before <= timedelta(days=REPEATED_DAYS)
    return COST.get(event.channel or "email", COST["email"]) * (REPEATED if again else 1.0)


def _given(event: Heard, relationship_event: str) -> list[tuple[datetime, Kind, float]]:
    amount = PURCHASE if event.name == relationship_event else GAIN.get(event.name, 0.0)
    return [(event.time, Kind.GIVEN, amount)] if amount else []


def _refund(
    event: Heard, sent: dict[str, tuple[datetime, float]], refunded: dict[str, float]
) -> list[tuple[datetime, Kind, float]]:
    share = REFUND.get(event.name, 0.0)
    at, cost = sent.get(event.send_id or "", (None, 0.0))
    if not share or event.is_machine or at is None:
        return []
    before = refunded.get(event.send_id or "", 0.0)
    if share <= before or event.time - at > timedelta(days=REFUND_DAYS):
        return []
    refunded[event.send_id or ""] = share
    return [(event.time, Kind.GIVEN, cost * (share - before))]


def _heard(rows: pa.Table) -> list[Heard]:
    return [Heard(**row) for row in rows.to_pylist()]
