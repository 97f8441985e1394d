"""The desk sees who sends what, and every refusal with its reason."""

import datetime as dt
import json

import psycopg

from dangol.engine.route import route_once
from dangol.listen.intake import append_intake
from dangol.listen.keys import create_key, find_key, list_keys, revoke_key
from dangol.listen.sources import (
    RejectFilter,
    count_rejects,
    forget_rejects,
    list_events,
    list_properties,
    list_rejects,
    list_sources,
)

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_sources_count_what_came_and_what_was_refused(conn: psycopg.Connection) -> None:
    create_key(conn, "shop", "track", by="test", now=NOW)
    create_key(conn, "silent", "track", by="test", now=NOW + HOUR)
    shop = next(key for key in list_keys(conn) if key.name == "shop")
    good = {"type": "track", "event": "A", "userId": "u", "properties": {"n": 1}}
    identify = {"type": "identify", "userId": "u", "traits": {"plan": "pro"}}
    body = json.dumps({"batch": [good, identify, *({"type": "x", "n": n} for n in range(5))]})
    append_intake(
        conn, kind="track", source=shop.id, body=body.encode(), at=NOW, meta={"path": "/v1/batch"}
    )
    conn.commit()
    route_once(conn, {}, NOW)

    rows = {source.name: source for source in list_sources(conn, NOW - HOUR)}
    assert (rows["shop"].events, rows["shop"].rejects, rows["shop"].last_at) == (2, 5, NOW)
    assert (rows["silent"].events, rows["silent"].last_at) == (0, None)
    assert [row.count for row in count_rejects(conn, NOW - HOUR)] == [5]
    assert count_rejects(conn, NOW + HOUR) == []

    first = list_rejects(conn, RejectFilter(source=shop.id, reason="unknown_type"), limit=3)
    rest = list_rejects(conn, RejectFilter(before=(first[-1].at, first[-1].id)))
    assert len({reject.item for reject in first + rest}) == 5
    assert '"type"' in first[0].detail
    assert list_rejects(conn, RejectFilter(source="other")) == []

    assert {event.name: event.count for event in list_events(conn)} == {
        "A": 1,
        "Profile Updated": 1,
    }
    assert [(row.name, row.type, row.example) for row in list_properties(conn, "A")] == [
        ("n", "number", "1")
    ]
    assert [row.name for row in list_properties(conn, "")] == ["plan"]
    assert forget_rejects(conn, NOW + HOUR) == 5


def test_a_revoked_key_opens_nothing(conn: psycopg.Connection) -> None:
    secret = create_key(conn, "bi", "api", by="test", now=NOW)
    key = find_key(conn, secret, "api")
    assert key is not None
    assert find_key(conn, secret, "track") is None
    assert revoke_key(conn, key.id, NOW)
    assert not revoke_key(conn, key.id, NOW)
    assert find_key(conn, secret, "api") is None
