"""Mail finds its customer and its thread, once, and has the consequences it should have."""

import datetime as dt
from uuid import uuid4

import pytest

from dangol.converse.answering import find_reply, write_answer
from dangol.converse.mail import read_mail
from dangol.converse.thread import (
    answer,
    answers_waiting,
    assign,
    close_thread,
    count_waiting,
    get_attachment,
    get_thread,
    list_strays,
    list_threads,
    mark_complaint,
    wake_unsent,
)
from dangol.errors import InputError, NotFound
from dangol.model.customer import bucket_of
from dangol.store.brand import read_brand
from tests.integration.converse.conftest import KIM, LEE, NOW, SEND, add_send
from tests.unit.converse.mails import arf, dsn, mail

MINUTE = dt.timedelta(minutes=1)


def _suppressions(shop):
    rows = shop.conn.execute("select address_hash, reason, covers from suppression").fetchall()
    return {(bytes(row[0]), *row[1:]) for row in rows}


def _hash(shop, address="kim@home.example"):
    return shop.keyring.address_hash("email", address)


def test_an_answer_to_the_token_waits_for_the_team(shop):
    raw = mail(
        "두 봉지요!\n\n2026년 3월 2일 오전 9:00, 단골 커피 <a@b.example>님이 작성:\n> 원두?",
        message_id="<1@home.example>",
    )
    parsed = shop.receive(raw, [shop.reply_to()])
    (event,) = parsed.events
    assert (event.name, event.customer_id, event.origin) == ("Message Replied", KIM, f"send:{SEND}")
    (waiting,) = answers_waiting(shop.conn)
    assert (waiting.customer_id, waiting.customer_name, waiting.origin_send_id) == (
        KIM,
        "김단골",
        SEND,
    )
    assert (waiting.last_text, waiting.waiting_since) == ("두 봉지요!", NOW)
    assert not waiting.is_other_sender
    assert not waiting.is_guess
    assert count_waiting(shop.conn) == 1


def test_the_same_mail_twice_is_one_answer(shop):
    raw = mail("yes", message_id="<1@home.example>")
    first = shop.receive(raw, [shop.reply_to()])
    again = shop.receive(raw, [shop.reply_to()], at=NOW + MINUTE)
    assert len(first.events) == 1
    assert again.events == []
    nameless = mail("yes")
    assert len(shop.receive(nameless, [shop.reply_to()]).events) == 1
    assert shop.receive(nameless, [shop.reply_to()]).events == []


@pytest.mark.parametrize("header", ["in_reply_to", "references"])
def test_without_a_token_our_message_id_is_enough(shop, header):
    raw = mail("yes", **{header: f"{shop.message_id()}"})
    (event,) = shop.receive(raw, ["hello@shop.example"]).events
    assert (event.customer_id, event.props["send_id"]) == (KIM, SEND)


def test_the_newest_reference_counts(shop):
    add_send(shop.conn, 13)
    raw = mail("yes", references=f"{shop.message_id(send=12)} <x@y> {shop.message_id(send=13)}")
    (event,) = shop.receive(raw, ["hello@shop.example"]).events
    assert event.props["send_id"] == 13


@pytest.mark.parametrize("header", ["to", "cc", "delivered_to", "x_original_to"])
def test_the_token_is_found_wherever_forwarding_left_it(shop, header):
    raw = mail("yes", **{"to": "me@elsewhere.example", header: f"X <{shop.reply_to().upper()}>"})
    assert len(shop.receive(raw, []).events) == 1


def test_a_known_sender_without_any_reference_is_a_guess(shop):
    (event,) = shop.receive(
        mail("opening hours?", subject="Question"), ["hello@shop.example"]
    ).events
    assert event.props["is_guess"]
    again = mail("anybody?", subject="Re: question", message_id="<2@x>")
    shop.receive(again, ["hello@shop.example"], at=NOW + MINUTE)
    (thread,) = list_threads(shop.conn, KIM)
    assert thread.is_guess
    later = mail("hm", subject="Re: question", message_id="<3@x>")
    shop.receive(later, ["hello@shop.example"], at=NOW + dt.timedelta(days=15))
    assert len(list_threads(shop.conn, KIM)) == 2


def test_two_customers_with_one_address_are_not_guessed(shop):
    shop.conn.execute(
        "update contact_point set address = 'kim@home.example', address_hash = %s where customer_id = %s",
        [_hash(shop), LEE],
    )
    assert shop.receive(mail("hi"), ["hello@shop.example"]).events == []
    assert [one.reason for one in list_strays(shop.conn)] == ["reply"]


