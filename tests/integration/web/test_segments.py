"""Segments at the desk: the builder, the live count, and people as many as the number says."""

import re

import pytest

from dangol.web.desk.builder.leaves import QUESTIONS
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
    page = desk.post("/segments", 200, name="단골", rows="0", do="add:stage:")
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


@pytest.mark.parametrize(
    ("locale", "said"),
    [("en", "Times: Write a whole number."), ("ko", "횟수: 소수점 없는 수를 적어 주세요.")],
)
def test_wrong_rows_keep_what_was_typed_and_say_where(desk, locale, said):
    desk.sign_in(Role.MARKETER, locale)
    rows = {"rows": "2", "r0.kind": "did", "r0.name": "Order Completed", "r0.times.value": "many"}
    rows |= {"r1.kind": "stage"}
    page = desk.post("/segments", 422, name="때때로", do="save", **rows)
    assert 'value="many"' in page
    assert 'value="때때로"' in page
    assert page.count(said) == 2  # in the list at the top, and at its row
    assert page.count('aria-invalid="true"') == 1
    desk.post("/segments", 422, name="", do="save", **LOYAL)
    assert desk.conn.execute("select count(*) from segment").fetchone()[0] == 0
    counted = desk.post("/segments/preview", 200, **rows)
    assert said in counted
    assert 'data-wrong="w1"' in counted


def test_two_builders_do_not_overwrite_each_other(desk):
    desk.sign_in(Role.MARKETER)
    url = desk.post("/segments", name="x", do="save", **LOYAL)
    desk.post(url, name="y", version="1", do="save", **LOYAL)
    desk.post(url, 409, name="z", version="1", do="save", **LOYAL)


def test_what_rows_cannot_say_stands_as_text_among_them(desk, conn):
    desk.sign_in(Role.MARKETER)
    url = desk.post("/segments", name="x", do="save", **LOYAL)
    odd = '{"kind": "trait", "name": "a", "op": "eq", "value": "two\\nlines", "type": "text"}'
    rich = f'{{"kind":"any","of":[{{"kind":"stage","in":["new"]}},{{"kind":"not","of":{odd}}}]}}'
    conn.execute("update segment set definition = %s", [rich])
    conn.commit()
    page = desk.get(url)
    assert ('name="r0.in"' in page, 'name="r1.text"' in page) == (True, True)
    rows = {"rows": "2", "match": "any", "r0.kind": "stage", "r0.in": "loyal",
            "r1.kind": "text", "r1.negate": "on", "r1.text": odd}  # fmt: skip
    desk.post(url, name="x", version="1", do="save", **rows)
    of = conn.execute("select definition from segment").fetchone()[0]["of"]
    assert of[0]["in"] == ["loyal"]
    assert of[1]["of"]["value"] == "two\nlines"


def test_a_press_draws_the_rows_and_leads_on(desk):
    desk.sign_in(Role.MARKETER)
    rows = desk.post("/segments/rows", 200, do="add:did:0", rows="1", **{"r0.kind": "group"})
    assert 'data-focus="r0-0"' in rows
    assert 'name="r0-0.name"' in rows
    given = {"r0.kind": "did", "r0.name": "Order Completed", "r0.within.kind": "between"}
    rows = desk.post("/segments/rows", 200, do="grow:0:where", rows="1", **given)
    assert 'name="r0.within.from"' in rows
    assert 'data-focus="f-r0.where.0.kind"' in rows


