"""What a person says about being written to, acknowledged only once it holds everywhere.

Each of `withdraw`, `object_to_marketing`, `pause`, `resume`, `grant`, `lift_objection` is one
whole piece of work with transactions of its own: when it returns, nothing that contradicts it
can be handed over any more. They lock the rows that the hand-off locks.
"""

from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.errors import InputError, Refused
from dangol.know.consent.store import apply_staged, keep_opt_outs, lift_opt_outs, stage
from dangol.know.consent.topic import OBJECTION, PAUSE
from dangol.model.consent import ALL_TOPICS, ConsentChange, ConsentState
from dangol.model.customer import CustomerId, bucket_of
from dangol.model.event import event_key
from dangol.model.message import Channel
from dangol.store.journal import Journal
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of one customer, and how we know of it."""

    customer_id: CustomerId
    channel: Channel = Channel.EMAIL
    topic: str = ALL_TOPICS
    actor: str
    """`customer`, `member:<id>` or `system`."""
    source: str
    """`form`, `one_click`, `reply`, `desk`, `api`."""
    evidence: dict[str, Any] = {}
    address_hash: bytes | None = None
    """The address the answer came from, where it may be another than the present one."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one customer on one channel."""

    channel: Channel
    consent: ConsentState
    consent_time: datetime | None
    topics: dict[str, dict[str, str]]
    objected_at: datetime | None
    paused_until: datetime | None
    suppressions: list[str]
    """`reason:covers` of each block on the present address."""


def withdraw(conn: psycopg.Connection, journal: Journal, answer: Answer, now: datetime) -> None:
    """The customer takes back consent for `answer.topic`; opens its own transactions.

    For the whole channel the address is suppressed as well, for everyone who shares it and for
    whoever will. Journaled before it is committed, committed before this returns, and every
    hand-off that had begun earlier has ended by then.
    """
    _say(conn, journal, answer, ConsentState.WITHDRAWN, now)


def object_to_marketing(
    conn: psycopg.Connection, journal: Journal, answer: Answer, now: datetime
) -> None:
    """The customer objects to all marketing; like `withdraw`, and it outlives a new consent."""
    _say(conn, journal, _about(answer, OBJECTION), ConsentState.WITHDRAWN, now)


def pause(
    conn: psycopg.Connection,
    journal: Journal,
    answer: Answer,
    until: datetime,
    now: datetime,
) -> None:
    """The customer wants no marketing until `until`; opens its own transactions.

    Raises:
        InputError: `until` is not in the future.
    """
    if until <= now:
        raise InputError("A pause needs an end that lies in the future.")
    evidence = {"until": until.isoformat(), "until_s": int(until.timestamp())}
    answer = _about(answer, PAUSE)
    answer = msgspec.structs.replace(answer, evidence=answer.evidence | evidence)
    _say(conn, journal, answer, ConsentState.WITHDRAWN, now)


def resume(conn: psycopg.Connection, journal: Journal, answer: Answer, now: datetime) -> None:
    """A pause ends early; opens its own transactions."""
    _say(conn, journal, _about(answer, PAUSE), ConsentState.GRANTED, now)


def grant(conn: psycopg.Connection, journal: Journal, answer: Answer, now: datetime) -> None:
    """The customer agrees, also after an opt-out; opens its own transactions.

    A yes for the whole channel lifts the opt-out of the present address.

    Raises:
        InputError: there is no evidence of who said yes, how and when.
    """
    if not answer.evidence:
        raise InputError("Consent needs evidence: where, how and by whom it was given.")
    _say(conn, journal, answer, ConsentState.GRANTED, now)


def lift_objection(
    conn: psycopg.Connection, journal: Journal, answer: Answer, now: datetime
) -> None:
    """The customer takes an objection back, with evidence; opens its own transactions.

    Raises:
        InputError: there is no evidence.
    """
    grant(conn, journal, _about(answer, OBJECTION), now)


def suppress(
    conn: psycopg.Connection,
    address_hash: bytes,
    reason: str,
    covers: str,
    now: datetime,
    detail: str = "",
) -> None:
    """Block an e-mail address (`bounce`, `complaint`, `manual`, `erased`) in the caller's
    transaction; `covers` is `marketing` or `everything`."""
    args = {"address_hash": address_hash, "channel": Channel.EMAIL, "reason": reason}
    conn.execute(SQL.suppress_one, args | {"covers": covers, "at": now, "detail": detail[:500]})


def lift_suppression(
    conn: psycopg.Connection, address_hash: bytes, reason: str, by: str, now: datetime
) -> bool:
    """A member corrects a block of kind `bounce` or `manual`; whether there was one to lift.

    In the caller's transaction. Opt-outs and complaints are lifted by the person's own yes only.
    """
    args = {"address_hash": address_hash, "channel": Channel.EMAIL, "reason": reason}
    args |= {"at": now, "detail": f"lifted by {by}"}
    return conn.execute(SQL.lift_suppression, args).rowcount > 0