def test_strangers_and_forged_tokens_are_strays(shop):
    raw = mail("hi", **{"from": "who@else.example"})
    assert shop.receive(raw, ["hello@shop.example"]).events == []
    token = shop.token()
    forged = f"r+{'b' if token[0] == 'a' else 'a'}{token[1:]}@in.shop.example"
    raw = mail("hi", **{"from": "who@else.example"}, message_id="<f@x>")
    assert shop.receive(raw, [forged]).events == []
    assert len(list_strays(shop.conn)) == 2
    assert count_waiting(shop.conn) == 0


def test_another_sender_is_said_and_not_linked(shop):
    raw = mail("from my office", **{"from": "kim@office.example"})
    (event,) = shop.receive(raw, [shop.reply_to()]).events
    assert event.props["is_other_sender"]
    assert answers_waiting(shop.conn)[0].is_other_sender
    assert shop.conn.execute("select count(*) from contact_point").fetchone() == (2,)


def test_the_winner_of_a_merge_gets_the_answer_and_the_erased_do_not(shop):
    shop.conn.execute("update customer set merged_into = %s where customer_id = %s", [LEE, KIM])
    (event,) = shop.receive(mail("yes"), [shop.reply_to()]).events
    assert event.customer_id == LEE
    shop.conn.execute("update customer set erased_at = %s where customer_id = %s", [NOW, LEE])
    assert shop.receive(mail("again"), [shop.reply_to()]).events == []
    assert len(list_strays(shop.conn)) == 1


def test_out_of_office_is_kept_and_wakes_nobody(shop):
    parsed = shop.receive(mail("back on Monday", auto_submitted="auto-replied"), [shop.reply_to()])
    assert parsed.events == []
    assert count_waiting(shop.conn) == 0
    (thread,) = list_threads(shop.conn, KIM)
    assert [one.kind for one in get_thread(shop.conn, KIM, thread.id).messages] == ["auto"]


def test_a_machine_without_headers_is_stopped_by_its_number(shop):
    for i in range(40):
        shop.receive(
            mail(f"ping {i}", message_id=f"<{i}@x>"), [shop.reply_to()], at=NOW + i * MINUTE / 2
        )
    (thread,) = list_threads(shop.conn, KIM)
    kinds = [one.kind for one in get_thread(shop.conn, KIM, thread.id).messages]
    assert kinds.count("message") == 30
    assert kinds.count("auto") == 10


def test_own_mail_is_a_loop(shop):
    parsed = shop.receive(mail("x", **{"from": "hello@shop.example"}), [shop.reply_to()])
    assert [one.reason.value for one in parsed.rejects] == ["loop"]


def test_stop_takes_consent_back_and_waits_for_nobody(shop):
    (event,) = shop.receive(mail("수신거부"), [shop.reply_to()]).events
    assert event.name == "Consent Changed"
    assert (event.props["state"], event.props["topic"]) == ("withdrawn", "*")
    assert count_waiting(shop.conn) == 0
    assert get_thread(shop.conn, KIM, list_threads(shop.conn, KIM)[0].id).messages[0].kind == "stop"


def test_mail_to_the_way_out_takes_consent_back_whatever_it_says(shop):
    (event,) = shop.receive(mail("please"), [shop.reply_to("u")]).events
    assert event.name == "Consent Changed"
    done = shop.receive(mail("once more"), [shop.reply_to("u")], is_withdrawn=True)
    assert done.events == []


def test_answers_to_a_test_letter_are_nobodys(shop):
    add_send(shop.conn, 50, "test")
    assert shop.receive(mail("looks good"), [shop.reply_to(send=50)]).events == []
    assert [one.reason for one in list_strays(shop.conn)] == ["test"]


def test_unreadable_mail_is_refused_with_its_reason(shop):
    parsed = shop.receive(b"x" * 26_214_401, [shop.reply_to()])
    assert [one.reason.value for one in parsed.rejects] == ["unreadable_mail"]


@pytest.mark.parametrize("by", ["token", "returned"])
def test_a_hard_bounce_ends_writing_there_at_once(shop, by):
    rcpt = [shop.reply_to("b")] if by == "token" else ["hello@shop.example"]
    raw = dsn(message_id=shop.message_id())
    (event,) = shop.receive(raw, rcpt, mail_from="").events
    assert (event.name, event.customer_id, event.props["class"]) == ("Message Bounced", KIM, "hard")
    assert _suppressions(shop) == {(_hash(shop), "bounce", "everything")}
    assert [one.reason for one in shop.journal.read().entries] == ["bounce"]
    again = shop.receive(raw, rcpt, mail_from="", at=NOW + MINUTE)
    assert [one.key for one in again.events] == [event.key]
    assert count_waiting(shop.conn) == 0


