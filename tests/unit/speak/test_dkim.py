"""Our signatures hold under an independent verifier, and break when anything is changed."""

from functools import cache

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.errors import InputError
from dangol.speak.letter.dkim import Signer
from dangol.speak.letter.names import Reader
from dangol.speak.letter.press import Press
from tests.unit.speak.letters import letter, postbox
from tests.unit.speak.test_press import AT


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@cache
def signer(relaxed: bool) -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Signer("news.haru.example", "d1", pem(key), relaxed=relaxed)


def holds(raw: bytes, by: Signer) -> bool:
    def record(name: bytes, timeout: int = 5) -> bytes:
        assert name.rstrip(b".") == b"d1._domainkey.news.haru.example"
        return by.record.encode()

    return dkim.verify(raw, dnsfunc=record)


@cache
def press() -> Press:
    a_letter = letter()
    return Press(a_letter, postbox(a_letter))


@pytest.mark.parametrize("relaxed", [False, True])
@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=100))
def test_letters_verify(relaxed: bool, name: str) -> None:
    raw = press().render(Reader(7, "a@x.example", {"name": name, "note": name + "  \n\n"}), AT)
    signed = signer(relaxed).sign(raw)
    assert signed.endswith(raw)
    assert holds(signed, signer(relaxed))


@pytest.mark.parametrize("relaxed", [False, True])
def test_both_list_headers_are_covered(relaxed: bool) -> None:
    signed = signer(relaxed).sign(press().render(Reader(7, "a@x.example"), AT))
    for before, after in [
        (b"List-Unsubscribe-Post: ", b"List-Unsubscribe-Post: x"),
        (b"List-Unsubscribe: <", b"List-Unsubscribe: <x"),
        (b"Fresh", b"Stale"),
        (b"\r\nFrom: ", b"\r\nFrom: a@evil.example\r\nFrom: "),
        (b"\r\nReply-To: r", b"\r\nReply-To: s"),
    ]:
        assert before in signed
        assert not holds(signed.replace(before, after, 1), signer(relaxed))


@pytest.mark.parametrize("body", [b"", b"\r\n\r\n", b"a \t b  \r\n \r\n\r\n", b"no line end"])
@pytest.mark.parametrize("relaxed", [False, True])
def test_odd_bodies_verify(relaxed: bool, body: bytes) -> None:
    raw = b"From: a@news.haru.example\r\nSubject:  odd \r\n  folded\r\n\r\n" + body
    assert holds(signer(relaxed).sign(raw), signer(relaxed))


def test_wrong_keys_and_bare_messages_are_refused() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    Signer("x.example", "d1", pem(small))
    for wrong in [
        b"",
        b"-----BEGIN PRIVATE KEY-----",
        pem(ec.generate_private_key(ec.SECP256R1())),
    ]:
        with pytest.raises(InputError):
            Signer("x.example", "d1", wrong)
    with pytest.raises(InputError):
        signer(False).sign(b"Subject: x\r\n\r\nx")
