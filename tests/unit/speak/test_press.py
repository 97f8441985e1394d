"""What is compiled says the same as what Liquid and the standard library say, for any name."""

import email
import re
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.model.message import MessageKind
from dangol.speak.letter.content import Variant
from dangol.speak.letter.names import Reader, full_name
from dangol.speak.letter.press import ContentRefused, Press
from dangol.store.token import unseal
from tests.unit.speak.letters import BRAND, KEYRING, full_variant, letter, postbox, text

AT = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
NAMES = st.one_of(
    st.text(max_size=120),
    st.sampled_from(
        [
            "홍길동",
            'O"Neil <b>&amp;</b> = \\',
            ".leading dot",
            "שלום עולם",
            "👩‍👩‍👧‍👦 family",
            "=?utf-8?q?forged?=",
            "a\r\nBcc: everyone@x.example",
            "x" * 100,
            "이" * 95,
            "a  b\tc ",
            "{{ brand.name }}{% if %}",
            "",
        ]
    ),
)
LOGIC = "{% if customer.city %}In {{ customer.city }}!{% else %}Somewhere{% endif %}"


@cache
def press_of(with_logic: bool) -> Press:
    variant = full_variant()
    if with_logic:
        variant = msgspec.structs.replace(variant, blocks=(*variant.blocks, text(LOGIC)))
    a_letter = letter(variant)
    return Press(a_letter, postbox(a_letter))


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=policy.default)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return body.get_payload(decode=True).decode().replace("\r\n", "\n")


def lines(rendered: str) -> str:
    return rendered.replace("\r\n", "\n").replace("\r", "\n")


def without_lone(text: str) -> str:
    return "".join(letter for letter in text if not "\ud800" <= letter <= "\udfff")


@pytest.mark.parametrize("with_logic", [False, True])
@given(name=NAMES, city=NAMES, note=NAMES)
def test_message_equals_liquid_and_standard_library(
    with_logic: bool, name: str, city: str, note: str
) -> None:
    press = press_of(with_logic)
    traits = {"name": without_lone(name), "city": without_lone(city), "note": without_lone(note)}
    reader = Reader(77, "bo@x.example", traits, "en", "DE")
    compiled = press.compiled(reader)
    assert compiled.is_fast is not with_logic
    raw = press.render(reader, AT)
    message = parsed(raw)
    assert part(message, "plain") == lines(compiled.text(reader))
    assert part(message, "html") == lines(compiled.html(reader))
    assert message.get_content_type() == "multipart/alternative"
    assert [item.get_content_type() for item in message.iter_parts()] == ["text/plain", "text/html"]
    assert plain_words(str(message["subject"])) == plain_words(compiled.subject(reader))
    [mailbox] = message["to"].addresses
    assert mailbox.addr_spec == "bo@x.example"
    # The library's address parser keeps the blanks between two encoded words (RFC 2047 6.2).
    shown, name = plain_words(mailbox.display_name), plain_words(full_name(reader))
    assert shown.replace(" ", "") == name.replace(" ", "")
    assert message["date"].datetime == AT
    check_raw(raw)


def plain_words(text: str) -> str:
    """Headers cannot keep control characters and may change white space: compared without."""
    return " ".join(
        re.sub(
            "[\x00-\x20\x7f-\xa0\u2000-\u200a\u2028\u2029\u3000\ue000\ue001\u1680\u202f\u205f]+",
            " ",
            text,
        ).split()
    )


def check_raw(raw: bytes) -> None:
    """What SMTP and MIME ask of the bytes."""
    assert raw.replace(b"\r\n", b"").count(b"\n") == 0
    assert raw.replace(b"\r\n", b"").count(b"\r") == 0
    head, _, body = raw.partition(b"\r\n\r\n")
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert all(byte < 128 for byte in raw)
    assert b"\r\n." not in raw
    assert not raw.startswith(b".")


