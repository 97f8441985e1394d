"""Keys and tokens: genuine ones open, everything else does not."""

import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.store.keyring import Keyring, KeyringError, load_keyring
from dangol.store.token import seal, unseal

RING = Keyring(keys={0: b"\1" * 32, 3: b"\2" * 32}, addresses=b"\3" * 32)
OLDER = Keyring(keys={0: b"\1" * 32}, addresses=b"\3" * 32)
NUMBERS = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3)


@given(NUMBERS)
def test_a_token_opens_to_its_numbers_whatever_the_case(numbers: list[int]) -> None:
    token = seal(RING, "u", *numbers)
    assert unseal(RING, "u", token) == tuple(numbers)
    assert unseal(RING, "u", token.upper()) == tuple(numbers)


@given(st.integers(0, 2**40), st.integers(0, 2**49))
def test_a_reply_address_fits_a_local_part(send_id: int, customer_id: int) -> None:
    assert len(f"reply+{seal(RING, 'r', send_id, customer_id)}") <= 64


@given(NUMBERS, st.data())
def test_a_changed_token_does_not_open(numbers: list[int], data: st.DataObject) -> None:
    token = seal(RING, "u", *numbers)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
    changed = token[:at] + letter + token[at + 1 :]
    assert changed == token or unseal(RING, "u", changed) is None
    assert unseal(RING, "c", token) is None


@given(st.binary(max_size=200), st.sampled_from([0, 3]))
def test_signatures_are_hmacs_of_the_subkey(payload: bytes, key_id: int) -> None:
    wanted = hmac.digest(RING.derived(key_id, "mail"), payload, "sha256")
    assert RING.sign("mail", payload, key_id=key_id) == wanted


@given(st.text(max_size=90))
def test_rubbish_does_not_open(text: str) -> None:
    assert unseal(RING, "u", text) is None


def test_tokens_of_an_older_key_stay_valid() -> None:
    assert unseal(RING, "r", seal(OLDER, "r", 12, 99)) == (12, 99)
    assert unseal(OLDER, "r", seal(RING, "r", 12, 99)) is None


def test_a_keyring_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keyring.json"
    ring = load_keyring(path)
    assert load_keyring(path) == ring
    assert path.stat().st_mode & 0o077 == 0


def test_a_damaged_keyring_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.write_text("{}")
    with pytest.raises(KeyringError, match="restore it from a backup"):
        load_keyring(path)
    assert path.read_text() == "{}"


def test_secrets_open_only_with_their_key_and_purpose() -> None:
    sealed = OLDER.encrypt("smtp", b"pa55")
    assert RING.decrypt("smtp", sealed) == b"pa55"
    with pytest.raises(KeyringError):
        RING.decrypt("imap", sealed)
    with pytest.raises(KeyringError):
        RING.decrypt("smtp", sealed[:-1])
