"""Leaves that read more than profile and history: in a real database, over a real snapshot."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from dangol.engine.query.people import Asked, preview
from dangol.engine.query.warm import warmed
from dangol.know.interest.score import fading
from dangol.know.moment.service import Posted, end_moment, post_moment
from dangol.know.segment import parse
from dangol.know.segment.plan import needs_of
from dangol.know.segment.service import audience, create_segment, resolve
from dangol.know.segment.store import list_names
from dangol.model.area import Area, Circle
from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.lake import snapshot
from tests.integration.know.crowd import add_customer, add_event

NOW = datetime.now(UTC)
LETTER, CAMPAIGN = uuid4(), uuid4()


@pytest.fixture
def settings(tmp_path: Path, dsn: str) -> Settings:
    return Settings(data=tmp_path / "data", engine_memory_mb=256, database_url=dsn)


def _people(conn: psycopg.Connection, settings: Settings, question: dict[str, Any]) -> list[int]:
    """Who is meant: as a campaign asks, and the same number as in a preview."""
    condition = resolve(conn, parse(question), NOW)
    conn.commit()
    needs = needs_of(condition, NOW)
    with snapshot(settings, settings.database_url or "", views=needs.views) as snap:
        found = audience(snap, condition, (0, 1023), NOW).column("customer_id").to_pylist()
    with warmed(settings) as warm:
        assert preview(warm, Asked(condition=question)).people == len(found)
    return sorted(found)


def _add_send(conn: psycopg.Connection, send_id: int, topic: str, letter: UUID | None) -> None:
    conn.execute(
        "insert into send (id, kind, message_kind, topic, letter_id, created_at, created_by)"
        " values (%s, 'campaign', 'news', %s, %s, now(), 't')",
        [send_id, topic, letter],
    )


def test_messages_by_letter_campaign_and_topic(
    conn: psycopg.Connection, settings: Settings
) -> None:
    for customer in (1, 2, 3):
        add_customer(conn, customer, {"name": f"c{customer}"})
    conn.execute(
        "insert into letter (id, name, version, created_at, created_by, changed_at)"
        " values (%s, '봄', 1, now(), 't', now())",
        [LETTER],
    )
    _add_send(conn, 11, "recipes", LETTER)
    _add_send(conn, 12, "recipes", None)
    _add_send(conn, 13, "*", LETTER)
    conn.execute(
        "insert into campaign (id, name, state, send_id, schedule, created_at, created_by,"
        " changed_at) values (%s, 'Spring', 'done', 12, '{}', now(), 't', now())",
        [CAMPAIGN],
    )
    add_event(conn, 1, "Message Sent", 5, {"send_id": 11})
    add_event(conn, 1, "Message Opened", 4, {"send_id": 11, "machine": True})
    add_event(conn, 2, "Message Opened", 4, {"send_id": 12, "machine": False})
    add_event(conn, 3, "Message Opened", 40, {"send_id": 13, "machine": False})
    add_event(conn, 3, "Message Replied", 1, {"send_id": 13})
    opened = {"kind": "message", "did": "opened"}
    by_letter = {**opened, "letter": str(LETTER)}
    assert _people(conn, settings, opened) == [2, 3]
    assert _people(conn, settings, {**opened, "within": {"days": 30}}) == [2]
    assert _people(conn, settings, by_letter) == [3]
    assert _people(conn, settings, {**opened, "campaign": str(CAMPAIGN)}) == [2]
    assert _people(conn, settings, {**opened, "topic": "recipes"}) == [2]
    assert _people(conn, settings, {**opened, "topic": "nothing"}) == []
    assert _people(conn, settings, {"kind": "message", "did": "received", "topic": "recipes"}) == [
        1
    ]
    assert _people(conn, settings, {"kind": "message", "did": "answered"}) == [3]
    assert list_names(conn, parse(by_letter)) == {LETTER: "봄"}
    segment = create_segment(conn, "Openers", by_letter, "t", NOW).segment
    assert _people(conn, settings, {"kind": "segment", "id": str(segment.id)}) == [3]


def test_moments_that_are_on(conn: psycopg.Connection, settings: Settings) -> None:
    add_customer(conn, 1, {"latitude": 37.515, "longitude": 127.073})
    add_customer(conn, 2, {"address": {"latitude": 35.0, "longitude": 129.0}, "postcode": "06236"})
    stadium = Area(circle=Circle(lat=37.5159, lon=127.0728, radius_m=2_000))
    posted = Posted(kind="match", words="Derby", area=stadium, since=NOW - timedelta(hours=1))
    match = post_moment(conn, posted, by="t", now=NOW)
    later = Posted(
        kind="rain", words="Rain", area=Area(regions=("서울",)), since=NOW + timedelta(hours=1)
    )
    post_moment(conn, later, by="t", now=NOW)
    asked = {"kind": "moment", "kind_of": "match"}
    assert _people(conn, settings, asked) == [1]
    assert _people(conn, settings, {"kind": "moment", "id": str(match.id)}) == [1]
    assert _people(conn, settings, {"kind": "moment", "kind_of": "rain"}) == []
    in_an_hour = resolve(conn, parse({"kind": "moment"}), NOW + timedelta(hours=2))
    assert len(in_an_hour.of) == 2
    end_moment(conn, match.id, NOW)
    assert _people(conn, settings, {"kind": "moment"}) == []


def test_interests_and_past_memberships(conn: psycopg.Connection, settings: Settings) -> None:
    segment = create_segment(conn, "S", {"kind": "all", "of": []}, "t", NOW).segment
    for customer in (1, 2, 1025):
        add_customer(conn, customer, {})
    for customer, score in ((1, 3.0), (2, 2.5)):
        conn.execute(
            "insert into interest (bucket, customer_id, tag, weight, reads, clicks, buys, last_at)"
            " values (%s, %s, '원두', %s, 1, 0, 0, %s)",
            [bucket_of(customer), customer, score / fading(NOW), NOW],
        )
    for customer, at, entered in (
        (1, "2026-03-01", True),
        (1, "2026-03-05", False),
        (2, "2026-03-04", True),
    ):
        conn.execute(
            "insert into segment_change (segment_id, bucket, customer_id, at, entered, recorded_at,"
            " cause, version) values (%s, %s, %s, %s, %s, now(), 'behaviour', 1)",
            [segment.id, bucket_of(customer), customer, datetime.fromisoformat(at + "T12:00Z"), entered],
        )  # fmt: skip
    assert _people(conn, settings, {"kind": "interest", "in": ["원두"], "at_least": 2.9}) == [1]
    assert _people(conn, settings, {"kind": "interest", "in": ["원두"], "at_least": 2}) == [1, 2]
    on = {"kind": "segment", "id": str(segment.id), "on": "2026-03-03"}
    assert _people(conn, settings, on) == [1]
    assert _people(conn, settings, {**on, "on": "2026-03-05"}) == [1, 2]
    assert _people(conn, settings, {**on, "on": "2026-03-07"}) == [2]


STADIUM = Area(circle=Circle(lat=37.5159, lon=127.0728, radius_m=2_000))
NEAR, FAR = {"latitude": 37.52, "longitude": 127.08}, {"latitude": 37.5665, "longitude": 126.978}
ON_THEIR_WAY = {
    "kind": "not_followed",
    "name": "Order Shipped",
    "where": [{"kind": "moment", "kind_of": "match"}],
    "then": {"name": "Order Delivered"},
    "same": ["order_id"],
}


def test_orders_on_their_way_within_two_kilometres_of_the_stadium(
    conn: psycopg.Connection, settings: Settings
) -> None:
    shipped, delivered = "Order Shipped", "Order Delivered"
    for customer, name, days_ago, props in (
        (1, shipped, 2, NEAR | {"order_id": "A-1"}),
        (2, shipped, 2, NEAR | {"order_id": "A-2"}),
        (2, delivered, 1, {"order_id": "a-2"}),
        (3, shipped, 2, NEAR | {"order_id": 33}),
        (3, delivered, 1, {"order_id": "33"}),
        (4, shipped, 2, FAR | {"order_id": "A-4"}),
        (5, shipped, 2, NEAR | {"order_id": "A-5"}),
        (5, delivered, 3, {"order_id": "A-5"}),
        (6, shipped, 2, NEAR),
        (7, shipped, 1, {"address": NEAR, "order_id": "A-7"}),
        (7, delivered, 1, {"order_id": "A-6"}),
    ):
        if customer not in (row[0] for row in conn.execute("select customer_id from customer")):
            add_customer(conn, customer, NEAR)
        add_event(conn, customer, name, days_ago, props)
    assert _people(conn, settings, ON_THEIR_WAY) == []
    posted = Posted(kind="match", words="Derby", area=STADIUM, since=NOW - timedelta(hours=1))
    match = post_moment(conn, posted, by="t", now=NOW)
    # 33 is no text "33"; what was delivered before it was shipped is on its way again
    assert _people(conn, settings, ON_THEIR_WAY) == [1, 3, 5, 7]
    came = {**ON_THEIR_WAY, "kind": "followed"}
    assert _people(conn, settings, came) == [2]
    assert _people(conn, settings, {**came, "after": {"hours": 23}}) == []
    assert list_names(
        conn, parse({**came, "where": [{"kind": "moment", "id": str(match.id)}]})
    ) == {match.id: "Derby"}


def test_lapsed_riders_along_the_closed_line(conn: psycopg.Connection, settings: Settings) -> None:
    line = Area(polygon=((127.0, 37.50), (127.1, 37.50), (127.1, 37.53), (127.0, 37.53)))
    for customer, stage, props in (
        (1, "lapsing", NEAR),
        (2, "lapsing", FAR),
        (3, "active", NEAR),
        (4, "lapsing", {"from": NEAR}),
    ):
        add_customer(conn, customer, FAR, stage=stage)
        add_event(conn, customer, "Ride Completed", 20, props)
    posted = Posted(kind="closure", words="Line 2 is closed", area=line, since=NOW)
    post_moment(conn, posted, by="t", now=NOW)
    rode = {"kind": "did", "name": "Ride Completed", "within": {"days": 90}}
    lapsed = {"kind": "stage", "in": ["lapsing", "inactive"]}
    along = {"kind": "moment", "kind_of": "closure"}
    boarded = {**along, "latitude": ["from", "latitude"], "longitude": ["from", "longitude"]}
    for where, found in ((along, [1]), (boarded, [4])):
        asked = {"kind": "all", "of": [lapsed, {**rode, "where": [where]}]}
        assert _people(conn, settings, asked) == found
