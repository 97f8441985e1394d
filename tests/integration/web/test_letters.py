"""The letter editor: blocks, languages, preview as anybody, problems in words."""

import html
import re

import pytest

from dangol.web.signin.role import Role


def form_of(page: str) -> dict[str, str]:
    """What a browser would send back of the editor's form."""
    fields = {}
    for tag in re.findall(r"<input [^>]*>", page):
        name = re.search(r'name="([^"]+)"', tag)
        if name and (kind := re.search(r'type="(\w+)"', tag)[1]) not in ("file", "search", "radio"):
            value = re.search(r'value="([^"]*)"', tag)
            if kind != "checkbox":
                fields[name[1]] = html.unescape(value[1] if value else "")
            elif " checked" in tag:
                fields[name[1]] = "on"
    for name, text in re.findall(
        r'<textarea id="[^"]*" name="([^"]+)"[^>]*>\n(.*?)</textarea>', page, re.DOTALL
    ):
        fields[name] = html.unescape(text)
    for name, body in re.findall(
        r'<select id="[^"]*" name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL
    ):
        chosen = re.search(r'value="([^"]*)" selected', body) or re.search(r'value="([^"]*)"', body)
        fields[name] = chosen[1]
    return fields


@pytest.fixture
def letter(desk) -> str:
    """The address of a new letter's editor."""
    desk.sign_in(Role.MARKETER)
    return desk.post("/letters", name="봄 소식", kind="offer", locale="ko")


def test_blocks_are_added_moved_and_removed_without_saving(desk, letter):
    fields = form_of(desk.get(letter))
    fields |= {"subject": "봄", "b0.text": "**안녕**하세요"}
    page = desk.post(letter, 200, **fields | {"do": "add:button"})
    fields = form_of(page)
    assert fields["blocks"] == "2"
    assert fields["b0.text"] == "**안녕**하세요"
    fields |= {"b1.label": "보러 가기", "b1.href": "https://shop.example"}
    fields = form_of(desk.post(letter, 200, **fields | {"do": "up:1"}))
    assert (fields["b0.type"], fields["b0.label"], fields["b1.type"]) == (
        "button",
        "보러 가기",
        "text",
    )
    assert form_of(desk.get(letter))["blocks"] == "1"
    assert desk.post(letter, **fields | {"do": "save"}).startswith(letter)
    assert form_of(desk.get(letter))["b0.label"] == "보러 가기"
    fields = form_of(desk.post(letter, 200, **form_of(desk.get(letter)) | {"do": "remove:0"}))
    assert fields["b0.type"] == "text"


def test_two_editors_do_not_overwrite_each_other(desk, letter):
    first, second = form_of(desk.get(letter)), form_of(desk.get(letter))
    desk.post(letter, **first | {"do": "save", "subject": "one"})
    assert "Somebody changed it" in desk.post(letter, 409, **second | {"do": "save"})
    assert form_of(desk.get(letter))["subject"] == "one"


def test_languages_stand_side_by_side(desk, letter):
    fields = form_of(desk.get(letter)) | {"subject": "봄"}
    fields = form_of(desk.post(letter, 200, **fields | {"do": "translate:en"}))
    assert (fields["locale"], fields["subject"]) == ("en", "봄")
    fields = form_of(desk.post(letter, 200, **fields | {"subject": "Spring", "do": "locale:ko"}))
    assert fields["subject"] == "봄"
    desk.post(letter, **fields | {"do": "save"})
    assert form_of(desk.get(f"{letter}?locale=en"))["subject"] == "Spring"
    assert form_of(desk.get(letter))["subject"] == "봄", "the shop's language comes first"


def test_preview_as_somebody_as_nobody_and_unsaved(desk, letter, add_customer):
    who = add_customer("홍길동", "loyal", traits={"email": "h@shop.example"})
    fields = form_of(desk.get(letter)) | {
        "subject": "소식",
        "b0.text": "{{ customer.name | honorific }} 반갑습니다",
    }
    named = desk.post(f"{letter}/preview", 200, **fields | {"as": str(who)})
    assert "홍길동 님" in named
    assert "(광고) 소식" in named
    assert "고객님" in desk.post(f"{letter}/preview", 200, **fields | {"as": ""})
    desk.post(f"{letter}/preview", 404, **fields | {"as": "999999"})
    answer = desk.client.post(f"{letter}/preview", data=fields | {"csrf": desk.csrf})
    assert "sandbox" in answer.headers["content-security-policy"]
    assert form_of(desk.get(letter))["subject"] == ""


def test_problems_are_said_in_both_languages(desk, letter):
    for locale, words in (("en", "is not known"), ("ko", "알 수 없습니다")):
        desk.sign_in(Role.MARKETER, locale)
        fields = form_of(desk.get(letter)) | {"b0.text": "{{ customer.favourite_tea }}", "do": "x"}
        page = desk.post(letter, 200, **fields)
        assert words in page
        assert "favourite_tea" in page
        assert "[&#39;" not in page
        assert "None" not in page


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in (1..999999999) %}{{i}}{% endfor %}",
        "{{ a",
        "{% nope %}",
        "<script>x</script>",
        "\ud7ff}}{{",
    ],
)
def test_hostile_text_is_answered(desk, letter, text):
    fields = form_of(desk.get(letter)) | {"b0.text": text, "do": "x"}
    page = desk.post(letter, 200, **fields)
    assert "<script>x" not in page
    desk.post(f"{letter}/preview", 200, **fields)


def test_damaged_forms_change_nothing(desk, letter):
    fields = form_of(desk.get(letter))
    for damage in ({"content": "{"}, {"locale": "xx"}, {"kind": "spam"}, {"name": ""}):
        desk.post(letter, 422, **fields | {"do": "save"} | damage)
    assert form_of(desk.get(letter))["version"] == "1"


def test_a_picture_comes_along_and_a_page_of_markup_does_not(desk, letter):
    fields = form_of(desk.get(letter))
    fields = form_of(desk.post(letter, 200, **fields | {"do": "add:photo"}))
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    data = fields | {"csrf": desk.csrf, "do": "save", "b1.alt": "cup"}
    answer = desk.client.post(
        letter, data=data, files={"b1.file": ("cup.png", png)}, follow_redirects=False
    )
    assert answer.status_code == 303, answer.text
    assert form_of(desk.get(letter))["b1.blob"]
    files = {"b1.file": ("x.png", b"<svg onload=alert(1)>")}
    fields = form_of(desk.get(letter)) | {"csrf": desk.csrf, "do": "save"}
    assert desk.client.post(letter, data=fields, files=files).status_code == 422
    assert desk.conn.execute("select count(*) from blob").fetchone()[0] == 1


def test_viewers_look_but_do_not_change(desk, letter):
    desk.sign_in(Role.VIEWER)
    desk.get(letter)
    desk.get("/letters?q=봄")
    desk.post(letter, 403, do="save")