def get_standing(conn: psycopg.Connection, customer_id: int) -> list[Standing]:
    """What holds for this customer now, per channel; empty when nothing was ever said."""
    rows = conn.execute(SQL.find_standing, _who(customer_id)).fetchall()
    return [
        Standing(
            channel=Channel(row[0]),
            consent=ConsentState(row[1]),
            consent_time=row[2],
            topics=row[3],
            objected_at=row[4],
            paused_until=row[5],
            suppressions=row[6],
        )
        for row in rows
    ]


def list_ledger(conn: psycopg.Connection, customer_id: int) -> list[ConsentChange]:
    """Everything this customer ever answered, latest first, with evidence."""
    rows = conn.execute(SQL.list_ledger, _who(customer_id)).fetchall()
    return [
        ConsentChange(
            customer_id=row[0],
            channel=Channel(row[1]),
            topic=row[2],
            state=ConsentState(row[3]),
            time=row[4],
            recorded_at=row[5],
            actor=row[6],
            source=row[7],
            evidence=row[8],
        )
        for row in rows
    ]


def _say(
    conn: psycopg.Connection,
    journal: Journal,
    answer: Answer,
    state: ConsentState,
    now: datetime,
) -> None:
    """Two transactions: the first makes it true, the second waits out earlier hand-offs.

    A customer who took over the address a moment ago is not yet visible to the first. The hand-off
    of such a customer either reads the suppression, or holds a lock that the second waits for.
    """
    if conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        raise Refused("A person's answer is a transaction of its own; finish the present one.")
    with conn.transaction():
        answer = _of_winner(conn, answer)
        sharers = _find_sharers(conn, answer)
        conn.execute(SQL.open_sharers, sharers)
        conn.execute(SQL.lock_sharers, sharers)
        _write(conn, journal, answer, state, now)
        if state is ConsentState.WITHDRAWN and answer.address_hash:
            _suppress_origin(conn, journal, answer, now)
    with conn.transaction():
        conn.execute(SQL.lock_sharers, sharers)


def _of_winner(conn: psycopg.Connection, answer: Answer) -> Answer:
    """The same answer as that of the customer whom this one was merged into since the letter."""
    while True:
        row = conn.execute(SQL.hold_customer, _who(answer.customer_id)).fetchone()
        if row is None or row[0] is None:
            return answer
        answer = msgspec.structs.replace(answer, customer_id=CustomerId(row[0]))


def _write(
    conn: psycopg.Connection,
    journal: Journal,
    answer: Answer,
    state: ConsentState,
    now: datetime,
) -> None:
    said = f"consent:{answer.customer_id}:{answer.channel}:{answer.topic}:{state}:{now.isoformat()}"
    row = _who(answer.customer_id) | {
        "id": event_key("dangol", said),
        "channel": answer.channel,
        "topic": answer.topic,
        "state": state,
        "time": now,
        "recorded_at": now,
        "actor": answer.actor,
        "source": answer.source,
        "evidence": Jsonb(answer.evidence),
    }
    stage(conn, [row])
    apply_staged(conn, journal)
    if state is ConsentState.GRANTED and answer.topic == ALL_TOPICS:
        lift_opt_outs(conn, journal, is_own_word=True)
    told = ("channel", "topic", "state", "actor", "source")
    props = {name: row[name] for name in told} | {"evidence": answer.evidence}
    conn.execute(SQL.tell_event, row | {"props": Jsonb(props)})
    conn.execute("select pg_notify('inbox', '')")


def _suppress_origin(
    conn: psycopg.Connection, journal: Journal, answer: Answer, now: datetime
) -> None:
    """The address that the letter had gone to refuses too, whoever has it by now."""
    if answer.topic not in (ALL_TOPICS, OBJECTION):
        return
    suppress(conn, answer.address_hash, "opt_out", "marketing", now, answer.source)
    keep_opt_outs(journal, [(answer.channel, answer.address_hash, now)])


def _find_sharers(conn: psycopg.Connection, answer: Answer) -> dict[str, Any]:
    args = _who(answer.customer_id) | {"channel": answer.channel}
    found = conn.execute(SQL.find_address_hash, args).fetchone()
    hashes = {digest for digest in (found and found[0], answer.address_hash) if digest}
    return args | {"hashes": sorted(hashes)}


def _about(answer: Answer, topic: str) -> Answer:
    return msgspec.structs.replace(answer, topic=topic)


def _who(customer_id: int) -> dict[str, Any]:
    return {"bucket": bucket_of(customer_id), "customer_id": customer_id}
