"""Any bytes can be read; what people and machines send is read rightly."""

import base64
import datetime as dt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dangol.converse.mail import LARGEST_MAIL, read_mail
from tests.unit.converse import mails


def test_an_ordinary_answer():
    mail = read_mail(
        mails.mail(
            "고마워요",
            message_id="<a@b>",
            in_reply_to="<c@d>",
            references="<e@f> <c@d>",
            date="Mon, 2 Mar 2026 09:00:00 +0900",
        ),
        mail_from="Kim@Home.example",
        recipients=["R+abc@in.example"],
    )
    assert mail.sender == "kim@home.example"
    assert mail.sender_name == "Kim"
    assert mail.recipients == ("r+abc@in.example", "shop@shop.example")
    assert (mail.message_id, mail.in_reply_to, mail.references) == (
        "<a@b>",
        "<c@d>",
        ("<e@f>", "<c@d>"),
    )
    assert mail.text == "고마워요"
    assert mail.envelope_from == "kim@home.example"
    assert mail.date == dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "named",
    [
        "euc-kr",
        "EUC-KR",
        "ks_c_5601-1987",
        "cp949",
        "x-windows-949",
        "us-ascii",
        "nonsense",
        "utf-8",
    ],
)
def test_korean_in_the_charsets_people_still_use(named):
    """쀍 exists in CP949 only, which is what `euc-kr` means in practice."""
    text = "안녕하세요, 쀍"
    subject = base64.b64encode("새 원두 쀍".encode("cp949")).decode()
    raw = f"From: a@b.example\r\nSubject: =?ks_c_5601-1987?B?{subject}?=\r\n".encode()
    raw += f"Content-Type: text/plain; charset={named}\r\n\r\n".encode() + text.encode("cp949")
    mail = read_mail(raw)
    assert mail.text == text
    assert mail.subject == "새 원두 쀍"


def test_iso_2022_kr_and_japanese():
    for text, charset in (("안녕하세요", "iso-2022-kr"), ("こんにちは", "iso-2022-jp")):
        raw = f"From: a@b.example\r\nContent-Type: text/plain; charset={charset}\r\n\r\n".encode()
        assert read_mail(raw + text.encode(charset)).text == text


def test_raw_bytes_in_headers_are_read():
    for charset in ("utf-8", "cp949"):
        raw = "From: 김철수 <a@b.example>\r\nSubject: 새 원두\r\n\r\nhi".encode(charset)
        mail = read_mail(raw)
        assert (mail.subject, mail.sender, mail.sender_name) == ("새 원두", "a@b.example", "김철수")


def test_html_only_becomes_text_with_its_quotation_marked():
    body = "<p>네, <b>좋아요</b></p><script>x()</script><blockquote><p>원두?</p></blockquote>"
    raw = f"From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{body}".encode()
    mail = read_mail(raw)
    assert mail.text == "네, 좋아요\n\n>\n> 원두?\n>"
    assert mail.html == body


def test_attachments_keep_names_and_bytes():
    raw = (
        b"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        b"--B\r\nContent-Type: text/plain\r\n\r\nsee photo\r\n--B\r\nContent-Type: image/png\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''%EC%82%AC%EC%A7%84%2F..%2Fx.png\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--B--\r\n"
    )
    mail = read_mail(raw)
    assert mail.text.strip() == "see photo"
    (file,) = mail.attachments
    assert (file.name, file.content_type, file.data) == ("사진_.._x.png", "image/png", b"hello")


def test_a_report_is_taken_apart():
    mail = read_mail(mails.dsn(message_id="<tok@shop>"))
    assert mail.report_type == "delivery-status"
    assert mail.report_fields[1]["status"] == "5.1.1"
    assert mail.returned["message-id"] == "<tok@shop>"
    mail = read_mail(mails.arf(message_id="<tok@shop>"))
    assert mail.report_fields[0]["feedback-type"] == "abuse"
    assert mail.returned["message-id"] == "<tok@shop>"


@pytest.mark.parametrize(
    "raw",
    [
        b"x" * (LARGEST_MAIL + 1),
        b"".join(
            b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (i, i)
            for i in range(3000)
        ),
    ],
)
def test_what_is_too_large_or_too_deep_is_refused(raw):
    assert read_mail(raw) is None


def test_nothing_unstorable_comes_out():
    raw = b"From: a\x00@b.example\r\nSubject: x\x00\xed\xa0\x80y\r\nMessage-ID: <a\x00b@c>\r\n\r\nhi\x00\x07\xed\xa0\x80"
    mail = read_mail(raw)
    for text in (mail.subject, mail.text, mail.sender, mail.message_id or ""):
        assert "\x00" not in text
        text.encode()


_LINE = st.sampled_from(
    [b"From: ", b"To: ", b"Subject: =?utf-8?q?", b"=?euc-kr?b?====?=", b"Content-Type: multipart/mixed; boundary=B",
     b"--B", b"--B--", b"Content-Type: message/rfc822", b"Content-Type: multipart/report; report-type=delivery-status; boundary=B",
     b"Content-Type: message/delivery-status", b"Content-Transfer-Encoding: base64", b"charset*0*=x''%", b"", b"Message-ID: <",
     b"Content-Type: text/html; charset=\"", b"Date: Mon, 99 Foo 99999 99:99:99 +9999", b"References: <a@b> <", b"Content-Disposition: attachment; filename*=a'b'%zz",
     b"Content-Transfer-Encoding: uuencode", b"begin 666 x", b"Action: failed", b"<div><blockquote>"]
)  # fmt: skip


@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(st.one_of(_LINE, st.binary(max_size=30)), max_size=40).map(b"\r\n".join),
    )
)
@settings(max_examples=400, deadline=None)
@example(b"")
@example(b"From: =?utf-8?b?" + b"A" * 5000)
@example(b'Content-Type: text/plain; charset*=" x\r\n\r\nhi')
def test_any_bytes_are_read_or_refused_and_never_raise(raw):
    from dangol.converse.bounce import bounces_in
    from dangol.converse.kind import kind_of
    from dangol.converse.quote import answer_of

    mail = read_mail(raw)
    if mail is not None:
        kind_of(mail)
        bounces_in(mail)
        answer_of(mail.text).encode()
        for text in (mail.subject, mail.sender, mail.text, *mail.recipients, *mail.references):
            assert "\x00" not in text
            text.encode()
