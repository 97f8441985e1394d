"""Answers, and the things that only look like answers."""

import datetime as dt

import pytest

from dangol.converse.bounce import BounceClass, bounces_in, classify
from dangol.converse.failure import is_to_be_suppressed
from dangol.converse.kind import MailKind, kind_of
from dangol.converse.mail import read_mail
from dangol.converse.match import bare_subject
from tests.unit.converse import mails

NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def _kind(body="Yes please", mail_from="kim@home.example", **headers):
    return kind_of(
        read_mail(mails.mail(body, **headers), mail_from=mail_from),
        frozenset({"shop@shop.example"}),
    )


@pytest.mark.parametrize(
    "body",
    ["Yes please", "stop by tomorrow?", "수신거부 버튼이 안 보여요", "아니요, 그만 마실래요"],
)
def test_people_answer(body):
    assert _kind(body) is MailKind.REPLY


@pytest.mark.parametrize(
    "headers",
    [
        {"auto_submitted": "auto-replied"},
        {"auto_submitted": "auto-generated; owner-email=x"},
        {"precedence": "bulk"},
        {"precedence": "auto_reply"},
        {"x_autoreply": "yes"},
        {"list_id": "<x.example>"},
        {"subject": "Out of Office: Re: Beans"},
        {"subject": "Automatic reply: Beans"},
        {"subject": "자동 응답: 새 원두"},
        {"subject": "[부재중] 새 원두"},
        {"mail_from": ""},
    ],
)
def test_machines_answer(headers):
    assert _kind(**headers) is MailKind.AUTO


def test_auto_submitted_no_is_a_person():
    assert _kind(auto_submitted="no") is MailKind.REPLY


@pytest.mark.parametrize(
    "body",
    [
        "STOP",
        "Unsubscribe.",
        "unsubscribe me!",
        "수신거부",
        "수신 거부",
        "수신거부합니다.",
        "구독 취소",
        "그만 보내주세요",
        "STOP\n\nOn Mon, Shop wrote:\n> Beans",
        "  거부  ",
    ],
)
def test_nothing_but_stop_is_an_unsubscription(body):
    assert _kind(body) is MailKind.UNSUBSCRIBE


def test_empty_mail_with_the_word_in_the_subject_too():
    assert _kind("", subject="unsubscribe") is MailKind.UNSUBSCRIBE
    assert _kind("", subject="Re: unsubscribe from our long letter") is MailKind.REPLY


def test_own_mail_is_a_loop():
    assert _kind(**{"from": "Shop <shop@shop.example>"}) is MailKind.LOOP


def test_reports():
    assert kind_of(read_mail(mails.dsn())) is MailKind.BOUNCE
    assert kind_of(read_mail(mails.dsn(action="delayed"))) is MailKind.NO_NEWS
    assert kind_of(read_mail(mails.dsn(action="delivered"))) is MailKind.NO_NEWS
    assert kind_of(read_mail(mails.arf())) is MailKind.COMPLAINT
    assert kind_of(read_mail(mails.arf("not-spam"))) is MailKind.NO_NEWS


def test_bounces_that_are_no_reports():
    assert (
        _kind("550 5.1.1 no such user", mail_from="", subject="Mail delivery failed")
        is MailKind.BOUNCE
    )
    assert _kind("x", mail_from="", subject="메일 전송 실패 안내") is MailKind.BOUNCE
    assert _kind("x", x_failed_recipients="kim@home.example") is MailKind.BOUNCE
    assert (
        _kind("About the mail delivery failed yesterday", subject="Mail delivery failed")
        is MailKind.REPLY
    )


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        ("5.1.1", "550 5.1.1 user unknown", BounceClass.HARD),
        ("5.1.10", "null mx", BounceClass.HARD),
        ("5.2.1", "disabled", BounceClass.HARD),
        ("5.2.2", "mailbox full", BounceClass.SOFT),
        ("4.2.2", "over quota", BounceClass.SOFT),
        ("4.4.1", "timed out", BounceClass.SOFT),
        ("5.4.4", "unrouteable", BounceClass.ROUTE),
        ("5.3.4", "too big", BounceClass.CONTENT),
        ("5.7.26", "unauthenticated", BounceClass.BLOCK),
        ("5.7.515", "sender requirements", BounceClass.BLOCK),
        ("5.7.1", "blocked using spamhaus", BounceClass.BLOCK),
        ("5.7.1", "recipient does not exist here", BounceClass.HARD),
        ("5.0.0", "User unknown in virtual table", BounceClass.HARD),
        ("5.0.0", "존재하지 않는 사용자입니다", BounceClass.HARD),
        ("5.0.0", "message looks like spam", BounceClass.BLOCK),
        ("5.1.1", "blocked by reputation", BounceClass.BLOCK),
        ("", "수신자의 용량이 초과되었습니다", BounceClass.SOFT),
        ("", "???", BounceClass.SOFT),
    ],
)
def test_classes(status, text, expected):
    assert classify(status, text) is expected


def test_a_report_gives_status_address_and_words():
    (bounce,) = bounces_in(read_mail(mails.dsn()))
    assert (bounce.bounce_class, bounce.status, bounce.address) == (
        BounceClass.HARD,
        "5.1.1",
        "kim@home.example",
    )
    assert "user unknown" in bounce.detail
    (vague,) = bounces_in(read_mail(mails.dsn(status="5.0.0", diagnostic="smtp; 550 5.2.2 full")))
    assert (vague.bounce_class, vague.status) == (BounceClass.SOFT, "5.2.2")


def test_when_an_address_is_given_up():
    day = dt.timedelta(days=1)
    assert is_to_be_suppressed(BounceClass.HARD, [NOW])
    assert not is_to_be_suppressed(BounceClass.SOFT, [NOW + day * i for i in (0, 1, 2, 3, 4)])
    assert is_to_be_suppressed(BounceClass.SOFT, [NOW + day * i for i in (0, 1, 2, 3, 7)])
    assert not is_to_be_suppressed(BounceClass.SOFT, [NOW + day * i for i in (0, 7, 30)])
    assert not is_to_be_suppressed(BounceClass.ROUTE, [NOW])
    assert is_to_be_suppressed(BounceClass.ROUTE, [NOW, NOW + day])
    for never in (BounceClass.BLOCK, BounceClass.CONTENT):
        assert not is_to_be_suppressed(never, [NOW] * 99)


def test_subjects_are_compared_without_their_prefixes():
    assert bare_subject("RE: Fwd: 회신: [단골] 새 원두") == bare_subject("[단골]  새 원두")
    assert bare_subject("Re[3]: a") == "a"
