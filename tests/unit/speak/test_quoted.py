"""Quoted-printable that any decoder reads back, however it was cut."""

import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.speak.letter.quoted import SOFT_BREAK, encode_piece, encode_whole

TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=300),
    st.text(alphabet=". =\n\r\ta한", max_size=300),
    st.text(alphabet="x.", min_size=60, max_size=200),
)


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check(encoded: bytes) -> None:
    rows = encoded.split(b"\r\n")
    assert all(len(row) <= 76 for row in rows)
    assert not any(row.startswith(b".") for row in rows)
    assert not any(row.endswith((b" ", b"\t")) for row in rows[:-1])
    assert b"\n" not in encoded.replace(b"\r\n", b"")
    assert b"\r" not in encoded.replace(b"\r\n", b"")


@pytest.mark.parametrize("encode", [encode_piece, encode_whole])
@given(TEXTS)
def test_any_text_comes_back(encode, text: str) -> None:
    encoded = encode(text)
    check(encoded)
    assert quopri.decodestring(encoded + SOFT_BREAK).decode().replace("\r\n", "\n") == lines(text)


@given(st.lists(TEXTS, max_size=5))
def test_pieces_can_be_joined(pieces: list[str]) -> None:
    joined = SOFT_BREAK.join([*map(encode_piece, pieces), b""])
    check(joined)
    expected = "".join(map(lines, pieces))
    assert quopri.decodestring(joined).decode().replace("\r\n", "\n") == expected
