"""Every way in which a letter cannot be sent is found before, at its place."""

import msgspec
import pytest

from dangol.errors import InputError
from dangol.model.message import MessageKind
from dangol.speak.letter.check import ProblemCode, check
from dangol.speak.letter.content import (
    MAX_BLOCKS,
    AnswerBy,
    Button,
    Divider,
    Letter,
    Photo,
    Question,
    Run,
    Variant,
    parse_letter,
)
from dangol.speak.letter.names import Reader
from dangol.speak.letter.press import Press
from dangol.speak.letter.template import TemplateRefused
from dangol.store.brand import Brand
from tests.unit.speak.letters import BRAND, letter, postbox, text
from tests.unit.speak.test_press import AT

TRAITS = {"city", "note", "tags"}
VERIFIED = msgspec.structs.replace(BRAND, public_url_verified_at=AT)


def codes(a_letter: Letter, brand: Brand = VERIFIED, *, real: bool = True) -> list[str]:
    return [problem.code for problem in check(a_letter, brand, TRAITS, real=real)]


def test_good_letter_has_no_problem() -> None:
    assert check(letter(), VERIFIED, TRAITS, real=True) == []


def test_unknown_name_is_told_with_its_place_and_what_exists() -> None:
    written = letter(Variant("Hi", "", (text("fine", "two\n  {{ customer.ctiy }}"),)))
    [problem] = check(written, VERIFIED, TRAITS, real=True)
    assert problem.code is ProblemCode.UNKNOWN_NAME
    assert (problem.where, problem.line, problem.column) == ("en.blocks.0.text", 2, 6)
    assert problem.seen["name"] == "customer.ctiy"
    assert "customer.city" in problem.seen["available"]
    assert problem.blocks


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("{{ customer.city | shout }}", "unknown_filter"),
        ("{% include 'secret' %}", "unknown_tag"),
        ("{% capture a %}{% endcapture %}", "unknown_tag"),
        ("{% if customer.city %}never closed", "liquid_syntax"),
        ("{{ customer.city", "liquid_syntax"),
        ("{{ }}", "liquid_syntax"),
        ("{{" * 25_000, "liquid_syntax"),
        ("{% if customer.city %}" * 2_000, "liquid_syntax"),
        ("{{ customer.city" + " | upcase" * 6_000 + " | shout }}", "unknown_filter"),
        ("{{ nobody.name }}", "unknown_name"),
        ("{{ customer }}", "unknown_name"),
        ("{{ customer[customer.city] }}", "unknown_name"),
        ("{% for i in (1..100000000) %}x{% endfor %}", "liquid_endless"),
        (
            "{% for i in (1..900) %}{% for j in (1..900) %}x{% endfor %}{% endfor %}",
            "liquid_endless",
        ),
        ("{{ (1..1000000000) | join: '' }}", "liquid_endless"),
        ("{% assign a = (1..1000000000) | join: '' %}", "liquid_endless"),
    ],
)
def test_wrong_liquid_is_refused(typed: str, code: str) -> None:
    assert codes(letter(Variant("Hi", "", (text(typed),)))) == [code]


def test_wrong_subject_is_told_once() -> None:
    assert codes(letter(Variant("{{ customer.nobody }}", "", (text("x"),)))) == ["unknown_name"]


def test_logic_over_several_blocks_is_fine() -> None:
    blocks = (text("{% if customer.city %}"), text("{{ customer.city }}"), text("{% endif %}"))
    assert codes(letter(Variant("Hi", "", blocks))) == []


def test_loop_over_a_persons_own_list_is_bounded_at_render() -> None:
    looping = "{% for tag in customer.tags %}{{ tag }},{% endfor %}"
    written = letter(Variant("Hi", "", (text(looping),)))
    assert codes(written) == []
    press = Press(written, postbox(written))
    assert b"a,b," in press.render(Reader(7, "a@x.example", {"tags": ["a", "b"]}, "en"), AT)
    with pytest.raises(TemplateRefused):
        press.render(Reader(7, "a@x.example", {"tags": ["a"] * 5000}, "en"), AT)


@pytest.mark.parametrize(
    "grow",
    [
        "{% assign x = 'ab' %}{% for i in (1..900) %}{% assign x = x | append: x %}{% endfor %}{{ x }}",
        "{% assign x = 9 %}{% for i in (1..900) %}{% assign x = x | times: x %}{% endfor %}{{ x }}",
        "{% assign x = 'aa' %}{% for i in (1..900) %}{% assign x = x | replace: 'a', x %}{% endfor %}{{ x }}",
        "{{ customer.note | date: '%999999999d' }}",
    ],
)
def test_values_cannot_grow_without_end(grow: str) -> None:
    written = letter(Variant("Hi", "", (text(grow),)))
    reader = Reader(7, "a@x.example", {"note": "2026-03-05"}, "en")
    assert len(Press(written, postbox(written)).render(reader, AT)) < 200_000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sender_email": ""}, "no_sender"),
        ({"sender_email": "not an address"}, "no_sender"),
        ({"sender_name": "", "name": ""}, "no_sender"),
        ({"postal_address": " "}, "no_postal_address"),
        ({"public_url": "http://localhost:8080"}, "no_public_address"),
        ({"public_url": "https://shop.internal"}, "no_public_address"),
        ({"public_url_verified_at": None}, "public_address_unverified"),
    ],
)
def test_sender_that_is_not_ready_is_told(change: dict[str, object], code: str) -> None:
    assert code in codes(letter(), msgspec.structs.replace(VERIFIED, **change))


