"""One segment over time, at the desk and over the API: sizes, comings and goings, why, back-fill."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from litestar.testing import TestClient
from psycopg.types.json import Jsonb

from dangol.engine.leases import ensure_leases, share_leases
from dangol.engine.sizing import count_segments
from dangol.engine.standing.follower import Standing
from dangol.know.segment.service import create_segment
from dangol.listen.keys import create_key
from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.web import query
from dangol.web.app import create_app
from dangol.web.signin.role import Role

SEOUL = {
    "kind": "all",
    "of": [
        {"kind": "trait", "name": "city", "op": "eq", "value": "서울"},
        {"kind": "not", "of": {"kind": "did", "name": "Order Completed"}},
        {"kind": "stage", "in": ["loyal", "new"]},
    ],
}


@pytest.fixture
def kept(conn: psycopg.Connection, settings: Settings, add_customer) -> UUID:
    """A segment of two, evaluated."""
    for city in ("서울", "서울", "부산"):
        add_customer(f"손님 {city}", "loyal", traits={"city": city})
    now = datetime.now(UTC)
    segment = create_segment(conn, "서울 손님", SEOUL, "member:1", now).segment.id
    ensure_leases(conn, 1)
    conn.commit()
    leases = share_leases(conn, "test", [])
    conn.commit()
    standing = Standing(settings)
    while standing.follow(conn, leases, now) or standing.settle():
        pass
    standing.close()
    count_segments(settings, now)
    return segment


@pytest.fixture
def api(conn: psycopg.Connection, settings: Settings) -> Iterator[TestClient]:
    secret = create_key(conn, "test", "api", by="test", now=datetime.now(UTC))
    conn.commit()
    with TestClient(create_app(settings)) as client:
        client.headers["Authorization"] = f"Bearer {secret}"
        yield client
    query.stop_started()


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_the_desk_says_how_many_who_and_why(desk, kept, locale):
    desk.sign_in(Role.MARKETER, locale)
    page = desk.get(f"/segments/{kept}/membership")
    assert {"en": "2 people now", "ko": "지금 2분"}[locale] in page
    assert {"en": "an edit of the segment", "ko": "묶음의 정의를 고침"}[locale] in page
    why = desk.get(f"/segments/{kept}/why/1")
    assert {"en": "city is 서울", "ko": "city: 서울"}[locale] in why
    assert {"en": "never happened", "ko": "한 번도 없음"}[locale] in why
    assert {"en": "Not in the segment", "ko": "들어 있지 않습니다"}[locale] in desk.get(
        f"/segments/{kept}/why/3"
    )
    assert "서울 손님" in desk.get("/customers/1/segments")


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", ["12,500 from 2 counted, 2 in all", "in 1 of these; 2 counted", "of 100", "address.city is 부산"]),
        ("ko", ["12,500 (센 것 2번, 모두 2번)", "그 가운데 1번에 있음", "100 가운데", "address.city: 부산"]),
    ],
)  # fmt: skip
def test_why_shows_the_numbers_that_were_compared(desk, add_customer, locale, words):
    now = datetime.now(UTC)
    someone = add_customer("손님", "loyal", traits={"address": {"city": "부산"}})
    for total in (2500, 10_000):
        desk.conn.execute(
            "insert into event_recent (bucket, customer_id, time, event_id, name, received_at,"
            " recorded_at, props, source, effect, cause) values (%s, %s, %s, gen_random_uuid(),"
            " 'Order Completed', %s, %s, %s, 'test', 'live', 'behaviour')",
            [bucket_of(someone), someone, now, now, now, Jsonb({"total": total})],
        )
    order = {"name": "Order Completed"}
    asked = [
        {"kind": "measure", **order, "take": "sum", "property": "total", "value": 1},
        {"kind": "regularly", **order, "of_last": 4, "at_least": 2},
        {"kind": "share", "of": "trial"},
        {"kind": "trait", "name": ["address", "city"], "op": "exists"},
    ]
    made = create_segment(desk.conn, "x", {"kind": "any", "of": asked}, "member:1", now)
    desk.conn.commit()
    desk.sign_in(Role.MARKETER, locale)
    page = desk.get(f"/segments/{made.segment.id}/why/{someone}")
    for said in words:
        assert said in page


def test_a_backfill_needs_the_count_that_was_seen_and_is_done_once(desk, kept):
    desk.sign_in(Role.MARKETER)
    url = f"/segments/{kept}/backfill"
    desk.post(url, 422, version="1", confirmed="3")
    progress = desk.post(url, version="1", confirmed="2")
    assert "/backfill/" in progress
    desk.get(progress)
    desk.post(url, 422, version="1", confirmed="2")
    assert desk.conn.execute("select count(*) from job").fetchone() == (1,)


def test_the_api_gives_members_sizes_and_reasons(api: TestClient, kept: UUID) -> None:
    base = f"/api/v1/segments/{kept}"
    first = api.get(f"{base}/members?limit=1").json()
    assert (first["size"]["people"], first["size"]["is_settled"]) == (2, True)
    rest = api.get(f"{base}/members?limit=5&after={first['next']}").json()
    assert [one["customer_id"] for one in first["members"] + rest["members"]] == [1, 2]
    assert rest["next"] is None
    history = api.get(f"{base}/size-history").json()
    assert [one["people"] for one in history["days"]] == [2]
    assert {one["cause"] for one in history["changes"]} == {"definition"}
    assert history["edited"] == {"version": 1, "entered": 2, "exited": 0, "silent": 2}
    why = api.get(f"{base}/why/3").json()
    assert (why["answer"], [part["answer"] for part in why["why"]["parts"]]) == (
        False,
        [False, True, True],
    )
    assert api.post(f"{base}/backfill", json={"version": 1, "confirmed": 9}).status_code == 409
    assert api.get(f"{base}/why/99").status_code == 404
