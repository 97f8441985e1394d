"""Letters of a run are the letters that the press writes one by one."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.speak.letter.names import Reader
from dangol.speak.letter.press import ContentRefused, Press
from dangol.speak.letter.run import PrintRun
from dangol.speak.links.addresses import Addresses
from dangol.speak.links.bulk import seal_all, spell
from dangol.speak.links.sealing import base32, varint
from dangol.store.token import unseal
from tests.unit.speak import letters

AT = datetime(2026, 3, 5, 9, tzinfo=UTC)


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=20), st.integers(1, 40))
def test_spelling_many_is_spelling_each(raws: list[bytes], size: int) -> None:
    same_length = [(raw * size)[:size] for raw in raws]
    assert spell(same_length) == [base32(raw).encode() for raw in same_length]


@given(st.lists(st.integers(0, 2**50), max_size=30))
def test_sealing_many_is_sealing_each(customers: list[int]) -> None:
    addresses = Addresses(letters.KEYRING, 7)
    for key in ("reply", "counted_300"):
        sealer, tail = addresses.sealing(key)
        many = seal_all(sealer, [varint(one) + tail for one in customers])
        assert many == [addresses.token(key, one).encode() for one in customers]


def test_a_run_writes_what_the_press_writes() -> None:
    letter = letters.letter()
    press = Press(letter, letters.postbox(letter))
    readers = [
        Reader(number, f"p{number}@home.example", {"name": f"이름{number}"}, locale, country)
        for number, (locale, country) in enumerate(
            [("en", "US"), ("ko", "KR"), (None, None), ("en", "KR")] * 3, 126
        )
    ]
    run = PrintRun(press, readers)
    for row, reader in enumerate(readers):
        raw = press.render(reader, AT)
        assert run.render(row, AT) == raw
        assert f"Message-ID: <{run.reply_token(row)}@".encode() in raw
        assert unseal(letters.KEYRING, "r", run.reply_token(row)) == (12, reader.customer_id)


def test_one_reader_who_cannot_be_written_to_harms_nobody_else() -> None:
    letter = letters.letter()
    readers = [Reader(1, "a@home.example"), Reader(2, "no address"), Reader(3, "c@home.example")]
    run = PrintRun(Press(letter, letters.postbox(letter)), readers)
    with pytest.raises(ContentRefused):
        run.render(1, AT)
    assert b"c@home.example" in run.render(2, AT)
