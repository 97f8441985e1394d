"""One thing that happened in the practice shop, and how it is written down for an import."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from dangol.listen.imported import COLUMNS
from dangol.model.event import EventName, event_key
from dangol.practice.person import Person

ZONE = ZoneInfo("Asia/Seoul")
_OFFSET_MIN = 540


class Fact(NamedTuple):
    """What one customer did at one instant."""

    user_id: str
    name: str
    at: datetime
    props: dict[str, Any]


def at(day: date, hour: float) -> datetime:
    """An instant of a day in Seoul, in UTC; `hour` 13.5 is half past one."""
    midnight = datetime.combine(day, time(), tzinfo=ZONE)
    return (midnight + timedelta(seconds=round(hour * 3600))).astimezone(UTC)


def profile(person: Person, when: datetime) -> Fact:
    """What the shop wrote down about someone."""
    return Fact(person.user_id, EventName.PROFILE_UPDATED, when, person.traits)


def consent(person: Person, state: str, when: datetime) -> Fact:
    """What someone answered when asked for news by e-mail, and what proves it."""
    props = {
        "channel": "email",
        "topic": "*",
        "state": state,
        "actor": "customer",
        "source": "import",
        "evidence": {"where": "practice shop, checkout", "at": when.isoformat()},
    }
    return Fact(person.user_id, EventName.CONSENT_CHANGED, when, props)


def as_table(facts: Iterable[Fact], run: UUID, part: str) -> pa.Table:
    """`facts` as an import: the same run and part give the same keys, another run others."""
    listed = list(facts)
    keys = [event_key(f"practice {run}", f"{part} {line}").hex for line in range(len(listed))]
    columns = {
        "line": list(range(1, len(listed) + 1)),
        "key": keys,
        "user_id": [fact.user_id for fact in listed],
        "email": [None] * len(listed),
        "name": [str(fact.name) for fact in listed],
        "time": [fact.at for fact in listed],
        "utc_offset_min": [_OFFSET_MIN] * len(listed),
        "props": [msgspec.json.encode(fact.props).decode() for fact in listed],
    }
    return pa.table(columns, schema=COLUMNS)
