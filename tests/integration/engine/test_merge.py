"""When two customers turn out to be one, everything that decides about them moves at once."""

import datetime as dt
import json
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from dangol.engine.route import route_once
from dangol.know.profile.fold import stamp_of
from dangol.listen.intake import append_intake
from dangol.model.customer import bucket_of
from dangol.model.event import event_key

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def hear(conn: psycopg.Connection, **call: Any) -> None:
    raw = json.dumps({"batch": [call]}).encode()
    append_intake(conn, kind="track", source="k", body=raw, at=NOW, meta={"path": "/v1/batch"})
    conn.commit()
    route_once(conn, {}, NOW)


@pytest.fixture
def pair(conn: psycopg.Connection) -> tuple[int, int]:
    """A visitor (1) and a user (2) who are about to sign in on the visitor's device."""
    hear(conn, type="track", event="A", messageId="m1", anonymousId="device")
    hear(conn, type="track", event="A", messageId="m2", userId="user")
    return 1, 2


def sign_in(conn: psycopg.Connection) -> None:
    conn.commit()
    hear(conn, type="track", event="B", messageId="m3", anonymousId="device", userId="user")


def state(conn: psycopg.Connection, customer: int, **traits: tuple[Any, int]) -> None:
    """Traits of a customer with the day, counted back from now, that each was stated on."""
    values = {name: value for name, (value, _) in traits.items() if value is not None}
    stamps = {name: stamp(days) for name, (_, days) in traits.items()}
    conn.execute(
        "update customer set traits = %s, trait_stamps = %s where customer_id = %s",
        [Jsonb(values), Jsonb(stamps), customer],
    )
    if "email" in values:
        conn.execute(
            "insert into contact_point values (%s, %s, 'email', %s, %s, %s)",
            [
                bucket_of(customer),
                customer,
                values["email"],
                values["email"].encode(),
                stamps["email"],
            ],
        )


def stamp(days_ago: int) -> str:
    micros = int((NOW - days_ago * DAY).timestamp() * 1_000_000)
    return stamp_of(micros, event_key("k", str(days_ago)))


def one(conn: psycopg.Connection, statement: str, *args: Any) -> tuple:
    row = conn.execute(statement, args).fetchone()
    assert row is not None
    return row


def test_the_later_statement_of_each_trait_wins(conn, pair: tuple[int, int]) -> None:
    state(conn, 1, name=("late", 1), plan=("early", 9), color=("blue", 5))
    state(conn, 2, name=("early", 2), plan=("late", 3), color=(None, 4))
    sign_in(conn)
    traits, search = one(conn, "select traits, search from customer where customer_id = 2")
    assert traits == {"name": "late", "plan": "late"}
    assert "late" in search


@pytest.mark.parametrize(
    ("visitor", "user", "address"),
    [
        (("v@x.example", 1), ("u@x.example", 2), "v@x.example"),
        (("v@x.example", 2), ("u@x.example", 1), "u@x.example"),
        (("v@x.example", 2), (None, 1), None),
        ((None, 1), ("u@x.example", 2), None),
        (("v@x.example", 1), None, "v@x.example"),
    ],
)
def test_the_address_follows_the_trait(
    conn, pair: tuple[int, int], visitor: tuple, user: tuple | None, address: str | None
) -> None:
    state(conn, 1, email=visitor)
    if user:
        state(conn, 2, email=user)
    sign_in(conn)
    rows = conn.execute("select customer_id, address, address_hash from contact_point").fetchall()
    assert rows == ([(2, address, address.encode())] if address else [])


def test_a_refusal_of_either_side_holds(conn, pair: tuple[int, int]) -> None:
    for customer, answer, days in ((1, "withdrawn", 9), (2, "granted", 1)):
        bucket, said = bucket_of(customer), NOW - days * DAY
        conn.execute(
            "insert into contact_state (bucket, customer_id, channel, consent, consent_time, "
            "handed_at) values (%s, %s, 'email', %s, %s, %s)",
            [bucket, customer, answer, said, [said]],
        )
        conn.execute(
            "insert into consent values (%s, %s, %s, 'email', '*', %s, %s, %s, 'customer', 'form')",
            [bucket, customer, event_key("k", answer), answer, said, said],
        )
    sign_in(conn)
    consent, handed = one(
        conn, "select consent, cardinality(handed_at) from contact_state where customer_id = 2"
    )
    assert (consent, handed) == ("withdrawn", 2)


def test_relationship_days_of_both_add_up(conn, pair: tuple[int, int]) -> None:
    for customer, day, events in ((1, 1, 2), (1, 2, 1), (2, 2, 3)):
        conn.execute(
            "insert into relationship_day values (%s, %s, %s, %s, %s, 0)",
            [bucket_of(customer), customer, dt.date(2026, 1, day), events, events * 100],
        )
    sign_in(conn)
    rows = conn.execute(
        "select customer_id, extract(day from day)::int, events, revenue_minor "
        "from relationship_day order by day"
    ).fetchall()
    assert rows == [(2, 1, 2, 200), (2, 2, 4, 400)]


def test_what_was_queued_for_the_loser_is_not_sent(conn, pair: tuple[int, int]) -> None:
    conn.execute(
        "insert into send (id, kind, message_kind, created_at, created_by) "
        "values (1, 'campaign', 'news', %s, 'test')",
        [NOW],
    )
    for customer in pair:
        conn.execute(
            "insert into message (bucket, send_id, customer_id, state, due_at, planned_at) "
            "values (%s, 1, %s, 'queued', %s, %s)",
            [bucket_of(customer), customer, NOW, NOW],
        )
    sign_in(conn)
    rows = conn.execute("select customer_id, state, reason from message order by 1").fetchall()
    assert rows == [(1, "silent", "merged"), (2, "queued", None)]


def test_conversations_go_along(conn, pair: tuple[int, int]) -> None:
    conn.execute(
        "insert into thread (bucket, customer_id, id, subject, state, opened_at, last_at) "
        "values (1, 1, gen_random_uuid(), 'Question', 'open', %s, %s)",
        [NOW, NOW],
    )
    sign_in(conn)
    assert one(conn, "select bucket, customer_id from thread") == (2, 2)


def test_first_and_last_seen_span_both(conn, pair: tuple[int, int]) -> None:
    conn.execute("update customer set first_seen_at = %s where customer_id = 1", [NOW - 9 * DAY])
    sign_in(conn)
    span = one(conn, "select first_seen_at, last_seen_at from customer where customer_id = 2")
    assert span == (NOW - 9 * DAY, NOW)
    assert one(conn, "select merged_into from customer where customer_id = 1") == (2,)
    facts = conn.execute(
        "select customer_id, props->>'loser_id', cause from inbox where name = 'Customers Merged'"
    ).fetchall()
    assert facts == [(2, "1", "merge")]
