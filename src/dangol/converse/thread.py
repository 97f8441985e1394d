"""Threads as the team sees them: who waits, what was said, and the answer that goes out."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.converse.finding import key_of
from dangol.decide.campaign.sends import NewSend, create_send, queue_message
from dangol.errors import InputError, NotFound
from dangol.listen.intake import append_intake
from dangol.model.event import EventName
from dangol.model.message import MessageKind
from dangol.store.brand import Brand, read_brand
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries
from dangol.store.token import seal

_SQL = load_queries(__package__)

LONGEST_ANSWER = 50_000
_MOST_REFERENCES = 10
_UNSENT_WINDOW = timedelta(days=3)


class ThreadSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One thread in a list."""

    bucket: int
    customer_id: int
    id: UUID
    subject: str
    state: str
    """`open` or `closed`."""
    is_complaint: bool
    origin_send_id: int | None
    assignee_id: UUID | None
    opened_at: datetime
    waiting_since: datetime | None
    """None when the team has the last word."""
    last_at: datetime
    customer_name: str
    last_text: str
    """The customer's latest answer."""
    from_address: str
    is_other_sender: bool
    is_guess: bool


class ThreadMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a thread."""

    id: UUID
    direction: str
    """`in` or `out`."""
    kind: str
    """`message`, `auto` (a machine's), `stop` (asked to be left alone), `returned` (ours bounced)."""
    header_id: str | None
    in_reply_to: str | None
    reference_ids: list[str]
    from_address: str
    is_other_sender: bool
    is_guess: bool
    subject: str
    body_text: str
    body_full: str
    attachments: list[dict[str, Any]]
    send_id: int | None
    author: str
    at: datetime
    delivery: str | None
    """Of ours: the `MessageState`, such as `queued` or `accepted`."""
    delivery_reason: str | None
    """Why it waits, failed or stayed silent."""


class Thread(msgspec.Struct, frozen=True):
    """A thread with everything in it, oldest first."""

    summary: ThreadSummary
    messages: list[ThreadMessage]

    @property
    def is_answered(self) -> bool:
        """Whether the customer has said anything in it."""
        return any(one.direction == "in" for one in self.messages)


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """A mail of ours that stands in a thread."""

    thread_id: UUID
    send_id: int
    header_id: str
    in_reply_to: str | None = None
    references: list[str] = []
    from_address: str
    subject: str
    text: str
    closing: str = ""
    """What the program adds below the words of the member."""
    author: str


def answers_waiting(conn: psycopg.Connection, limit: int = 200) -> list[ThreadSummary]:
    """Threads in which the customer has the last word, longest waiting first."""
    return _summaries(conn.execute(f"{_SQL.threads} {_SQL.that_wait}", {"limit": limit}))


def count_waiting(conn: psycopg.Connection) -> int:
    """How many wait; the length of that list without a limit."""
    return conn.execute(_SQL.count_waiting).fetchone()[0]


def list_threads(conn: psycopg.Connection, customer_id: int) -> list[ThreadSummary]:
    """One customer's threads, latest first."""
    return _summaries(
        conn.execute(f"{_SQL.threads} {_SQL.of_customer}", key_of(customer_id) | {"id": None})
    )


def list_recent(conn: psycopg.Connection, limit: int = 200) -> list[ThreadSummary]:
    """All threads, latest first."""
    return _summaries(conn.execute(f"{_SQL.threads} {_SQL.latest}", {"limit": limit}))


def get_thread(conn: psycopg.Connection, customer_id: int, thread_id: UUID) -> Thread:
    """One thread with its messages.

    Raises:
        NotFound: the customer has no such thread.
    """
    key = key_of(customer_id) | {"id": thread_id}
    found = _summaries(conn.execute(f"{_SQL.threads} {_SQL.of_customer}", key))
    if not found:
        raise NotFound("There is no such conversation; it may belong to a merged customer.")
    rows = conn.execute(_SQL.list_messages, key).fetchall()
    names = ThreadMessage.__struct_fields__
    return Thread(found[0], [ThreadMessage(**dict(zip(names, row, strict=True))) for row in rows])


def get_attachment(
    conn: psycopg.Connection, customer_id: int, message_id: UUID, position: int
) -> tuple[str, str, bytes]:
    """Name, content type and bytes of one file; to be served as a download only.

    Raises:
        NotFound: there is none.
    """
    key = key_of(customer_id) | {"message_id": message_id, "position": position}
    row = conn.execute(_SQL.find_attachment, key).fetchone()
    if row is None:
        raise NotFound("There is no such file.")
    return row[0], row[1], bytes(row[2])


def answer(
    conn: psycopg.Connection,
    keyring: Keyring,
    thread: tuple[int, UUID],
    text: str,
    member: UUID,
    now: datetime,
) -> int:
    """Queue `text` as the team's answer in `thread` (customer and thread id); the send's number.

    It threads in the customer's mail program: In-Reply-To names their latest message. In the
    caller's transaction; what waits is over when it commits.

    Raises:
        InputError: the text is empty or longer than 50,000 characters, no sender is set, or there
            is nothing to answer: then it would be another mail that nobody asked for.
        NotFound: there is no such thread.
    """
    text = check_text(text)
    brand = read_brand(conn)
    if not brand.sender_email:
        raise InputError("Set the sender address under Settings before answering.")
    customer_id, thread_id = thread
    if conn.execute(_SQL.lock_thread, key_of(customer_id) | {"id": thread_id}).fetchone() is None:
        raise NotFound("There is no such conversation; it may belong to a merged customer.")
    found = get_thread(conn, customer_id, thread_id)
    if not found.is_answered:
        raise InputError("They have not written back yet. To say something else, write a new mail.")
    by = f"member:{member}"
    new = NewSend(kind="answer", message_kind=MessageKind.CONVERSATION)
    send_id = create_send(conn, new, by=by, now=now)
    parent = next((one for one in reversed(found.messages) if one.header_id), None)
    out = Out(
        thread_id=thread_id,
        send_id=send_id,
        header_id=message_id_of(keyring, brand, send_id, customer_id),
        in_reply_to=parent.header_id if parent else None,
        references=reference_chain(parent) if parent else [],
        from_address=brand.sender_email,
        subject=reply_subject(found.summary.subject),
        text=text,
        author=by,
    )
    add_out(conn, customer_id, out, now)
    queue_message(conn, send_id, customer_id, now=now)
    return send_id


def check_text(text: str) -> str:
    """The words of a mail as they are kept.

    Raises:
        InputError: there are none, or more than 50,000 characters.
    """
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    if not text or len(text) > LONGEST_ANSWER:
        raise InputError("An answer has between 1 and 50,000 characters.")
    return text


def message_id_of(keyring: Keyring, brand: Brand, send_id: int, customer_id: int) -> str:
    """The Message-ID of one of our mails; its token tells whose it is when it is named."""
    return f"<{seal(keyring, 'r', send_id, customer_id)}@{mail_domain(brand)}>"


def mail_domain(brand: Brand) -> str:
    """The domain of our Message-IDs and reply addresses."""
    return brand.reply_domain or brand.sender_email.rpartition("@")[2] or "localhost"


def wake_unsent(conn: psycopg.Connection, now: datetime) -> int:
    """Let threads wait again whose answer of the last three days could not be sent; how many."""
    values = {"now": now, "since": now - _UNSENT_WINDOW}
    return conn.execute(_SQL.wake_unsent, values).rowcount


def close_thread(conn: psycopg.Connection, customer_id: int, thread_id: UUID) -> None:
    """Nothing more to say; an answer opens it again.

    Raises:
        NotFound: there is no such thread.
    """
    _change(conn, _SQL.close_thread, customer_id, thread_id)


def mark_complaint(
    conn: psycopg.Connection, customer_id: int, thread_id: UUID, is_complaint: bool = True
) -> None:
    """Whether it is a complaint: while one is open, no marketing goes to this person.

    Raises:
        NotFound: there is no such thread.
    """
    _change(conn, _SQL.mark_complaint, customer_id, thread_id, is_complaint=is_complaint)


def mark_helpful(
    conn: psycopg.Connection, customer_id: int, thread_id: UUID, now: datetime
) -> None:
    """What the customer wrote helped us: a fact about them, told once for each conversation.

    Raises:
        NotFound: there is no such thread.
    """
    get_thread(conn, customer_id, thread_id)
    fact = {
        "message_id": f"answer helped {thread_id}",
        "name": EventName.ANSWER_HELPED,
        "time": now.isoformat(),
        "customer_id": customer_id,
        "props": {"thread_id": str(thread_id)},
    }
    body = msgspec.json.encode([fact])
    append_intake(conn, kind="system", source="desk", body=body, at=now)


def assign(
    conn: psycopg.Connection, customer_id: int, thread_id: UUID, member_id: UUID | None
) -> None:
    """Who of the team takes care; None for nobody in particular.

    Raises:
        NotFound: there is no such thread.
    """
    _change(conn, _SQL.assign, customer_id, thread_id, member_id=member_id)


class Stray(msgspec.Struct, frozen=True):
    """Mail that belongs to nobody we know."""

    id: UUID
    at: datetime
    from_address: str
    subject: str
    reason: str


def list_strays(conn: psycopg.Connection, limit: int = 200) -> list[Stray]:
    """Strays, latest first."""
    return [Stray(*row) for row in conn.execute(_SQL.list_strays, {"limit": limit})]


def add_out(conn: psycopg.Connection, customer_id: int, out: Out, now: datetime) -> None:
    """Keep a mail of ours as the last word of its thread, with the ids that thread it."""
    key = key_of(customer_id)
    row = key | {
        "thread_id": out.thread_id,
        "id": uuid4(),
        "direction": "out",
        "kind": "message",
        "header_id": out.header_id,
        "in_reply_to": out.in_reply_to,
        "reference_ids": out.references,
        "from_address": out.from_address,
        "is_other_sender": False,
        "is_guess": False,
        "subject": out.subject,
        "body_text": out.text,
        "body_full": out.text + out.closing,
        "attachments": Jsonb([]),
        "send_id": out.send_id,
        "author": out.author,
        "at": now,
    }
    conn.execute(_SQL.add_message, row)
    named = {"header_id": out.header_id, "thread_id": out.thread_id, "send_id": out.send_id}
    conn.execute(_SQL.add_header, key | named | {"at": now})
    conn.execute(_SQL.end_waiting, key | {"id": out.thread_id, "at": now})


def reference_chain(parent: ThreadMessage) -> list[str]:
    """The References of an answer to `parent`: its own and its id; the first and the last nine."""
    chain = list(dict.fromkeys([*parent.reference_ids, parent.header_id or ""]))
    chain = [one for one in chain if one]
    if len(chain) <= _MOST_REFERENCES:
        return chain
    return [chain[0], *chain[-(_MOST_REFERENCES - 1) :]]


def reply_subject(subject: str) -> str:
    """`subject` with one "Re: ", as mail programs expect it in every language."""
    return subject if subject[:3].lower() == "re:" else f"Re: {subject}".strip()


def _summaries(cursor: psycopg.Cursor) -> list[ThreadSummary]:
    names = ThreadSummary.__struct_fields__
    return [ThreadSummary(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _change(
    conn: psycopg.Connection, statement: str, customer_id: int, thread_id: UUID, **values: object
) -> None:
    changed = conn.execute(statement, key_of(customer_id) | {"id": thread_id} | values)
    if changed.rowcount == 0:
        raise NotFound("There is no such conversation; it may belong to a merged customer.")
