"""The tracking API answers as clients need it, and 200 means that it is kept."""

import base64
import datetime as dt
import gzip
import json
import subprocess
import sys
from typing import Any

import psycopg
import pytest
from litestar.testing import TestClient

from dangol.listen.keys import create_key, list_keys, revoke_key
from dangol.listen.request import MAX_BODY

Client = TestClient[Any]
CALLS = ["identify", "track", "page", "screen", "group", "alias"]
CALL = {"userId": "u1", "event": "Viewed", "messageId": "m1"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def stored(conn: psycopg.Connection) -> list[tuple[str, dict[str, Any]]]:
    """What was kept, as (canonical path, body)."""
    conn.rollback()
    rows = conn.execute("select meta->>'path', body from intake order by id").fetchall()
    return [(path, json.loads(body)) for path, body in rows]


@pytest.mark.parametrize(
    ("path", "kept"),
    [(f"/v1/{name}", f"/v1/{name}") for name in CALLS]
    + [(f"/v1/{name[0]}", f"/v1/{name}") for name in CALLS]
    + [("/v1/track/", "/v1/track")],
)
def test_every_call_has_a_long_and_a_short_path(
    client: Client, conn: psycopg.Connection, key: str, path: str, kept: str
) -> None:
    answer = client.post(path, json=CALL, headers=basic(f"{key}:"))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert stored(conn) == [(kept, CALL)]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import"])
def test_batches_are_kept_whole(
    client: Client, conn: psycopg.Connection, key: str, path: str
) -> None:
    batch = {"batch": [{"type": "track"} | CALL] * 3}
    assert client.post(path, json=batch, headers=basic(key)).status_code == 200
    assert stored(conn)[0][1] == batch


def test_an_empty_batch_is_well(client: Client, conn: psycopg.Connection, key: str) -> None:
    assert client.post("/v1/batch", json={"batch": []}, headers=basic(key)).status_code == 200
    assert stored(conn) == []


@pytest.mark.parametrize("form", ["basic", "basic without colon", "body", "query"])
def test_a_key_is_read_wherever_clients_put_it(
    client: Client, conn: psycopg.Connection, key: str, form: str
) -> None:
    headers = {"basic": basic(f"{key}:"), "basic without colon": basic(key)}.get(form, {})
    body = CALL | ({"writeKey": key} if form == "body" else {})
    query = f"?writeKey={key}" if form == "query" else ""
    assert client.post(f"/v1/track{query}", json=body, headers=headers).status_code == 200
    source = conn.execute("select source from intake").fetchone()
    assert source == (list_keys(conn)[0].id,)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x/y"])
def test_any_content_type_and_gzip_are_read(
    client: Client, conn: psycopg.Connection, key: str, content_type: str
) -> None:
    packed = gzip.compress(json.dumps(CALL).encode())
    headers = {"Content-Type": content_type, "Content-Encoding": "gzip"}
    answer = client.post("/v1/track", content=packed, headers=headers | basic(key))
    assert answer.status_code == 200
    assert stored(conn) == [("/v1/track", CALL)]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "invalid_json"),
        (b"[]", {}, 400, "invalid_json"),
        (b"", {}, 400, "invalid_json"),
        (b'{"batch": 1}', {}, 400, "invalid_json"),
        (b"{}", {}, 400, "invalid_json"),
        (b"x", {"Content-Encoding": "gzip"}, 400, "invalid_gzip"),
        (gzip.compress(b"{}", mtime=0)[:-9], {"Content-Encoding": "gzip"}, 400, "invalid_gzip"),
        (b"x", {"Content-Encoding": "br"}, 400, "unknown_encoding"),
        (b" " * (MAX_BODY + 1), {}, 413, "too_large"),
        (gzip.compress(b" " * (MAX_BODY * 40)), {"Content-Encoding": "gzip"}, 413, "too_large"),
    ],
)
def test_requests_that_cannot_be_read_say_why(
    client: Client,
    conn: psycopg.Connection,
    key: str,
    body: bytes,
    headers: dict,
    status: int,
    code: str,
) -> None:
    answer = client.post("/v1/batch", content=body, headers=headers | basic(key))
    assert answer.status_code == status
    assert answer.json().keys() == {"success", "code", "message"}
    assert (answer.json()["success"], answer.json()["code"]) == (False, code)
    assert stored(conn) == []


def test_a_missing_unknown_or_revoked_key_is_401(
    client: Client, conn: psycopg.Connection, key: str
) -> None:
    assert client.post("/v1/track", json=CALL).json()["code"] == "no_key"
    assert client.post("/v1/track", json=CALL, headers=basic("wrong")).status_code == 401
    revoke_key(conn, list_keys(conn)[0].id, dt.datetime.now(dt.UTC))
    conn.commit()
    # keys are read again for an unknown one, or after two seconds
    assert client.post("/v1/track", json=CALL, headers=basic("other")).status_code == 401
    assert client.post("/v1/track", json=CALL, headers=basic(key)).status_code == 401
    assert stored(conn) == []


