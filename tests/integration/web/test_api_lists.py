"""The REST API shows what the desk shows; keys guard it; it describes itself."""

import json
from datetime import UTC, datetime

import pytest

from dangol.listen.keys import create_key


@pytest.fixture
def ask(desk):
    secret = create_key(desk.conn, "program", "api", by="test", now=datetime.now(UTC))
    desk.conn.commit()

    def get(path: str, status: int = 200, key: str = secret):
        answer = desk.client.get(f"/api/v1{path}", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == status, answer.text
        return answer.json()

    return get


def test_customers_are_found_and_shown(ask, add_customer):
    who = add_customer("홍길동", "loyal", traits={"email": "h@shop.example"})
    add_customer("김철수")
    found = ask("/customers?q=ㅎㄱㄷ")
    assert (found["total"], found["customers"][0]["customer_id"]) == (1, who)
    shown = ask(f"/customers/{who}")
    assert shown["stage"]["stage"] == "loyal"
    assert shown["profile"]["traits"]["name"] == "홍길동"
    assert ask("/customers?limit=1&offset=1")["total"] == 2
    assert ask("/customers/99", 404)["code"] == "not_found"


def test_lists_answer(ask):
    for path in ("/campaigns", "/letters"):
        assert ask(path) == []
    (key,) = ask("/keys")
    assert "secret" not in json.dumps(key)


def test_without_a_key_nothing_is_said(ask, desk):
    for path in ("/customers", "/customers/1", "/campaigns", "/letters", "/keys"):
        ask(path, 401, key="dga_" + "0" * 32)
    track = create_key(desk.conn, "site", "track", by="test", now=datetime.now(UTC))
    desk.conn.commit()
    ask("/customers", 401, key=track)


def test_it_describes_itself_and_nothing_else(desk):
    schema = desk.client.get("/api/v1/schema/openapi.json").json()
    assert all(path.startswith("/api/v1/") for path in schema["paths"])
    assert {"/api/v1/customers", "/api/v1/segments/preview"} <= set(schema["paths"])