def test_sandbox_needs_no_public_address() -> None:
    bare = msgspec.structs.replace(BRAND, public_url="")
    assert codes(letter(), bare, real=False) == []
    assert "no_way_out" in codes(letter(), bare, real=True)


def test_advertising_letter_needs_a_telephone() -> None:
    mute = msgspec.structs.replace(VERIFIED, phone="")
    assert codes(letter(advertises=True), mute) == ["no_contact"]
    assert codes(letter(), mute) == []


def test_service_letter_needs_no_postal_address() -> None:
    bare = msgspec.structs.replace(VERIFIED, postal_address="")
    assert codes(letter(kind=MessageKind.SERVICE), bare) == []


@pytest.mark.parametrize(
    "href",
    ["javascript:alert(1)", "data:text/html,x", "//x.example", "shop", "https://", "ftp://x.example",
     "https://{{ customer.city }}/", "{{ customer.city }}", "https://a b.example"],
)  # fmt: skip
def test_dangerous_link_is_refused_and_not_drawn(href: str) -> None:
    written = letter(Variant("Hi", "", (text(Run("x", href=href)), Button("go", href))))
    assert codes(written).count("bad_link") == 2
    raw = Press(written, postbox(written)).render(Reader(7, "a@x.example", {}, "en"), AT)
    assert b"javascript" not in raw


@pytest.mark.parametrize(
    "href",
    ["https://x.example", "http://x.example/a?b=c#d", "mailto:a@x.example", "tel:+82-2-123",
     "https://x.example/?c={{ customer.city }}", "{{ link.unsubscribe }}", "{{ link.view }}"],
)  # fmt: skip
def test_good_link_is_fine(href: str) -> None:
    assert codes(letter(Variant("Hi", "", (Button("go", href),)))) == []


def test_personal_link_is_escaped_and_not_counted() -> None:
    written = letter(Variant("Hi", "", (Button("go", "https://x.example/?c={{ customer.city }}"),)))
    reader = Reader(7, "a@x.example", {"city": '"/><b>&c=d'}, "en")
    html = Press(written, postbox(written)).compiled(reader).html(reader)
    assert 'href="https://x.example/?c=%22%2F%3E%3Cb%3E%26c%3Dd"' in html


def test_empty_letter_and_bare_photo_are_told() -> None:
    assert codes(letter(Variant("", "", (Divider(),)))) == ["empty_subject", "empty_body"]
    photo = letter(Variant("Hi", "", (text("x"), Photo("", url="http://x.example/a.png"))))
    problems = check(photo, VERIFIED, TRAITS, real=True)
    assert [(problem.code, problem.blocks) for problem in problems] == [
        ("bad_photo", True),
        ("no_alt", False),
    ]
    assert codes(letter(variants={})) == ["no_variant"]


def test_large_letter_is_a_warning() -> None:
    assert codes(letter(Variant("Hi", "", (text("word " * 11_900),)))) == []
    address = f"https://x.example/{'long' * 250}"
    photos = tuple(Photo("A cup", url=f"{address}/{number}") for number in range(100))
    [problem] = check(letter(Variant("Hi", "", photos)), VERIFIED, TRAITS, real=True)
    assert (problem.code, problem.blocks) == (ProblemCode.TOO_LARGE, False)


def test_question_without_any_answer_address_is_told() -> None:
    asking = letter(Variant("Hi", "", (Question("Well?", ("yes",), AnswerBy.REPLY),)))
    nowhere = msgspec.structs.replace(VERIFIED, sender_email="", email="", reply_domain="")
    assert "no_answer_address" in codes(asking, nowhere)
    wrong = msgspec.structs.replace(VERIFIED, reply_domain="in.haru.example>, <x")
    assert codes(asking, wrong) == ["no_answer_address"]


@pytest.mark.parametrize(
    "raw",
    [b"nonsense", b"{}", {"kind": "news", "variants": {"en": {"subject": 3}}},
     {"kind": "party", "variants": {}},
     {"kind": "news", "variants": {"en": {"subject": "x" * 400}}},
     {"kind": "news", "variants": {"en": {"subject": "", "blocks": [{"type": "html"}]}}},
     {"kind": "news", "variants": {"en": {"subject": "", "blocks": [{"type": "divider"}] * (MAX_BLOCKS + 1)}}},
     {"kind": "news", "variants": {"en": {"subject": "", "preheader": "x" * 70_000}}},
     {"kind": "news", "variants": {"en": {"subject": "", "blocks": [
         {"type": "button", "label": "x", "href": "https://x.example/" + "{{" * 1000}]}}}],
)  # fmt: skip
def test_what_is_no_letter_is_refused(raw: object) -> None:
    with pytest.raises(InputError):
        parse_letter(raw)
