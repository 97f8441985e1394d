"""What is typed into a text block becomes parts, and parts become the same text again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.speak.letter.content import Heading, ItemList, Paragraph, Run
from dangol.web.desk.markup import read_markup, write_markup

TYPED = [
    ("hello", (Paragraph((Run("hello"),)),)),
    ("a\nb\n\nc", (Paragraph((Run("a\nb"),)), Paragraph((Run("c"),)))),
    ("# 봄 소식", (Heading((Run("봄 소식"),)),)),
    ("- one\n- two", (ItemList(((Run("one"),), (Run("two"),))),)),
    ("1. one\n2. two", (ItemList(((Run("one"),), (Run("two"),)), ordered=True),)),
    ("so **much**!", (Paragraph((Run("so "), Run("much", bold=True), Run("!"))),)),
    ("*soft*", (Paragraph((Run("soft", italic=True),)),)),
    (
        "[our shop](https://a.example/b?c=1)",
        (Paragraph((Run("our shop", href="https://a.example/b?c=1"),)),),
    ),
    (
        "Hi {{ customer.name | honorific }}, 2*3",
        (Paragraph((Run("Hi {{ customer.name | honorific }}, 2"), Run("3", italic=True))),),
    ),
    (r"2\*3 \- \[x]", (Paragraph((Run("2*3 - [x]"),)),)),
    ("{{ a * b }} and {{ c * d }}", (Paragraph((Run("{{ a * b }} and {{ c * d }}"),)),)),
]


@pytest.mark.parametrize(("text", "parts"), TYPED)
def test_what_is_typed_is_read(text, parts):
    assert read_markup(text) == parts


def seen(parts) -> list:
    """Every visible character with its look, by part; spaces do not count."""
    found = []
    for part in parts:
        lines = part.items if isinstance(part, ItemList) else (part.runs,)
        marks = [
            (char, run.bold, run.italic, run.href)
            for line in lines
            for run in line
            for char in run.text
            if not char.isspace()
        ]
        if marks:
            found.append((type(part), getattr(part, "ordered", None), marks))
    return found


@given(st.text(alphabet=st.sampled_from("ab *#-[](){}\\|%1.\n가\r ]"), max_size=60))
def test_nothing_visible_changes_by_writing_and_reading_again(text):
    once = read_markup(text)
    assert seen(read_markup(write_markup(once))) == seen(once)
