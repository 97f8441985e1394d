"""What people type arrives as text, however hostile; rich text survives the way there and back."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.speak.letter.content import (
    Button,
    Heading,
    ItemList,
    Paragraph,
    Part,
    Photo,
    Run,
    Text,
    Variant,
)
from dangol.speak.letter.names import Reader
from dangol.speak.letter.press import CompiledLetter, Press
from dangol.speak.letter.richtext import read_html, write_html
from tests.unit.speak.letters import full_variant, letter, postbox, text

HOSTILE = '<script>alert(1)</script> "quoted" \\ back & <img src=x onerror=y> 👩‍👩‍👧\u200b'


class Tags(HTMLParser):
    """All tags with their attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


def drawn(variant: Variant, locale: str = "en") -> tuple[CompiledLetter, Tags]:
    written = letter(variant, locale)
    reader = Reader(7, "a@x.example", {}, locale, "DE")
    compiled = Press(written, postbox(written)).compiled(reader)
    return compiled, Tags(compiled.html(reader))


def test_hostile_text_is_shown_as_text_everywhere() -> None:
    blocks = (
        text(Run(HOSTILE, bold=True), Run(HOSTILE, href=f"https://x.example/?{'a' * 3}")),
        Photo(HOSTILE, url='https://x.example/"><script>'),
        Button(HOSTILE, "https://x.example/b"),
    )
    _, tags = drawn(Variant(HOSTILE, HOSTILE, blocks))
    assert tags.all("script") == []
    assert tags.words.count(HOSTILE) == 5
    [cup] = [image for image in tags.all("img") if image["width"] != "1"]
    assert cup["alt"] == HOSTILE
    assert cup["src"] == 'https://x.example/"><script>'
    assert all(not name.startswith("on") for _, attrs in tags.found for name in attrs)


def test_nothing_of_a_third_party_is_linked() -> None:
    compiled, tags = drawn(Variant("Hi", "pre", (text("x"), Button("go", "https://x.example"))))
    html = compiled.html(Reader(7, "a@x.example", {}, "en", "DE"))
    assert "fonts.googleapis" not in html
    assert "mailjet" not in html
    assert tags.all("link") == []


def test_language_direction_and_media_rules_are_there() -> None:
    compiled, tags = drawn(Variant("مرحبا", "", (text("سلام"),)), "ar")
    [root] = tags.all("html")
    assert (root["lang"], root["dir"]) == ("ar", "rtl")
    html = compiled.html(Reader(7, "a@x.example", {}, "ar", "DE"))
    assert "@media" in html
    assert "prefers-color-scheme:dark" in html
    assert {cell["align"] for cell in tags.all("td") if cell.get("class")} == {"right"}


def test_layout_is_read_out_as_text_and_has_a_width_in_outlook() -> None:
    compiled, tags = drawn(full_variant())
    assert all(table["role"] == "presentation" for table in tags.all("table"))
    [article] = [one for one in tags.all("div") if one.get("role")]
    assert (article["role"], article["lang"], article["dir"]) == ("article", "en", "ltr")
    assert article["aria-label"] == "Hello there"
    html = compiled.html(Reader(7, "a@x.example", {}, "en", "DE"))
    assert re.search(r'<!--\[if mso \| IE\]><table [^>]*width="600"', html)
    assert html.count("mso-padding-alt") == 5  # one per button


@pytest.mark.parametrize("locale", ["ko", "ko-KR", "en", "ja"])
def test_korean_alone_breaks_between_words_only(locale: str) -> None:
    _, tags = drawn(full_variant(), locale)
    [article] = [one for one in tags.all("div") if one.get("role")]
    assert ("word-break:keep-all" in (article["style"] or "")) == locale.startswith("ko")


def test_short_letter_is_a_short_message() -> None:
    """What every letter pays for: fewer than 6 kB of headers, frame and footer in both parts."""
    written = letter(Variant("Hi", "", (text("Hi"),)))
    press = Press(written, postbox(written))
    raw = press.render(Reader(7, "a@x.example", {}, "en", "DE"), datetime(2026, 3, 5, tzinfo=UTC))
    assert len(raw) < 6_000


def test_typed_marks_and_braces_stay_what_they_are() -> None:
    odd = "\ue0000\ue001 m0123456789abcdep0z }} %}"
    _, tags = drawn(Variant("Hi", "", (text(odd),)))
    assert odd in tags.words


HREFS = st.sampled_from([None, "https://x.example/?a=1&b=2", "mailto:a@x.example"])
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Zs", "Cs", "Cn", "Co")),
    min_size=1,
    max_size=8,
)


@st.composite
def lines(draw: st.DrawFn) -> tuple[Run, ...]:
    """Runs of which no two neighbours look the same (reading joins those)."""
    runs: list[Run] = []
    for word in draw(st.lists(WORDS, min_size=1, max_size=4)):
        run = Run(word, draw(st.booleans()), draw(st.booleans()), draw(HREFS))
        last = runs[-1] if runs else None
        if not last or (last.bold, last.italic, last.href) != (run.bold, run.italic, run.href):
            runs.append(run)
    return tuple(runs)


PARTS = st.one_of(
    lines().map(Paragraph),
    lines().map(Heading),
    st.builds(ItemList, st.lists(lines(), min_size=1, max_size=3).map(tuple), st.booleans()),
)


@given(st.lists(PARTS, max_size=5).map(tuple))
def test_rich_text_survives_the_editor(parts: tuple[Part, ...]) -> None:
    assert read_html(write_html(parts)) == parts


@pytest.mark.parametrize(
    ("html", "safe"),
    [
        ("<p onclick=x>a<script>b</script></p>", "<p>a</p>"),
        ('<a href="javascript:x">a</a>', "<p>a</p>"),
        ("<div>a</div><div>b<br>c</div>", "<p>a</p><p>b<br>c</p>"),
        ("<ul><li>a<ul><li>b</li></ul></li></ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<style>x</style><iframe src=x></iframe>plain", "<p>plain</p>"),
        ("<b><i>deep</b></i>", "<p><strong><em>deep</em></strong></p>"),
        ("<p>&lt;b&gt; {{ customer.name }}</p>", "<p>&lt;b&gt; {{ customer.name }}</p>"),
        ("", ""),
        ("<p> </p><p></p>", ""),
        ("<b>" * 5000 + "x", None),
        ("\0<p>a\0b", "<p>ab</p>"),
    ],
)
def test_hostile_rich_text_becomes_a_document(html: str, safe: str | None) -> None:
    found = write_html(read_html(html))
    assert "script" not in found
    if safe is not None:
        assert found == safe


def test_text_part_keeps_lists_and_links() -> None:
    rich = Text((ItemList(((Run("one"),), (Run("two", href="tel:+82-2"),)), ordered=True),))
    compiled, _ = drawn(Variant("Hi", "", (rich,)))
    shown = compiled.text(Reader(7, "a@x.example", {}, "en", "DE"))
    assert shown.startswith("1. one\n2. two (tel:+82-2)\n")
    assert "Unsubscribe: https://news.haru.example/u/" in shown
