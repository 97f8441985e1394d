"""Machines are told from people by what they do."""

from base64 import b32encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.speak.links.hits import Hit, MachineReason, judge, read_hits, write_hit
from dangol.speak.links.sealing import Sealer, base32, varint
from dangol.store.token import seal, unseal
from tests.unit.speak.letters import KEYRING

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
HANDED = datetime(2026, 3, 5, 9, tzinfo=UTC)
START = int(HANDED.timestamp()) * 1_000_000


def hit(seconds: float = 60, link: int = 1, customer: int = 7, **fields: object) -> Hit:
    given = {"agent": PHONE} | fields
    return Hit(12, customer, link, START + int(seconds * 1e6), **given)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (hit(), None),
        (hit(link=0), None),
        (hit(agent="Mozilla/5.0 (Windows NT 5.1; rv:11.0) via ggpht.com GoogleImageProxy"), None),
        (hit(agent=""), MachineReason.NO_AGENT),
        (hit(agent="Mozilla/5.0"), MachineReason.APPLE_PRIVACY),
        (hit(agent="curl/8.5"), MachineReason.SCANNER),
        (hit(agent="Mozilla/5.0 HeadlessChrome/156"), MachineReason.SCANNER),
        (hit(prefetch=True), MachineReason.PREFETCH),
        (hit(1.9), MachineReason.TOO_SOON),
        (hit(2.1), None),
    ],
)
def test_one_hit(one: Hit, reason: MachineReason | None) -> None:
    assert judge([one], {(12, 7): HANDED}) == [reason]


def test_hit_on_an_unknown_hand_off_is_a_persons() -> None:
    assert judge([hit(1)], {}) == [None]


def test_several_links_at_once_are_a_program() -> None:
    many = MachineReason.MANY_LINKS
    assert judge([hit(60, 1), hit(61, 2), hit(90, 3)], {}) == [many, many, None]
    assert judge([hit(60, 1), hit(61, 1)], {}) == [None, None]
    assert judge([hit(60, 1), hit(61, 2, customer=8)], {}) == [None, None]
    assert judge([hit(60, 0), hit(61, 2)], {}) == [None, None]
    assert judge([hit(61, 2)], {}, [hit(60, 1)]) == [many]


hits = st.builds(
    Hit,
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.integers(0, 200),
    st.integers(0, 4_000_000_000_000_000),
    st.text(st.characters(codec="latin-1"), max_size=200),
    st.booleans(),
)


@given(st.lists(hits, max_size=5))
def test_hits_survive_the_intake(several: list[Hit]) -> None:
    assert read_hits(b"".join(map(write_hit, several))) == several
    assert all(one.at.timestamp() == pytest.approx(one.at_us / 1e6) for one in several)


@given(st.binary(max_size=40))
def test_base32_is_the_standards(raw: bytes) -> None:
    assert base32(raw) == b32encode(raw).decode().rstrip("=").lower()


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, 200))
def test_bulk_tokens_are_the_stores_tokens(send: int, customer: int, link: int) -> None:
    found = Sealer(KEYRING, "c", send).seal(varint(customer) + varint(link))
    assert found == seal(KEYRING, "c", send, customer, link)
    assert unseal(KEYRING, "c", found) == (send, customer, link)


def test_same_hit_is_the_same_event() -> None:
    assert hit().key == hit().key
    assert len({hit().key, hit(61).key, hit(link=2).key, hit(customer=8).key}) == 4
    assert hit().name == "Message Clicked"
    assert hit(link=0).name == "Message Opened"
    assert hit().at == HANDED + timedelta(seconds=60)
