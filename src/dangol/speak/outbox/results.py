"""What became of handed messages, written in bulk."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg

from dangol.decide.campaign.sends import Send
from dangol.decide.guard.store import prefer_key_lookups
from dangol.know.attention.tariff import COST
from dangol.model.event import EventName
from dangol.model.message import MessageState
from dangol.model.reason import DeferReason, SilentReason
from dangol.speak.channel.email.mail import Outcome, OutcomeKind
from dangol.speak.outbox.events import MessageFact, insert_facts
from dangol.store.arrays import coded, ints, times
from dangol.store.sql import load_queries

_Q = load_queries(__package__)

_DELAYS = (1, 5, 15, 60, 180, 360, 720, 1440)
"""Minutes until the next attempt, by how many were made; 72 hours pass before the last."""
MAX_ATTEMPTS = 10
_RESPONSE_LIMIT = 300


class Result(NamedTuple):
    """The outcome of one attempt of one message."""

    send: Send
    bucket: int
    customer_id: int
    handed_at: datetime
    attempts: int
    """How many counted before this one."""
    outcome: Outcome


class _Change(NamedTuple):
    state: MessageState
    reason: str | None
    due_at: datetime | None
    counts: int


def record_results(
    conn: psycopg.Connection, dispatcher_id: str, results: Sequence[Result], now: datetime
) -> int:
    """Write the outcomes in a transaction of its own; returns how many rows took them.

    A row that meanwhile belongs to another attempt is left alone: its result is somebody else's.
    """
    if not results:
        return 0
    with conn.pipeline(), conn.transaction():
        prefer_key_lookups(conn)
        changes = [_change(result, now) for result in results]
        changes = _without_closed(conn, results, changes, now)
        written = _write(conn, dispatcher_id, results, changes, now)
        _uncount(conn, results, changes, written)
        _tell(conn, results, changes, written, now)
    return len(written)


def next_attempt(attempts: int, now: datetime) -> datetime:
    """When a message that was put off is tried again, after `attempts` counted ones."""
    return now + timedelta(minutes=_DELAYS[min(attempts, len(_DELAYS)) - 1] if attempts else 0.1)


def _change(result: Result, now: datetime) -> _Change:
    outcome = result.outcome
    counts = int(outcome.counts)
    if outcome.kind is OutcomeKind.ACCEPTED:
        return _Change(MessageState.ACCEPTED, None, None, counts)
    if outcome.kind is OutcomeKind.UNKNOWN:
        return _Change(MessageState.UNCERTAIN, "no_answer", None, counts)
    attempts = result.attempts + counts
    if outcome.kind is OutcomeKind.PERMANENT or attempts >= MAX_ATTEMPTS:
        return _Change(MessageState.FAILED, f"refused_{outcome.stage}", None, counts)
    due_at = next_attempt(attempts, now)
    return _Change(MessageState.DEFERRED, DeferReason.RETRY.value, due_at, counts)


def _without_closed(
    conn: psycopg.Connection, results: Sequence[Result], changes: list[_Change], now: datetime
) -> list[_Change]:
    """Nothing is put off for a send that was cancelled meanwhile: it stays silent.

    One that was done meanwhile goes on: its dispatcher was frozen, and nobody expected a result.
    """
    waiting = {
        result.send.id
        for result, change in zip(results, changes, strict=True)
        if change.state is MessageState.DEFERRED
    }
    if not waiting:
        return changes
    closed = {row[0] for row in conn.execute(_Q.hold_sends, {"ids": sorted(waiting)})}
    closed -= _reopen(conn, sorted(closed), now)
    return [
        _Change(MessageState.SILENT, SilentReason.CANCELLED.value, None, change.counts)
        if change.state is MessageState.DEFERRED and result.send.id in closed
        else change
        for result, change in zip(results, changes, strict=True)
    ]


def _reopen(conn: psycopg.Connection, closed: list[int], now: datetime) -> set[int]:
    """Let sends go on that were done too early; which of `closed` do."""
    if not closed:
        return set()
    reopened = {row[0] for row in conn.execute(_Q.reopen_sends, {"ids": closed})}
    conn.execute(_Q.reopen_campaigns, {"ids": sorted(reopened), "now": now})
    return reopened


def _write(
    conn: psycopg.Connection,
    dispatcher_id: str,
    results: Sequence[Result],
    changes: Sequence[_Change],
    now: datetime,
) -> set[tuple[int, int]]:
    """Returns (send, customer) of the rows that took their result."""
    state_of, states = coded([change.state.value for change in changes])
    reason_of, reasons = coded([change.reason for change in changes])
    response_of, responses = coded([_response(result.outcome) for result in results])
    args = {
        "buckets": ints([result.bucket for result in results]),
        "sends": ints([result.send.id for result in results]),
        "customers": ints([result.customer_id for result in results]),
        "handed_at": times([result.handed_at for result in results]),
        "states": states,
        "state_of": state_of,
        "reasons": reasons,
        "reason_of": reason_of,
        "responses": responses,
        "response_of": response_of,
        "counts": ints([change.counts for change in changes]),
        "due_at": times([change.due_at for change in changes]),
        "dispatcher": dispatcher_id,
        "now": now,
    }
    return set(conn.execute(_Q.write_results, args, binary=True).fetchall())


def _response(outcome: Outcome) -> str:
    words = f"{outcome.code} {outcome.text}" if outcome.code else outcome.text
    return words[:_RESPONSE_LIMIT].replace("\0", "")


def _uncount(
    conn: psycopg.Connection,
    results: Sequence[Result],
    changes: Sequence[_Change],
    written: set[tuple[int, int]],
) -> None:
    put_off = [
        result
        for result, change in zip(results, changes, strict=True)
        if change.state in (MessageState.DEFERRED, MessageState.SILENT)
        and (result.send.message_kind.is_marketing or result.send.kind == "personal")
        and (result.send.id, result.customer_id) in written
    ]
    if put_off:
        args = {
            "buckets": ints([result.bucket for result in put_off]),
            "customers": ints([result.customer_id for result in put_off]),
            "handed_at": times([result.handed_at for result in put_off]),
            "cost": COST["email"],
        }
        conn.execute(_Q.uncount_caps, args)


def _tell(
    conn: psycopg.Connection,
    results: Sequence[Result],
    changes: Sequence[_Change],
    written: set[tuple[int, int]],
    now: datetime,
) -> None:
    names = {
        MessageState.ACCEPTED: EventName.MESSAGE_SENT,
        MessageState.FAILED: EventName.MESSAGE_FAILED,
    }
    by_send: dict[int, tuple[Send, list[MessageFact]]] = {}
    for result, change in zip(results, changes, strict=True):
        name = names.get(change.state)
        if name is None or result.send.kind == "test":
            continue
        if (result.send.id, result.customer_id) in written:
            facts = by_send.setdefault(result.send.id, (result.send, []))[1]
            facts.append(MessageFact(result.bucket, result.customer_id, name, change.reason))
    for send, facts in by_send.values():
        insert_facts(conn, send, facts, now)