def test_blocked_mail_is_never_the_persons_fault(shop):
    for send in range(20, 40):
        add_send(shop.conn, send)
        raw = dsn(
            "5.7.1",
            diagnostic="smtp; 550 5.7.1 blocked by policy",
            message_id=shop.message_id(send),
        )
        at = NOW + dt.timedelta(days=send)
        assert shop.receive(raw, [], mail_from="", at=at).events[0].props["class"] == "block"
    assert _suppressions(shop) == set()


def test_five_soft_bounces_over_a_week_end_it_and_an_answer_begins_the_count_anew(shop):
    def soft(send, day):
        add_send(shop.conn, send)
        raw = dsn("4.2.2", diagnostic="smtp; 452 4.2.2 full", message_id=shop.message_id(send))
        shop.receive(raw, [], mail_from="", at=NOW + dt.timedelta(days=day))

    for send, day in zip(range(20, 24), range(0, 8, 2), strict=True):
        soft(send, day)
    shop.receive(mail("I emptied it"), [shop.reply_to()], at=NOW + dt.timedelta(days=7))
    soft(30, 8)
    assert _suppressions(shop) == set()
    for send, day in zip(range(31, 35), range(10, 18, 2), strict=True):
        soft(send, day)
    assert _suppressions(shop) == {(_hash(shop), "bounce", "everything")}


def test_a_complaint_ends_marketing_and_is_journaled(shop):
    (event,) = shop.receive(arf(message_id=shop.message_id()), ["fbl@shop.example"]).events
    assert (event.name, event.customer_id) == ("Message Complained", KIM)
    assert _suppressions(shop) == {(_hash(shop), "complaint", "marketing")}
    assert [one.reason for one in shop.journal.read().entries] == ["complaint"]


def test_a_complaint_that_names_only_the_address_counts_too(shop):
    assert shop.receive(arf(), ["fbl@shop.example"]).events == []
    assert _suppressions(shop) == {(_hash(shop), "complaint", "marketing")}
    assert [one.reason for one in list_strays(shop.conn)] == ["complaint"]


def test_a_bounce_of_nobodys_message_is_a_stray(shop):
    assert shop.receive(dsn(), ["hello@shop.example"], mail_from="").events == []
    assert _suppressions(shop) == set()
    assert [one.reason for one in list_strays(shop.conn)] == ["bounce"]


# -- the team answers -------------------------------------------------------------------------


def _open(shop, **headers):
    headers = {"message_id": "<1@home.example>", "subject": "Re: 새 원두"} | headers
    shop.receive(mail("두 봉지요!", **headers), [shop.reply_to()])
    return answers_waiting(shop.conn)[0]


def test_an_answer_goes_out_threaded_and_comes_back_to_the_same_thread(shop):
    waiting = _open(shop, references=shop.message_id())
    member = uuid4()
    send_id = answer(
        shop.conn, shop.keyring, (KIM, waiting.id), "내일 보내 드릴게요.", member, NOW + MINUTE
    )
    assert count_waiting(shop.conn) == 0
    queued = shop.conn.execute("select state from message where send_id = %s", [send_id]).fetchall()
    assert queued == [("queued",)]
    raw = _written(shop, send_id)
    sent = read_mail(raw)
    assert sent.in_reply_to == "<1@home.example>"
    assert sent.references == (shop.message_id(), "<1@home.example>")
    assert (sent.subject, sent.text.strip()) == ("Re: 새 원두", "내일 보내 드릴게요.")
    assert sent.headers["reply-to"].endswith(f"<{shop.reply_to(send=send_id)}>")
    back = mail("고마워요", message_id="<2@home.example>", in_reply_to=sent.message_id)
    shop.receive(back, [shop.reply_to(send=send_id)], at=NOW + 2 * MINUTE)
    (thread,) = list_threads(shop.conn, KIM)
    found = get_thread(shop.conn, KIM, thread.id)
    assert [one.direction for one in found.messages] == ["in", "out", "in"]
    assert found.messages[1].author == f"member:{member}"
    assert thread.waiting_since == NOW + 2 * MINUTE


