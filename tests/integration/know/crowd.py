"""A handful of customers with a history, put straight into the tables that a snapshot reads."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg

from dangol.model.customer import bucket_of

NOW = datetime.now(UTC)


def add_customer(
    conn: psycopg.Connection,
    customer_id: int,
    traits: dict[str, Any],
    *,
    stage: str | None = None,
    consent: str | None = None,
    merged_into: int | None = None,
) -> None:
    """One customer with what is known of them."""
    key = (bucket_of(customer_id), customer_id)
    conn.execute(
        "insert into customer (bucket, customer_id, traits, first_seen_at, last_seen_at, created_at,"
        " merged_into) values (%s, %s, %s, %s, %s, %s, %s)",
        [*key, json.dumps(traits), NOW, NOW, NOW, merged_into],
    )
    if stage:
        conn.execute(
            "insert into stage (bucket, customer_id, stage, since, cause, repeats, first_day,"
            " last_day, scored_at) values (%s, %s, %s, %s, 'behaviour', 0, %s, %s, %s)",
            [*key, stage, NOW, NOW.date(), NOW.date(), NOW],
        )
    if consent:
        conn.execute(
            "insert into contact_state (bucket, customer_id, channel, consent)"
            " values (%s, %s, 'email', %s)",
            [*key, consent],
        )


def add_event(
    conn: psycopg.Connection,
    customer_id: int,
    name: str,
    days_ago: float,
    props: dict[str, Any] | None = None,
) -> None:
    """One event that was applied."""
    conn.execute(
        "insert into event_recent (bucket, customer_id, time, event_id, name, received_at,"
        " recorded_at, props, source, effect, cause)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, 'test', 'live', 'behaviour')",
        [bucket_of(customer_id), customer_id, NOW - timedelta(days=days_ago), uuid4(), name,
         NOW, NOW, json.dumps(props or {})],
    )  # fmt: skip
