"""The receiver's conversation: whatever bytes come, in whatever pieces, the same is understood."""

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dangol.converse.smtpd import NotNow, Service, Session


class Wire:
    """The client's end: collects what the server says."""

    def __init__(self):
        self.said = bytearray()

    def write(self, data):
        self.said += data

    async def drain(self):
        pass

    def get_extra_info(self, _name):
        return None


def talk(pieces, *, largest=2000, refuses=(), away=False):
    """The reply codes and the mail that a client who sends `pieces` brings about."""
    kept = []

    async def keep(envelope):
        if away:
            raise NotNow
        kept.append((envelope.mail_from, tuple(envelope.recipients), envelope.raw))

    def refusal(address):
        return "5.1.1 no" if address in refuses else None

    async def run():
        reader, wire = asyncio.StreamReader(), Wire()
        service = Service(name="test", refusal=refusal, keep=keep, largest=largest)

        async def feed():
            for piece in pieces:
                reader.feed_data(piece)
                await asyncio.sleep(0)
            reader.feed_eof()

        feeding = asyncio.create_task(feed())
        try:
            await Session(service, reader, wire).run()
        except ConnectionError:
            pass
        await feeding
        return wire

    wire = asyncio.run(run())
    codes = [line[:3].decode() for line in bytes(wire.said).split(b"\r\n") if line[3:4] == b" "]
    return codes, kept


def letter(body=b"hello\r\n", rcpt=b"a@b.example"):
    return b"MAIL FROM:<k@x.example>\r\nRCPT TO:<" + rcpt + b">\r\nDATA\r\n" + body + b".\r\n"


EHLO = b"EHLO me\r\n"


def test_two_mails_in_one_write():
    codes, kept = talk([EHLO + letter(b"one\r\n") + letter(b"..two\r\n\r\n") + b"QUIT\r\n"])
    assert codes == ["220", "250", "250", "250", "354", "250", "250", "250", "354", "250", "221"]
    assert [mail[2] for mail in kept] == [b"one\r\n", b".two\r\n\r\n"]


def test_nobody_known_means_no_data():
    codes, kept = talk([EHLO + b"MAIL FROM:<>\r\nRCPT TO:<x@y>\r\nDATA\r\n"], refuses=["x@y"])
    assert codes[-3:] == ["250", "550", "503"]
    assert kept == []


def test_what_cannot_be_kept_is_not_acknowledged():
    assert talk([EHLO + letter()], away=True)[0][-1] == "451"


@pytest.mark.parametrize("size", [1998, 1999, 2000, 2001, 9000])
def test_size_is_counted_exactly_and_the_next_mail_is_taken(size):
    codes, kept = talk([EHLO + letter(b"x" * (size - 2) + b"\r\n") + letter()])
    assert [len(mail[2]) for mail in kept] == ([size, 7] if size <= 2000 else [7])
    assert codes[-1] == "250"
    assert ("552" in codes) == (size > 2000)


def test_a_mail_without_end_is_cut_off():
    codes, kept = talk([EHLO + letter(b"x" * 100_000)[:-3]])
    assert kept == []
    assert codes[-1] == "354"


_BITS = st.sampled_from(
    [EHLO, b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<c@d.example>\r\n", b"RCPT TO:<>\r\n", b"DATA\r\n", b"hello\r\n",
     b".\r\n", b"..\r\n", b"\n.\n", b"\r.\r\n", b"\r\n", b"RSET\r\n", b"QUIT\r\n", b"NOOP\r\n", b"\x00\xff\r\n", b".", b"\r", b"\n",
     b"MAIL FROM:<a@b.example> SIZE=99999999\r\n", letter(), letter(b"x" * 3000 + b"\r\n")]
)  # fmt: skip


@given(st.lists(_BITS, max_size=25).map(b"".join), st.lists(st.integers(0, 3000), max_size=12))
@settings(max_examples=250, deadline=None)
@example(EHLO + letter(b"x\r\n..\r\n"), [60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71])
def test_how_the_bytes_are_cut_changes_nothing(stream, cuts):
    places = sorted({min(cut, len(stream)) for cut in cuts})
    pieces = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]
    assert talk([piece for piece in pieces if piece]) == talk([stream])


@given(st.binary(max_size=600))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_survived(stream):
    codes, kept = talk([EHLO + stream])
    assert codes[0] == "220"
    assert all(len(raw) <= 2000 for _, _, raw in kept)
