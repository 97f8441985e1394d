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
from dangol.store.sql import load_queries

_Q = load_queries(__package__)


class MessageFact(NamedTuple):
    """One fact about the message of one person."""

    bucket: int
    customer_id: int
    name: EventName
    reason: str | None = None
    attempt: int = 0
    """Tells two failures of one message apart; 0 where a fact happens once."""


def insert_facts(
    conn: psycopg.Connection, send: Send, facts: Sequence[MessageFact], now: datetime
) -> None:
    """Put the facts into the inbox; telling them twice changes nothing."""
    if not facts:
        return
    args = {
        "buckets": [fact.bucket for fact in facts],
        "customers": [fact.customer_id for fact in facts],
        "ids": [fact_id(fact.name, send.id, fact.customer_id, fact.attempt) for fact in facts],
        "names": [fact.name.value for fact in facts],
        "props": [_props(send.id, send.kind, send.message_kind, fact.reason) for fact in facts],
        "origins": [f"send:{send.id}"] * len(facts),
        "now": now,
    }
    conn.execute(_Q.insert_events, args)


def fact_id(name: EventName, send_id: int, customer_id: int, attempt: int = 0) -> str:
    """The identity of a fact, as `event_key("dangol", "Message Sent:12:345:0")` in hexadecimal."""
    text = f"dangol\0{name.value}:{send_id}:{customer_id}:{attempt}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=1024)
def _props(send_id: int, send_kind: str, kind: str, reason: str | None) -> str:
    props = {"send_id": send_id, "send_kind": send_kind, "kind": kind, "channel": "email"}
    return msgspec.json.encode(props | ({"reason": reason} if reason else {})).decode()
