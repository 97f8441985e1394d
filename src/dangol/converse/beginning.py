"""A conversation that the team begins: one short mail to one customer, who can simply answer.

Nobody has asked for it, so the guard asks what it asks before a letter: consent, objection, pause,
an open complaint, caps and quiet hours; here, to say it at once, and again at the hand-off.
"""

from datetime import datetime
from uuid import UUID

import msgspec
import psycopg

from dangol.converse.finding import key_of
from dangol.converse.thread import Out, add_out, check_text, message_id_of
from dangol.decide.campaign.sends import NewSend, create_send, queue_message
from dangol.decide.guard import Occasion, check_one
from dangol.decide.guard.facts import people_facts
from dangol.decide.guard.rules import read_rules
from dangol.decide.guard.store import FACTS, load_people
from dangol.errors import InputError
from dangol.model.consent import ALL_TOPICS
from dangol.model.customer import bucket_of
from dangol.model.event import event_key
from dangol.model.message import MessageKind
from dangol.model.verdict import Verdict
from dangol.speak.letter.phrases import phrase
from dangol.store.brand import Brand, read_brand
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries
from dangol.store.token import seal

_SQL = load_queries(__package__)

KIND = "personal"
"""The kind of its send."""
LONGEST_SUBJECT = 200


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """What a member wrote, and when in the history of this customer."""

    customer_id: int
    nth: int
    """How many conversations we had begun with this customer when the member began to write: the
    same number twice is the same mail, whoever sends it."""
    subject: str
    text: str
    locale: str
    """The customer's, for what the program adds."""
    base_url: str
    """Where the way out leads."""


class Begun(msgspec.Struct, frozen=True):
    """The conversation, and whether it was this call that began it."""

    thread_id: UUID
    is_new: bool


def count_begun(conn: psycopg.Connection, customer_id: int) -> int:
    """How many conversations we have begun with a customer."""
    return conn.execute(_SQL.count_begun, key_of(customer_id)).fetchone()[0]


def may_begin(
    conn: psycopg.Connection, customer_id: int, *, is_practice: bool, now: datetime
) -> Verdict:
    """What the guard would say if the mail were handed over now."""
    key = [bucket_of(customer_id)], [customer_id]
    rows = load_people(conn, *key, topic=ALL_TOPICS, now=now)
    person = people_facts([rows[0][:FACTS]]).person(0)
    occasion = Occasion(
        send_id=0,
        kind=MessageKind.CONVERSATION,
        has_sender=bool(read_brand(conn).sender_email),
        is_practice=is_practice,
        is_begun=True,
    )
    return check_one(person, occasion, read_rules(conn), now)


def begin(
    conn: psycopg.Connection, keyring: Keyring, said: Beginning, member: UUID, now: datetime
) -> Begun:
    """Open a thread with a first mail of ours and queue it, in the caller's transaction.

    At most once for each `nth`: a second click, another tab or a try after a crash find the thread.

    Raises:
        InputError: subject or text are empty or too long, or no sender is set.
    """
    text, subject = check_text(said.text), " ".join(said.subject.split())
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise InputError("A subject has between 1 and {most} characters.", most=LONGEST_SUBJECT)
    brand = read_brand(conn)
    if not brand.sender_email:
        raise InputError("Set the sender address under Settings before writing.")
    thread_id = event_key("begun", f"{said.customer_id}:{said.nth}")
    new = {"id": thread_id, "subject": subject, "at": now}
    if conn.execute(_SQL.begin_thread, key_of(said.customer_id) | new).fetchone() is None:
        return Begun(thread_id, is_new=False)
    by = f"member:{member}"
    send = NewSend(kind=KIND, message_kind=MessageKind.CONVERSATION)
    send_id = create_send(conn, send, by=by, now=now)
    out = Out(
        thread_id=thread_id,
        send_id=send_id,
        header_id=message_id_of(keyring, brand, send_id, said.customer_id),
        from_address=brand.sender_email,
        subject=subject,
        text=text,
        closing=_closing(brand, said, seal(keyring, "u", send_id, said.customer_id)),
        author=by,
    )
    add_out(conn, said.customer_id, out, now)
    queue_message(conn, send_id, said.customer_id, now=now)
    return Begun(thread_id, is_new=True)


def _closing(brand: Brand, said: Beginning, token: str) -> str:
    """Who wrote, and the way out."""
    name = brand.legal_name or brand.name
    way_out = f"{phrase(said.locale, 'unsubscribe')}: {said.base_url.rstrip('/')}/u/{token}"
    return "\n\n-- \n" + "\n".join(one for one in (name, brand.postal_address, way_out) if one)
