"""Segments at the desk: the builder, the live count, and people as many as the number says."""

import pytest

from dangol.web.signin.role import Role
from tests.integration.web.test_numbers import check_numbers

LOYAL = {"rows": "1", "match": "all", "r0.kind": "stage", "r0.in": ["loyal"]}


@pytest.fixture
def people(add_customer):
    for number in range(7):
        add_customer(f"손님 {number}", "loyal" if number < 3 else "new", traits={"city": "서울"})
    add_customer("합친", "loyal")


def test_a_segment_is_built_counted_and_listed(desk, people):
    desk.conn.execute("update customer set merged_into = 1 where customer_id = 8")
    desk.conn.commit()
    desk.sign_in(Role.MARKETER)
    page = desk.post("/segments", 200, name="단골", rows="0", do="add:stage")
    assert 'name="r0.in"' in page
    url = desk.post("/segments", name="단골", do="save", **LOYAL)
    assert 'value="loyal" checked' in desk.get(url)
    counted = desk.post("/segments/preview", 200, **LOYAL)
    assert ">3</a>" in counted
    assert "손님 0" in counted
    assert check_numbers(desk, "/segments") == 1
    assert "손님 2" in desk.get(f"{url}/people")


@pytest.mark.parametrize(("locale", "words"), [("en", "customers"), ("ko", "손님")])
def test_segments_speak_both_languages(desk, locale, words):
    desk.sign_in(Role.MARKETER, locale)
    url = desk.post("/segments", name="x", do="save", **LOYAL)
    assert words in desk.get(url)
    assert words in desk.get("/segments")


def test_wrong_rows_keep_what_was_typed(desk):
    desk.sign_in(Role.MARKETER)
    rows = {"rows": "1", "r0.kind": "did", "r0.name": "Order Completed", "r0.days": "many"}
    page = desk.post("/segments", 422, name="때때로", do="save", **rows)
    assert 'value="many"' in page
    assert 'value="때때로"' in page
    desk.post("/segments", 422, name="", do="save", **LOYAL)
    assert desk.conn.execute("select count(*) from segment").fetchone()[0] == 0
    assert 'class="note"' in desk.post("/segments/preview", 200, **rows)


def test_two_builders_do_not_overwrite_each_other(desk):
    desk.sign_in(Role.MARKETER)
    url = desk.post("/segments", name="x", do="save", **LOYAL)
    desk.post(url, name="y", version="1", do="save", **LOYAL)
    desk.post(url, 409, name="z", version="1", do="save", **LOYAL)


def test_what_rows_cannot_say_is_kept_by_a_new_name(desk, conn):
    desk.sign_in(Role.MARKETER)
    url = desk.post("/segments", name="x", do="save", **LOYAL)
    rich = '{"kind":"any","of":[{"kind":"all","of":[{"kind":"stage","in":["new"]}]}]}'
    conn.execute("update segment set definition = %s", [rich])
    conn.commit()
    assert 'name="fixed"' in desk.get(url)
    desk.post(url, name="new name", version="1", fixed="on", do="save")
    row = conn.execute("select name, definition from segment").fetchone()
    assert row[0] == "new name"
    assert row[1]["of"][0]["kind"] == "all"


def test_a_condition_can_be_written_as_text(desk, people):
    desk.sign_in(Role.MARKETER)
    assert 'name="condition"' in desk.get("/segments/new?as=text")
    half = '{"kind": "share", "of": "a", "to": 2}'
    page = desk.post("/segments", 422, name="x", fixed="on", condition=half, do="save")
    assert "&#34;to&#34;: 2" in page
    assert 'class="note"' in desk.post("/segments/preview", 200, fixed="on", condition=half)
    loyal = '{"kind": "trait", "name": ["city"], "op": "ends_with", "value": "울"}'
    assert ">7</a>" in desk.post("/segments/preview", 200, fixed="on", condition=loyal)
    url = desk.post("/segments", name="x", fixed="on", condition=loyal, do="save")
    assert "ends_with" in desk.get(url)