def test_a_key_made_a_moment_ago_is_known(
    client: Client, conn: psycopg.Connection, key: str
) -> None:
    assert client.post("/v1/track", json=CALL, headers=basic(key)).status_code == 200
    later = create_key(conn, "b", "track", by="test", now=dt.datetime.now(dt.UTC))
    conn.commit()
    assert client.post("/v1/track", json=CALL, headers=basic(later)).status_code == 200


def test_a_key_for_programs_sends_no_events(client: Client, conn: psycopg.Connection) -> None:
    secret = create_key(conn, "bi", "api", by="test", now=dt.datetime.now(dt.UTC))
    conn.commit()
    assert client.post("/v1/track", json=CALL, headers=basic(secret)).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://shop.example"}, 200),
        ({"Referer": "https://shop.example/basket?x=1"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_browsers_key_works_on_its_pages_only(
    client: Client, browser_key: str, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/v1/track", json=CALL, headers=headers | basic(browser_key))
    assert answer.status_code == status


def test_pages_of_other_origins_may_ask_first(client: Client) -> None:
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-retry-count,anonymousid,sentat",
    }
    answer = client.options("/v1/t", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-max-age"] == "7200"
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "x-retry-count", "anonymousid", "sentat"} <= set(
        allowed
    )


def test_answers_can_be_read_across_origins(client: Client, key: str) -> None:
    origin = {"Origin": "https://shop.example"}
    for answer in (
        client.post("/v1/t", json=CALL, headers=origin | basic(key)),
        client.post("/v1/t", json=CALL, headers=origin),
    ):
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert answer.headers["access-control-expose-headers"] == "Retry-After"


def test_analytics_js_learns_where_to_send(client: Client, key: str) -> None:
    answer = client.get(f"/v1/projects/{key}/settings", headers={"Host": "shop.example:8080"})
    assert answer.status_code == 200
    segment = answer.json()["integrations"]["Segment.io"]
    assert (segment["apiKey"], segment["apiHost"]) == (key, "shop.example:8080/v1")
    assert client.get("/v1/projects/nobody/settings").status_code == 404


def test_rudderstack_learns_that_there_is_nothing_else(client: Client, key: str) -> None:
    answer = client.get("/sourceConfig/?p=npm&v=3.34.1", headers=basic(f"{key}:"))
    assert answer.json()["source"]["writeKey"] == key
    assert answer.json()["source"]["destinations"] == []


def test_a_pixel_is_a_call(client: Client, conn: psycopg.Connection, key: str) -> None:
    query = f"writeKey={key}&userId=u1&event=Seen&properties.place=mail"
    answer = client.get(f"/pixel/v1/track?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert stored(conn)[0][1] == {"userId": "u1", "event": "Seen", "properties": {"place": "mail"}}


def test_a_beacon_carries_its_key_in_the_query(
    client: Client, conn: psycopg.Connection, key: str
) -> None:
    answer = client.post(f"/beacon/v1/batch?writeKey={key}", content=json.dumps({"batch": [CALL]}))
    assert answer.status_code == 200
    assert stored(conn)[0][0] == "/v1/batch"


def test_metrics_of_the_sdk_are_taken_and_dropped(client: Client, conn: psycopg.Connection) -> None:
    assert client.post("/v1/m", content=b'{"series":[]}').status_code == 200
    assert stored(conn) == []


def test_the_sending_time_of_a_header_is_kept(
    client: Client, conn: psycopg.Connection, key: str
) -> None:
    client.post("/v1/track", json=CALL, headers={"SentAt": "2026-11-21T19:41:47Z"} | basic(key))
    assert conn.execute("select meta->>'sent_at' from intake").fetchone() == (
        "2026-11-21T19:41:47Z",
    )


def test_one_bad_item_does_not_cost_its_batch(
    client: Client, conn: psycopg.Connection, key: str
) -> None:
    body = (
        b'{"batch":[{"type":"track","event":"\\ud800"},{"type":"track","event":"A","userId":"u"}]}'
    )
    assert client.post("/v1/batch", content=body, headers=basic(key)).status_code == 200
    assert conn.execute("select count(*) from intake").fetchone() == (1,)


def test_unknown_paths_and_methods_say_so(client: Client) -> None:
    assert client.get("/v1/track").json()["code"] == "method_not_allowed"
    assert client.post("/v1/nothing").json()["code"] == "unknown_path"


def test_the_tracking_api_loads_nothing_heavy() -> None:
    heavy = "{'pyarrow', 'duckdb', 'scipy', 'numpy'}"
    code = f"import sys, dangol.web.track, dangol.listen.sources; sys.exit(str({heavy} & set(sys.modules)))"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert made.stderr.strip() == "set()"
