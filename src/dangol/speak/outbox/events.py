"""What happens to messages is itself an event: said to the loop through the inbox."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import psycopg

from dangol.decide.campaign.sends import Send
from dangol.model.event import EventName
from dangol.store.arrays import ints, uuids
from dangol.store.sql import load_queries

_Q = load_queries(__package__)


class MessageFact(NamedTuple):
    """One fact about the message of one person."""

    bucket: int
    customer_id: int
    name: EventName
    reason: str | None = None


def insert_facts(
    conn: psycopg.Connection, send: Send, facts: Sequence[MessageFact], now: datetime
) -> None:
    """Put the facts into the inbox; telling them twice changes nothing."""
    alike: dict[tuple[EventName, str | None], list[MessageFact]] = {}
    for fact in facts:
        alike.setdefault((fact.name, fact.reason), []).append(fact)
    for (name, reason), group in alike.items():
        customers = [fact.customer_id for fact in group]
        args = {
            "buckets": ints([fact.bucket for fact in group]),
            "customers": ints(customers),
            "ids": uuids(fact_ids(name, send.id, customers)),
            "name": name.value,
            "props": _props(send.id, send.kind, send.message_kind, reason),
            "origin": f"send:{send.id}",
            "now": now,
        }
        conn.execute(_Q.insert_events, args)


def fact_ids(name: EventName, send_id: int, customers: Sequence[int]) -> list[bytes]:
    """The identities of one fact about several people, such as `event_key("dangol",
    "Message Sent:12:345")` for customer 345 of send 12."""
    start = blake2b(f"dangol\0{name.value}:{send_id}:".encode(), digest_size=16)
    ids = []
    for customer_id in customers:
        hashing = start.copy()
        hashing.update(b"%d" % customer_id)
        ids.append(hashing.digest())
    return ids


@lru_cache(maxsize=1024)
def _props(send_id: int, send_kind: str, kind: str, reason: str | None) -> str:
    props = {"send_id": send_id, "send_kind": send_kind, "kind": kind, "channel": "email"}
    return msgspec.json.encode(props | ({"reason": reason} if reason else {})).decode()
