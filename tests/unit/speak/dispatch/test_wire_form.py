"""Letters promise to be in wire form already, so the client does not look again."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.speak.channel.email.mail import wire_body
from dangol.speak.letter.names import Reader
from dangol.speak.letter.postbox import Postbox
from dangol.speak.letter.press import Press
from dangol.speak.links.collect import collect_links
from dangol.store.keyring import Keyring
from dangol.testing.mailing import BRAND, letter_of

KEYRING = Keyring(keys={0: b"k" * 32}, addresses=b"a" * 32)
LETTER = letter_of(2)
PRESS = Press(
    LETTER,
    Postbox(
        send_id=7,
        keyring=KEYRING,
        brand=BRAND,
        links=collect_links(LETTER),
        base_url="https://news.coffee.example",
    ),
)
HOSTILE = st.text(
    st.sampled_from(".\r\n=말a \t\x00\u2028") | st.characters(codec="utf-8"), max_size=90
)


@settings(deadline=None)
@given(HOSTILE, st.sampled_from([".", "\r\n.\r\n", "\n.", ""]))
def test_a_letter_needs_no_stuffing(name: str, start: str) -> None:
    reader = Reader(customer_id=3, address="a@b.kr", traits={"first_name": start + name})
    raw = PRESS.render(reader, datetime(2026, 5, 1, tzinfo=UTC))
    assert wire_body(raw) == raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
