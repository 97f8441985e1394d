"""Notes, items and moments at the desk and by the API: written, found, refused with what to do."""

from datetime import UTC, datetime

import pytest

from dangol.know.moment.service import list_moments
from dangol.know.notes.service import list_notes
from dangol.listen.keys import create_key
from dangol.web.signin.role import Role


@pytest.fixture
def api(desk):
    secret = create_key(desk.conn, "program", "api", by="test", now=datetime.now(UTC))
    desk.conn.commit()

    def send(method: str, path: str, status: int = 200, json: object = None):
        answer = desk.client.request(
            method, f"/api/v1{path}", json=json, headers={"authorization": f"Bearer {secret}"}
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    return send


def test_a_note_is_written_and_its_customer_found_by_it(desk, add_customer):
    who = add_customer("홍길동")
    add_customer("김철수")
    desk.sign_in(Role.SUPPORT, "ko")
    desk.post(f"/customers/{who}/notes", text="신 커피를 싫어하심 50%")
    page = desk.get(f"/customers/{who}")
    for field in ("#f-text", "/customers#f-q"):  # one tap each from the top of a phone's screen
        assert f'href="{field}"' in page
        assert f'id="{field.partition("#")[2]}"' in page + desk.get("/customers")
    assert "신 커피를 싫어하심 50%" in page
    assert "편지에 쓰지 않음" in page
    found = desk.get("/customers?q=신 커피")
    assert "홍길동" in found
    assert "김철수" not in found
    assert 'data-total="0"' in desk.get("/customers?q=커피_")


def test_a_note_is_changed_given_to_letters_and_removed(desk, add_customer):
    who = add_customer("Kim")
    desk.sign_in(Role.SUPPORT)
    desk.post(f"/customers/{who}/notes", text="likes lattes")
    [note] = list_notes(desk.conn, who)
    assert not note.for_letters
    fields = {"note": note.id, "text": "likes flat whites", "for_letters": "yes", "do": "keep"}
    desk.post(f"/customers/{who}/notes/change", **fields)
    [note] = list_notes(desk.conn, who)
    assert (note.text, note.for_letters) == ("likes flat whites", True)
    bodies = [row[0] for row in desk.conn.execute("select body from intake order by id")]
    assert b'"note":"likes flat whites"' in bytes(bodies[-1])
    desk.post(f"/customers/{who}/notes/change", note=note.id, do="remove")
    assert list_notes(desk.conn, who) == []
    bodies = [row[0] for row in desk.conn.execute("select body from intake order by id")]
    assert b'"note":null' in bytes(bodies[-1])
    desk.post(f"/customers/{who}/notes/change", 404, note=note.id, do="remove")


def test_an_empty_note_is_refused_and_viewers_only_read(desk, add_customer):
    who = add_customer("Kim")
    desk.sign_in(Role.SUPPORT)
    assert "1 to 2000 characters" in desk.post(f"/customers/{who}/notes", 422, text="  ")
    desk.sign_in(Role.VIEWER)
    assert "notes/change" not in desk.get(f"/customers/{who}")
    desk.post(f"/customers/{who}/notes", 403, text="x")


def test_items_come_from_a_form_and_from_a_file(desk):
    desk.sign_in(Role.MARKETER)
    desk.post("/items", do="one", key="a1", title="여름 음료", kind="article", tags="음료, 여름")
    body = "id,title,tags,extra\nb1,Beans,원두; decaf,x\nb2,<b>Cup</b>,,\n".encode("utf-8-sig")
    answer = desk.client.post(
        "/items", data={"csrf": desk.csrf, "do": "file"}, files={"file": ("i.csv", body)},
        follow_redirects=False,
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    page = desk.get("/items")
    assert 'data-total="3"' in page
    assert "&lt;b&gt;Cup" in page
    assert "decaf" in desk.get("/items?q=DECAF")
    assert "b1,Beans,product,,원두; decaf" in desk.get("/items.csv")
    desk.post("/items/remove", key="a1")
    assert "여름 음료" not in desk.get("/items")


def test_a_list_of_items_comes_back_as_it_went_and_is_no_formula(desk):
    desk.sign_in(Role.MARKETER)
    desk.post("/items", do="one", key="=1+1", title="-10% <b>today</b>", tags="@home, +82")
    file = desk.get("/items.csv")
    assert "'=1+1,'-10% <b>today</b>" in file
    desk.post("/items/remove", key="=1+1")
    data = {"csrf": desk.csrf, "do": "file"}
    desk.client.post("/items", data=data, files={"file": ("items.csv", file.encode())})
    assert desk.get("/items.csv") == file


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"name,tags\nx,y\n", "columns id and title"),
        (b"id,title\nx,\n", "needs an id, a title"),
        (b"", "file"),
    ],
)
def test_a_file_of_items_that_cannot_be_used_changes_nothing(desk, body, said):
    desk.sign_in(Role.MARKETER)
    data = {"csrf": desk.csrf, "do": "file"}
    answer = desk.client.post("/items", data=data, files={"file": ("i.csv", body)})
    assert answer.status_code == 422
    assert said in answer.text
    assert 'data-total="0"' in desk.get("/items")


