"""The facts of many people at once, by key."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from dangol.store.arrays import ints
from dangol.store.sql import load_queries

_Q = load_queries(__package__)

FACTS = 15
"""How many columns of a `Person` are what `people_facts` takes; then follow consent version, traits
(JSON text), locale, country, address hash and the version of the model behind the stage."""

Person = tuple[Any, ...]


def prefer_key_lookups(conn: psycopg.Connection) -> None:
    """For the rest of the transaction join by key only, whatever the statistics say."""
    conn.execute(_Q.prefer_key_lookups)


def load_people(
    conn: psycopg.Connection,
    buckets: Sequence[int] | NDArray[np.integer],
    customers: Sequence[int] | NDArray[np.integer],
    *,
    topic: str,
    now: datetime,
) -> list[Person]:
    """What is known about these people at `now`, in the order given."""
    return ask_people(conn, buckets, customers, topic=topic, now=now).fetchall()


def ask_people(
    conn: psycopg.Connection,
    buckets: Sequence[int] | NDArray[np.integer],
    customers: Sequence[int] | NDArray[np.integer],
    *,
    topic: str,
    now: datetime,
) -> psycopg.Cursor[Person]:
    """The same, asked only: in a pipeline the answer may be on its way."""
    args = {
        "buckets": ints(buckets),
        "customers": ints(customers),
        "topic": topic,
        "now": now,
        "day_ago": now - timedelta(days=1),
        "week_ago": now - timedelta(days=7),
    }
    return conn.execute(_Q.load_people, args, binary=True)


def find_sharers(
    conn: psycopg.Connection,
    buckets: Sequence[int] | NDArray[np.integer],
    customers: Sequence[int] | NDArray[np.integer],
) -> set[int]:
    """Those of these people whose address somebody else has too."""
    args = {"buckets": ints(buckets), "customers": ints(customers)}
    return {row[0] for row in conn.execute(_Q.shared_addresses, args)}