def test_whatever_is_sent_is_answered(desk):
    desk.sign_in(Role.MARKETER)
    odd = {"r0.kind": "did", "r0.name": "x", "r0.where": "²", "r1.kind": "share", "r1.of": "a"}
    odd |= {"r1.to": "1e999", "r2.kind": "place", "r2.circle.centre": "1e400 -1e400"}
    odd |= {"r3.kind": "text", "r3.text": "[" * 300, "r4.kind": "segment", "r4.id": "'"}
    odd |= {"r5.kind": "trait", "r5.name": "a > > b\\", "r5.value": "9" * 400, "r5.type": "number"}
    for do in ("grow:9:where", "grow:0:name", "grow:0:where", "drop:0:where:²", "add:did:0-", "x"):
        desk.post("/segments/rows", 200, rows="6", do=do, **odd)
    desk.post("/segments", 422, name="x", rows="6", **odd)
    assert desk.post("/segments/preview", 200, rows="6", **odd).count("data-wrong") == 6
    desk.get("/segments/seen?name=%5C&event=%00%ff")


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_every_question_can_be_drawn_in_every_way(desk, locale):
    desk.sign_in(Role.MARKETER, locale)
    for kind, question in QUESTIONS.items():
        drawn = desk.post("/segments/rows", 200, do=f"add:{kind}:", rows="0")
        assert f'value="{kind}"' in drawn
        for field in question.fields:
            for way in getattr(field, "ways", getattr(field, "options", ())):
                key = f"r0.{field.key}.kind" if field.key == "within" else f"r0.{field.key}"
                desk.post("/segments/rows", 200, rows="1", **{"r0.kind": kind, key: way})


def test_lists_offer_what_was_heard_and_what_there_is(desk, people, conn):
    desk.sign_in(Role.MARKETER)
    heard = "insert into catalogue_property values (%s, %s, 'text', 1, null, now())"
    conn.execute(heard, ["", "city"])
    conn.execute(heard, ["Order Completed", "coupon"])
    conn.commit()
    url = desk.post("/segments", name="단골", do="save", **LOYAL)
    page = desk.get(url)
    assert '<option value="city">text</option>' in page
    assert '<option value="Order Completed">' in page
    given = {"r0.kind": "segment", "r1.kind": "measure", "r1.name": "Order Completed"}
    rows = desk.post("/segments/rows", 200, rows="2", **given)
    assert ">단골</option>" in rows
    assert '<option value="coupon">' in rows
    assert ">단골</option>" not in desk.post("/segments/rows", 200, rows="1", own=url[10:], **given)
    assert '<option value="서울">' in desk.get("/segments/seen?name=city")
    assert "<option" not in desk.get("/segments/seen?name=a+%3E+b&event=Order+Completed")


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


def test_a_segment_can_start_from_what_shops_often_ask(desk, people, conn):
    heard = "insert into catalogue_property values ('', 'city', 'text', 1, null, now())"
    conn.execute(heard)
    conn.commit()
    for locale, name in (("en", "Regulars in 서울"), ("ko", "서울의 단골")):
        desk.sign_in(Role.MARKETER, locale)
        assert 'href="/segments/new?from=home"' in desk.get("/segments/new")
        started = desk.get("/segments/new?from=home")
        assert 'value="loyal" checked' in started
        assert name in started
    starters = desk.get("/segments/starters")
    assert re.search('서울의 단골.*?data-count="3"', starters, re.DOTALL)
    assert 'name="rows" value="0"' in desk.get("/segments/new?from=nothing")


def test_an_empty_shop_is_told_what_comes_first(desk):
    desk.sign_in(Role.MARKETER)
    counted = desk.post("/segments/preview", 200, rows="0")
    assert 'href="/imports"' in counted
    assert 'href="/segments/new"' in desk.get("/segments")


@pytest.mark.parametrize(
    ("locale", "said"), [("en", "the segment “둘”"), ("ko", "손님 묶음 “둘”에서 쓰고")]
)
def test_what_is_in_use_is_not_put_away_and_says_by_what(desk, locale, said):
    desk.sign_in(Role.MARKETER, locale)
    url = desk.post("/segments", name="하나", do="save", **LOYAL)
    other = {"rows": "1", "r0.kind": "segment", "r0.id": url.rpartition("/")[2]}
    second = desk.post("/segments", name="둘", do="save", **other)
    assert said in desk.post(f"{url}/archive", 422)
    desk.post(f"{second}/archive")
    desk.post(f"{url}/archive")
