"""The REST API of segments, over HTTP against a real database and a real query worker."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from litestar.testing import TestClient

from dangol.listen.keys import create_key
from dangol.settings import Settings
from dangol.web import query
from dangol.web.app import create_app
from tests.integration.know.crowd import add_customer

LOYAL = {"kind": "stage", "in": ["loyal"]}


@pytest.fixture
def api(conn: psycopg.Connection, dsn: str, tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(data=tmp_path / "data", database_url=dsn, engine_memory_mb=256)
    secret = create_key(conn, "test", "api", by="test", now=datetime.now(UTC))
    conn.commit()
    with TestClient(create_app(settings)) as client:
        client.headers["Authorization"] = f"Bearer {secret}"
        yield client
    query.stop_started()


def test_a_key_of_the_right_scope_is_needed(api: TestClient, conn: psycopg.Connection) -> None:
    track = create_key(conn, "shop", "track", by="test", now=datetime.now(UTC))
    conn.commit()
    for given in ("", "Bearer", "Bearer nonsense", f"Bearer {track}"):
        answer = api.get("/api/v1/segments", headers={"Authorization": given})
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthorized"


def test_preview_counts_exactly(api: TestClient, conn: psycopg.Connection) -> None:
    add_customer(conn, 1, {"name": "김하나"}, stage="loyal")
    add_customer(conn, 2, {"name": "Bo"})
    conn.commit()
    answer = api.post("/api/v1/segments/preview", json={"condition": LOYAL})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["people"], found["of"]) == (1, 2)
    assert found["sample"] == [{"customer_id": 1, "name": "김하나", "email": None}]
    assert found["words"]["ko"] == "단골인 손님"


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (b'{"condition": {"kind": "stage", "in": ["vip"]}}', "bad_shape", "$.in[0]"),
        (b'{"condition": {"kind": "all", "of": [{}]}}', "bad_shape", "$.of[0]"),
        (b'{"condition": 5}', "bad_shape", "$"),
        (b"{}", "invalid", "$"),
        (b"{", "invalid", None),
        (b"\xff", "invalid", None),
    ],
)
def test_wrong_conditions_say_where(
    api: TestClient, body: bytes, code: str, path: str | None
) -> None:
    answer = api.post(
        "/api/v1/segments/preview", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    said = answer.json()
    assert (said["code"], said["path"]) == (code, path)
    assert said["message"]


def test_segments_are_made_changed_and_removed(api: TestClient) -> None:
    made = api.post("/api/v1/segments", json={"name": "단골", "definition": LOYAL})
    assert made.status_code == 201
    one = made.json()
    where = f"/api/v1/segments/{one['id']}"
    other = {"kind": "did", "name": "Order Completed"}
    changed = api.put(where, json={"name": "Buyers", "definition": other, "version": 1}).json()
    assert (changed["version"], changed["never_heard"][0]["name"]) == (2, "Order Completed")
    stale = api.put(where, json={"name": "Late", "definition": LOYAL, "version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    assert [item["name"] for item in api.get("/api/v1/segments").json()] == ["Buyers"]
    assert api.get(where).json()["words"]["en"] == "customers who did “Order Completed”"
    named = {"kind": "not", "of": {"kind": "segment", "id": one["id"]}}
    outer = api.post("/api/v1/segments", json={"name": "Others", "definition": named}).json()
    assert outer["words"]["en"] == "customers not those who belong to “Buyers”"
    used = api.delete(where, params={"version": 2})
    assert (used.status_code, used.json()["code"]) == (409, "refused")
    assert "segment “Others”" in used.json()["message"]
    assert api.delete(f"/api/v1/segments/{outer['id']}", params={"version": 1}).status_code == 204
    assert api.delete(where, params={"version": 2}).status_code == 204
    gone = api.get(where)
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert api.get("/api/v1/segments/schema").json()["title"] == "Dangol condition"