def test_an_answer_that_bounces_waits_again_and_says_why(shop):
    waiting = _open(shop)
    said = (KIM, waiting.id), "내일 보내 드릴게요.", uuid4(), NOW + MINUTE
    send_id = answer(shop.conn, shop.keyring, *said)
    raw = dsn("5.2.2", diagnostic="smtp; 552 5.2.2 full", message_id=shop.message_id(send_id))
    for _ in range(2):
        shop.receive(raw, [], mail_from="", at=NOW + 2 * MINUTE)
    (thread,) = answers_waiting(shop.conn)
    assert thread.waiting_since == NOW + 2 * MINUTE
    last = get_thread(shop.conn, KIM, thread.id).messages[-1]
    assert (last.kind, last.body_text) == ("returned", "5.2.2 smtp; 552 5.2.2 full")


@pytest.mark.parametrize(
    ("state", "wakes"), [("failed", 1), ("silent", 1), ("uncertain", 1), ("accepted", 0)]
)
def test_an_answer_that_could_not_be_sent_waits_again(shop, state, wakes):
    waiting = _open(shop)
    said = (KIM, waiting.id), "내일 보내 드릴게요.", uuid4(), NOW + MINUTE
    send_id = answer(shop.conn, shop.keyring, *said)
    assert wake_unsent(shop.conn, NOW + MINUTE) == 0
    shop.conn.execute(
        "update message set state = %s, reason = 'bad_address' where send_id = %s",
        [state, send_id],
    )
    assert wake_unsent(shop.conn, NOW + 2 * MINUTE) == wakes
    assert count_waiting(shop.conn) == wakes
    last = get_thread(shop.conn, KIM, waiting.id).messages[-1]
    assert (last.delivery, last.delivery_reason) == (state, "bad_address")
    close_thread(shop.conn, KIM, waiting.id)
    assert wake_unsent(shop.conn, NOW + 3 * MINUTE) == 0


def _written(shop, send_id):
    reply = find_reply(shop.conn, send_id, KIM)
    return write_answer(read_brand(shop.conn), "kim@home.example", reply, NOW)


def test_hostile_ids_cannot_end_the_header(shop):
    waiting = _open(
        shop, message_id="<a@b>\r\n Bcc: x@y.example", references="<c@d>\r\n\t<e\u2028Bcc:x@f>"
    )
    send_id = answer(
        shop.conn, shop.keyring, (KIM, waiting.id), ".\n.dots\n" + "x" * 3000, uuid4(), NOW
    )
    raw = _written(shop, send_id)
    assert b"\nBcc" not in raw
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert read_mail(raw).text.strip().startswith(".\n.dots\nxxx")


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 50_001])
def test_empty_and_endless_answers_are_refused(shop, text):
    waiting = _open(shop)
    with pytest.raises(InputError):
        answer(shop.conn, shop.keyring, (KIM, waiting.id), text, uuid4(), NOW)


def test_closing_marking_and_assigning(shop):
    waiting = _open(shop)
    member = uuid4()
    mark_complaint(shop.conn, KIM, waiting.id)
    assign(shop.conn, KIM, waiting.id, member)
    close_thread(shop.conn, KIM, waiting.id)
    (thread,) = list_threads(shop.conn, KIM)
    assert (thread.state, thread.is_complaint, thread.assignee_id) == ("closed", True, member)
    assert thread.waiting_since is None
    shop.receive(
        mail("one more thing", message_id="<9@x>", in_reply_to="<1@home.example>"),
        [],
        at=NOW + MINUTE,
    )
    (thread,) = list_threads(shop.conn, KIM)
    assert (thread.state, thread.waiting_since) == ("open", NOW + MINUTE)
    for act in (close_thread, mark_complaint):
        with pytest.raises(NotFound):
            act(shop.conn, LEE, waiting.id)


def test_files_are_kept_for_download(shop):
    raw = (
        b"From: kim@home.example\r\nMessage-ID: <p@x>\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        b"--B\r\nContent-Type: text/plain\r\n\r\nbroken!\r\n--B\r\nContent-Type: image/png; name=a.png\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--B--\r\n"
    )
    shop.receive(raw, [shop.reply_to()])
    waiting = answers_waiting(shop.conn)[0]
    (message,) = get_thread(shop.conn, KIM, waiting.id).messages
    assert message.attachments == [{"name": "a.png", "type": "image/png", "size": 4, "position": 0}]
    assert get_attachment(shop.conn, KIM, message.id, 0) == ("a.png", "image/png", bytes(range(4)))


def test_everything_is_kept_in_the_customers_bucket(shop):
    _open(shop)
    for table in ("thread", "thread_message", "header_ref"):
        rows = shop.conn.execute(f"select distinct bucket, customer_id from {table}").fetchall()
        assert rows == [(bucket_of(KIM), KIM)]
