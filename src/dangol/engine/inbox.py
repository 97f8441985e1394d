"""Events of known customers enter `inbox`, in bulk: from here on Live has them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
import pyarrow as pa

from dangol.listen.heard import Heard
from dangol.model.customer import bucket_of
from dangol.model.event import Cause, Effect, event_key
from dangol.store.bulk import copy_arrow


class OwnFact(msgspec.Struct, frozen=True):
    """A fact that Route itself finds out about a customer; `ref` makes its id."""

    name: str
    ref: str
    customer_id: int
    props: dict[str, Any]
    cause: Cause


def enter_inbox(
    conn: psycopg.Connection,
    events: Sequence[Heard],
    customers: Sequence[int],
    facts: Sequence[OwnFact],
    now: datetime,
) -> int:
    """Append `events`, each to the customer at the same place, and `facts`; how many rows."""
    own = [_as_event(fact, now) for fact in facts]
    rows = [*events, *own]
    owners = [*customers, *(fact.customer_id for fact in facts)]
    return copy_arrow(conn, "inbox", _table(rows, owners))


def _as_event(fact: OwnFact, now: datetime) -> Heard:
    return Heard(
        key=event_key("dangol", fact.ref).hex,
        name=fact.name,
        time=now,
        received_at=now,
        props=fact.props,
        source="dangol",
        effect=Effect.LIVE,
        cause=fact.cause,
    )


def _table(rows: Sequence[Heard], owners: Sequence[int]) -> pa.Table:
    encode = msgspec.json.Encoder().encode
    instant = pa.timestamp("us", "UTC")
    columns = {
        "bucket": pa.array([bucket_of(owner) for owner in owners], pa.int32()),
        "customer_id": pa.array(owners, pa.int64()),
        "event_id": pa.array([row.key for row in rows], pa.string()),
        "name": pa.array([row.name for row in rows], pa.string()),
        "time": pa.array([row.time for row in rows], instant),
        "received_at": pa.array([row.received_at for row in rows], instant),
        "utc_offset_min": pa.array([row.utc_offset_min for row in rows], pa.int16()),
        "props": pa.array([encode(row.props) for row in rows], pa.string()),
        "source": pa.array([row.source for row in rows], pa.string()),
        "effect": pa.array([row.effect for row in rows], pa.string()),
        "cause": pa.array([row.cause for row in rows], pa.string()),
        "origin": pa.array([row.origin for row in rows], pa.string()),
        "depth": pa.array([row.depth for row in rows], pa.int16()),
    }
    return pa.table(columns)