def test_a_moment_is_posted_and_ended(desk):
    desk.sign_in(Role.MARKETER)
    place = {"shape": "circle", "centre": "37.5148, 127.0736", "radius": "2000"}
    desk.post("/moments", words="Game tonight", kind="match", **place)
    [moment] = list_moments(desk.conn)
    assert moment.area.circle.radius_m == 2000
    page = desk.get("/moments")
    assert "2,000 m around 37.5148, 127.0736" in page
    desk.post(f"/moments/{moment.id}/end")
    assert list_moments(desk.conn)[0].ended_at is not None
    assert f"/moments/{moment.id}/end" not in desk.get("/moments")
    desk.post("/moments", words="Heavy snow", kind="snow", shape="regions", regions="강원, 경기도")
    assert "<td>강원, 경기도</td>" in desk.get("/moments")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shape": "circle", "centre": "here"}, "latitude, longitude"),
        ({"shape": "circle", "centre": "91, 0", "radius": "5"}, "latitude from -90"),
        ({"shape": "circle", "centre": "1, nan", "radius": "5"}, "latitude from -90"),
        ({"shape": "polygon", "polygon": "1,2\n3,4"}, "3 to 1,000 corners"),
        ({"shape": "postcodes", "postcodes": ""}, "Name 1 to"),
        ({"shape": "regions", "regions": "Atlantis"}, "Korean province"),
        ({"shape": "postcodes", "postcodes": "06", "since": "soon"}, "errors"),
        ({"shape": "postcodes", "postcodes": "06", "until": "2001-01-01T00:00"}, "ends after"),
    ],
)
def test_a_moment_that_makes_no_sense_says_why(desk, fields, said):
    desk.sign_in(Role.MARKETER)
    assert said in desk.post("/moments", 422, words="x", kind="y", **fields)
    assert list_moments(desk.conn) == []


def test_programs_keep_items_moments_and_notes(api, desk, add_customer):
    who = add_customer("Kim")
    items = [{"id": "a1", "title": "Beans", "tags": []}]
    assert api("POST", "/items", json={"items": items})["readers"] is None
    assert api("GET", "/items")["total"] == 1
    assert api("POST", "/items", 400, {"items": [{"id": "a1"}]})["code"]
    api("DELETE", "/items/a1", 204)
    posted = {
        "kind": "rain",
        "words": "Heavy rain",
        "area": {"postcodes": ["06"]},
        "since": "2026-03-01T00:00:00+09:00",
    }
    moment = api("POST", "/moments", 201, posted)
    assert api("POST", f"/moments/{moment['id']}/end")["ended_at"]
    assert len(api("GET", "/moments")) == 1
    api("POST", f"/customers/{who}/notes", 201, {"text": "likes lattes"})
    assert api("GET", f"/customers/{who}/notes")[0]["text"] == "likes lattes"
    assert api("GET", f"/customers/{who}/interests") == []
    assert api("GET", "/customers/99/notes", 404)["code"] == "not_found"
