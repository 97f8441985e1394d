"""The same mailbox is always the same text, however somebody typed it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.model.address import normalise_email


@given(st.text(min_size=1, max_size=6), st.sampled_from(["x.example", "카페.example", "X.Example"]))
def test_writing_it_down_twice_changes_nothing(local: str, domain: str) -> None:
    once = normalise_email(f"{local}@{domain}")
    assert once is None or normalise_email(once) == once


@pytest.mark.parametrize("letter", ["é", "ǰ", "ΐ", "ẖ", "ὖ", "한"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_case_and_composition_do_not_make_another_mailbox(letter: str, form: str) -> None:
    typed = unicodedata.normalize(form, f"a{letter}b@x.example")
    assert normalise_email(typed.upper()) == normalise_email(typed)


def test_a_tag_is_part_of_the_mailbox() -> None:
    assert normalise_email("kim+beans@x.example") != normalise_email("kim@x.example")