def test_headers_are_there_once_and_unfolded() -> None:
    a_letter = letter(topic="new beans")
    press = Press(a_letter, postbox(a_letter))
    raw = press.render(Reader(77, "bo@x.example", {"name": "Bo"}, "en", "DE"), AT)
    head = raw.partition(b"\r\n\r\n")[0].decode()
    [way_out] = re.findall(r"^List-Unsubscribe: (.*)$", head.replace("\r", ""), re.M)
    found = re.fullmatch(
        r"<https://news\.haru\.example/u/(\w+)>, "
        r"<mailto:u\+(\w+)@in\.haru\.example\?subject=unsubscribe>",
        way_out,
    )
    assert found is not None
    assert unseal(KEYRING, "u", found[1]) == (12, 77)
    assert found[1] == found[2]
    assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in head + "\r\n"
    assert "\r\nList-Id: Haru Coffee <new-beans.news.haru.example>\r\n" in head
    message = parsed(raw)
    for name in ["from", "to", "subject", "date", "message-id", "reply-to", "feedback-id"]:
        assert len(message.get_all(name)) == 1, name
    assert message["auto-submitted"] is None


def test_message_id_is_derived_and_names_send_and_customer() -> None:
    a_letter = letter()
    message = parsed(Press(a_letter, postbox(a_letter)).render(Reader(77, "bo@x.example"), AT))
    token, _, domain = message["message-id"].strip("<>").partition("@")
    assert domain == "news.haru.example"
    assert unseal(KEYRING, "r", token) == (12, 77)
    assert message["reply-to"] == f"r+{token}@in.haru.example"


def test_service_letter_has_no_list_headers_and_says_it_is_automatic() -> None:
    a_letter = letter(kind=MessageKind.SERVICE)
    message = parsed(Press(a_letter, postbox(a_letter)).render(Reader(7, "bo@x.example"), AT))
    assert message["list-unsubscribe"] is None
    assert message["auto-submitted"] == "auto-generated"


@pytest.mark.parametrize(
    "address",
    ["a b@x.example", "bo@x.example\r\nBcc: a@x.example", "<bo@x.example>", "보@x.example", ""],
)
def test_address_that_is_none_is_refused(address: str) -> None:
    a_letter = letter()
    with pytest.raises(ContentRefused):
        Press(a_letter, postbox(a_letter)).render(Reader(7, address), AT)


@pytest.mark.parametrize(
    "change",
    [
        {"sender_email": "a@x.example\r\nBcc: b@x.example"},
        {"sender_email": "", "email": ""},
        {"reply_domain": "x.example>\r\nBcc: b@x.example"},
        {"public_url": "https://x.example>\r\nBcc: <b@x.example"},
        {"public_url": ""},
    ],
)
def test_settings_cannot_break_headers(change: dict[str, str]) -> None:
    a_letter = letter()
    brand = msgspec.structs.replace(BRAND, **change)
    with pytest.raises(ContentRefused):
        Press(a_letter, postbox(a_letter, brand)).render(Reader(7, "a@x.example"), AT)


def test_names_of_the_brand_cannot_break_headers() -> None:
    a_letter = letter(topic="a\r\nBcc: b@x.example")
    evil = "Haru\r\nBcc: b@x.example"
    brand = msgspec.structs.replace(BRAND, sender_name=evil, name=evil)
    raw = Press(a_letter, postbox(a_letter, brand)).render(Reader(7, "a@x.example"), AT)
    assert parsed(raw)["bcc"] is None
    assert parsed(raw)["from"].addresses[0].addr_spec == BRAND.sender_email


def test_sender_with_an_international_domain() -> None:
    a_letter = letter()
    brand = msgspec.structs.replace(BRAND, sender_email="hello@카페.example")
    message = parsed(Press(a_letter, postbox(a_letter, brand)).render(Reader(7, "a@x.example"), AT))
    assert message["from"].addresses[0].addr_spec == "hello@xn--ob7b27g.example"


