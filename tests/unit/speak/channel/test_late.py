"""A sender that slept past its time: nothing of the message leaves, and that is known for sure."""

from collections import deque

import pytest

from dangol.speak.channel.email.mail import Mail, Outcome, OutcomeKind
from dangol.speak.channel.email.session import SessionOptions, SmtpSession

GREETED = {True: b"220 hello\r\n250-x\r\n250 PIPELINING\r\n", False: b"220 hello\r\n250 x\r\n"}
LATE = Outcome(OutcomeKind.RETRY, 0, "not sent within its time", "late", counts=False)


@pytest.mark.parametrize("pipelining", [True, False])
def test_content_whose_time_is_over_does_not_leave(pipelining: bool) -> None:
    late: set[str] = set()
    mails = deque(Mail("a@x.example", f"{n}@x.example", b"body %d\r\n" % n) for n in (1, 2))
    session = SmtpSession(
        SessionOptions(),
        lambda: mails.popleft() if mails else None,
        is_late=lambda mail: mail.recipient in late,
    )

    def answer(*replies: bytes) -> bytes:
        return b"".join(session.receive(reply + b"\r\n") for reply in replies)

    session.receive(GREETED[pipelining])
    assert b"body 1" in answer(b"250 ok", b"250 ok", b"354 go")
    answer(b"250 kept", b"250 ok", b"250 ok")
    late.add("2@x.example")  # the process was stopped here, and goes on a minute later
    assert answer(b"354 go") == b""
    assert session.is_over
    assert [outcome.kind for _, outcome in session.outcomes[:1]] == [OutcomeKind.ACCEPTED]
    assert [outcome for _, outcome in session.outcomes[1:]] == [LATE]
