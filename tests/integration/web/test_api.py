"""The REST API as a developer meets it: it describes itself truly, refuses in words, repeats safely."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from dangol.know.moment.service import list_moments
from dangol.know.notes.service import list_notes
from dangol.listen.keys import create_key
from dangol.settings import Settings
from dangol.web.api import CALLS
from dangol.web.app import create_app
from dangol.web.signin.role import Role

LOYAL = {"kind": "stage", "in": ["loyal"]}
RAIN = {"kind": "rain", "words": "Heavy rain", "area": {"postcodes": ["06"]}}

NEEDED = {
    "/stages/flow/people": {"was": "nobody", "stage": "loyal"},
    "/meetings/people": {"who": "met"},
}
"""What some calls cannot do without."""


@pytest.fixture
def api(desk) -> Callable[..., Any]:
    secret = create_key(desk.conn, "program", "api", by="test", now=datetime.now(UTC))
    desk.conn.commit()
    desk.client.headers["authorization"] = f"Bearer {secret}"

    def send(method: str, path: str, status: int = 200, **more: Any) -> Any:
        answer = desk.client.request(method, f"/api/v1{path}", **more)
        assert answer.status_code == status, (method, path, answer.text)
        return answer.json() if answer.content else None

    return send


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    app = create_app(Settings(database_url="postgresql://nowhere"))
    return app.openapi_schema.to_schema()


def calls(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", call)
        for path, methods in described["paths"].items()
        for method, call in methods.items()
    ]


def test_every_call_says_what_it_is_for_takes_a_key_and_names_its_refusals(described):
    assert described["security"] == [{"key": []}]
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for name, call in calls(described):
        assert call["description"], name
        for status in ("400", "401", "404", "409"):
            refusal = call["responses"][status]["content"]["application/json"]["schema"]
            assert refusal == {"$ref": "#/components/schemas/Failure"}, name


def test_every_answer_is_what_the_description_says(desk, api, add_customer):
    who = add_customer("홍길동", "loyal", traits={"email": "h@shop.example"})
    segment = api("POST", "/segments", 201, json={"name": "단골", "definition": LOYAL})
    moment = api("POST", "/moments", 201, json=RAIN | {"since": "2026-03-01T00:00:00+09:00"})
    api("POST", "/items", json={"items": [{"id": "a/1", "title": "Lamp", "tags": ["home"]}]})
    ids = {"customer_id": who, "segment_id": segment["id"], "moment_id": moment["id"]}
    asked = 0
    for handler in CALLS:
        path = re.sub(r":\w+}", "}", next(iter(handler.paths)))
        if "GET" not in handler.http_methods or not set(re.findall(r"{(\w+)}", path)) <= ids.keys():
            continue
        query = NEEDED.get(path, {})
        found = api("GET", path.format(**ids), 404 if path == "/fans" else 200, params=query)
        if path != "/fans":
            msgspec.convert(found, handler.fn.__annotations__["return"], strict=False)
            asked += 1
    assert asked > 25
    page = api("POST", "/segments/people", json={"condition": LOYAL})
    assert (page["people"], page["page"][0]["customer_id"]) == (1, who)


REFUSALS = [
    ("GET", "/customers/99999999999999999999999", 404, "손님 99999999999999999999999번이"),
    ("GET", "/customers/-1", 404, "손님 -1번이 없습니다"),
    ("GET", "/customers/x", 404, "그런 주소가 없습니다"),
    ("GET", "/customers?limit=many", 400, "읽을 수 없습니다"),
    ("GET", "/customers?stage=vip", 400, "읽을 수 없습니다"),
    ("GET", "/stages/flow?since=2026-03-02&until=2026-03-01", 400, "앞선 날"),
    ("GET", "/stages/flow?until=9999-12-31", 400, "앞선 날"),
    ("PATCH", "/items", 405, "PATCH 요청을 받지 않습니다"),
    ("DELETE", "/items/a%00b", 400, "저장할 수 없는"),
    ("DELETE", "/items/a/b", 404, "그런 상품이나 글이 없습니다"),
]


def test_a_refusal_says_what_to_do_in_the_language_asked_for(api):
    for method, path, status, said in REFUSALS:
        answer = api(method, path, status, headers={"accept-language": "ko"})
        assert answer.keys() == {"code", "message", "path"}
        assert said in answer["message"], path


UNKEEPABLE = [
    RAIN | {"since": "9999-12-31T23:59:59-12:00"},
    RAIN | {"since": "2026-03-01T00:00:00"},
    RAIN | {"since": "2026-03-01T00:00:00Z", "words": "\0"},
    RAIN | {"since": "2026-03-01T00:00:00Z", "more": 1},
    RAIN | {"since": "2026-03-01T00:00:00Z", "area": {"circle": {"lat": 1e400}}},
]


def test_a_moment_that_cannot_be_kept_is_refused(api, desk):
    for body in UNKEEPABLE:
        content = msgspec.json.encode(body).replace(b"null", b"1e999")
        assert api("POST", "/moments", 400, content=content)["message"]
    assert list_moments(desk.conn) == []


def test_what_nests_without_end_is_refused(api, desk):
    deep = b'{"condition":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    assert api("POST", "/segments/preview", 400, content=deep)["code"] == "invalid"
    desk.sign_in(Role.VIEWER)
    desk.get("/segments/people?condition=" + "[" * 20_000, 422)


def test_without_a_key_the_answer_names_the_scheme(desk):
    answer = desk.client.get("/api/v1/items")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "unauthorized"


def test_a_page_that_is_not_there_is_a_page(desk):
    answer = desk.client.get("/nowhere", headers={"accept-language": "ko"})
    assert (answer.status_code, "찾으시는 페이지가 없습니다" in answer.text) == (404, True)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert desk.client.get("/v1/nowhere").headers["content-type"].startswith("application/json")


def test_what_is_sent_again_with_its_id_is_kept_once(api, desk, add_customer):
    who, own = add_customer("Kim"), str(uuid4())
    segment = {"name": "단골", "definition": LOYAL, "id": own}
    moment = RAIN | {"since": "2026-03-01T00:00:00+09:00", "id": own}
    for _ in range(2):
        assert api("POST", "/segments", 201, json=segment)["id"] == own
        assert api("POST", "/moments", 201, json=moment)["id"] == own
        note = {"text": "likes lattes", "id": own}
        assert api("POST", f"/customers/{who}/notes", 201, json=note) == {"id": own}
    assert len(api("GET", "/segments")) == 1
    assert len(list_moments(desk.conn)) == len(list_notes(desk.conn, who)) == 1
    assert api("GET", f"/moments/{own}")["words"] == "Heavy rain"


def test_a_note_is_reworded_given_to_letters_and_removed(api, desk, add_customer):
    who = add_customer("Kim")
    made = api("POST", f"/customers/{who}/notes", 201, json={"text": "likes lattes"})["id"]
    changed = {"text": "likes flat whites", "for_letters": True}
    api("PUT", f"/customers/{who}/notes/{made}", 204, json=changed)
    [note] = api("GET", f"/customers/{who}/notes")
    assert (note["text"], note["for_letters"]) == ("likes flat whites", True)
    assert note["changed_by"].startswith("key:")
    api("DELETE", f"/customers/{who}/notes/{made}", 204)
    api("DELETE", f"/customers/{who}/notes/{made}", 404)
    api("PUT", f"/customers/{who}/notes/{uuid4()}", 404, json=changed)


def test_items_come_as_a_file_and_go_by_any_id(api):
    csv = "id,title,tags\na/1,\"Lamp, paper\",\nb2,=cmd|'/c calc'!A1,\n".encode("utf-8-sig")
    kept = api("POST", "/items/file", content=csv, headers={"content-type": "text/csv"})
    assert [one["key"] for one in kept["items"]] == ["a/1", "b2"]
    assert kept["readers"] is None
    api("DELETE", "/items/a/1", 204)
    assert api("GET", "/items")["total"] == 1
    for wrong in (b"", b"title\nx\n", b"id,title\n,x\n", b"id,title\na\0,x\n", b"\xff\xfe\x00"):
        assert api("POST", "/items/file", 400, content=wrong)["message"]
    assert api("GET", "/items")["total"] == 1


def test_what_a_customer_asked_for_holds_at_once(api, desk, add_customer):
    who = add_customer("Kim", traits={"email": "kim@shop.example"})
    say = {"do": "grant", "how": "told us in the shop on 3 March"}
    assert api("POST", f"/customers/{who}/consent", json=say)[0]["consent"] == "granted"
    assert api("POST", f"/customers/{who}/consent", 400, json={"do": "grant"})["message"]
    left = api("POST", f"/customers/{who}/consent", json={"do": "withdraw"})
    assert left[0]["consent"] == "withdrawn"
    assert api("POST", f"/customers/{who}/consent", 400, json={"do": "sell"})["message"]


def test_lists_of_the_desk_are_lists_here(api, add_customer):
    quiet = add_customer("김하나", "lapsing")
    add_customer("Bo", "loyal")
    add_customer(visitor=True)
    found = api("GET", "/customers", params={"stage": "lapsing"})
    assert [one["customer_id"] for one in found["customers"]] == [quiet]
    assert found["customers"][0]["order_days"] == 4
    assert api("GET", "/customers")["total"] == 2
    assert api("GET", "/customers", params={"visitors": "true"})["total"] == 1
    shown = api("GET", f"/customers/{quiet}")["why"]
    assert shown["words"]["en"]["own"]
    assert shown["words"]["ko"]["own"]
