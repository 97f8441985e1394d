"""Conversations follow a merge."""

from dangol.converse.keeping import move_conversations
from dangol.converse.thread import count_waiting, get_thread, list_threads
from tests.integration.converse.conftest import KIM, LEE
from tests.unit.converse.mails import dsn, mail


def _fill(shop):
    shop.receive(mail("yes", message_id="<1@x>"), [shop.reply_to()])
    shop.receive(dsn(message_id=shop.message_id()), [], mail_from="")


def test_the_winner_takes_over_and_repeating_changes_nothing(shop):
    _fill(shop)
    assert move_conversations(shop.conn, KIM, LEE) == 4
    assert move_conversations(shop.conn, KIM, LEE) == 0
    assert list_threads(shop.conn, KIM) == []
    (thread,) = list_threads(shop.conn, LEE)
    assert len(get_thread(shop.conn, LEE, thread.id).messages) == 1
    shop.conn.execute("update customer set merged_into = %s where customer_id = %s", [LEE, KIM])
    shop.receive(mail("and more", message_id="<2@x>", in_reply_to="<1@x>"), [shop.reply_to()])
    assert len(list_threads(shop.conn, LEE)) == 1
    assert count_waiting(shop.conn) == 1