def test_language_follows_the_reader_with_fall_back() -> None:
    both = letter(variants={"en": Variant("Hello"), "ko": Variant("안녕")})
    press = Press(both, postbox(both))

    def subject(locale: str | None) -> str:
        return str(parsed(press.render(Reader(7, "a@x.example", {}, locale, "DE"), AT))["subject"])

    assert [subject(locale) for locale in ["ko-KR", "en-GB", "fr", None]] == [
        "안녕",
        "Hello",
        "안녕",
        "안녕",
    ]  # the brand speaks Korean


@pytest.mark.parametrize("country", ["KR", None])
def test_advertising_letter_to_korea_is_labelled(country: str | None) -> None:
    a_letter = letter(advertises=True)
    message = parsed(
        Press(a_letter, postbox(a_letter)).render(Reader(7, "a@x.example", {}, "en", country), AT)
    )
    assert str(message["subject"]).startswith("(광고) Hello")
    for kind in ["plain", "html"]:
        body = part(message, kind)
        for needed in [
            "Haru Coffee Ltd.",
            BRAND.email,
            BRAND.phone,
            BRAND.postal_address,
            "수신거부",
            "unsubscribe here",
        ]:
            assert needed in body, needed


def test_label_is_not_doubled_and_not_for_other_countries() -> None:
    typed = letter(full_variant("(광고) Hello"), advertises=True)
    press = Press(typed, postbox(typed))
    korean = parsed(press.render(Reader(7, "a@x.example", {}, "en", "KR"), AT))
    assert korean["subject"] == "(광고) Hello"
    plain = letter(advertises=True)
    german = parsed(
        Press(plain, postbox(plain)).render(Reader(7, "a@x.example", {}, "en", "DE"), AT)
    )
    assert german["subject"] == "Hello there"
    assert "Unsubscribe" in part(german, "plain")
    assert BRAND.postal_address in part(german, "plain")


def test_links_are_counted_or_left_alone() -> None:
    a_letter = letter()
    counted = parsed(Press(a_letter, postbox(a_letter)).render(Reader(7, "a@x.example"), AT))
    tokens = re.findall(r"https://news\.haru\.example/c/([a-z2-7]+)", part(counted, "html"))
    assert [unseal(KEYRING, "c", token) for token in tokens] == [(12, 7, 1), (12, 7, 2), (12, 7, 3)]
    [pixel] = re.findall(r"https://news\.haru\.example/o/([a-z2-7]+)\.gif", part(counted, "html"))
    assert unseal(KEYRING, "o", pixel) == (12, 7)
    quiet = msgspec.structs.replace(BRAND, tracks_opens=False, tracks_clicks=False)
    for press in [
        Press(a_letter, postbox(a_letter, quiet)),
        Press(letter(tracks=False), postbox(a_letter)),
    ]:
        html = part(parsed(press.render(Reader(7, "a@x.example"), AT)), "html")
        assert "/c/" not in html
        assert "/o/" not in html
        assert 'href="https://haru.example/a?x=1&amp;y=2"' in html


def test_names_are_shown_whole_or_replaced() -> None:
    korean = letter(full_variant("{{ customer.name | honorific }}, 새 원두"), "ko")
    press = Press(korean, postbox(korean))

    def subject(traits: dict[str, str]) -> str:
        return str(
            parsed(press.render(Reader(7, "a@x.example", traits, "ko", "DE"), AT))["subject"]
        )

    assert subject({"name": "홍길동"}) == "홍길동 님, 새 원두"
    assert subject({"first_name": "길동", "last_name": "홍"}) == "홍길동 님, 새 원두"
    assert subject({}) == "고객님, 새 원두"


def test_traits_to_load_are_named() -> None:
    a_letter = letter()
    press = Press(a_letter, postbox(a_letter))
    assert press.traits >= {"name", "city", "note", "first_name"}
    assert not press.needs_stage
    staged = letter(full_variant("{{ customer.stage }}"))
    assert Press(staged, postbox(staged)).needs_stage
