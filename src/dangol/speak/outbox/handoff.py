"""The hand-off (one transaction): claim, lock, ask the guard once more, count, write `handed`.

Only after its commit may bytes leave. Whoever withdraws, pauses or suppresses locks the same
`contact_state` rows before acknowledging, so the acknowledgement and the hand-off of one person
have an order: what comes second sees the first.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import psycopg

from dangol.decide.campaign.addresses import take_addresses
from dangol.decide.campaign.sends import Send, send_of
from dangol.decide.guard.checks import Moment, may_leave_until
from dangol.decide.guard.facts import EPOCH, Occasion, PeopleFacts, people_facts
from dangol.decide.guard.judge import ALLOWED, DEFERRED, STATES, Verdicts, judge
from dangol.decide.guard.rules import Rules
from dangol.decide.guard.store import FACTS, Person, ask_people, prefer_key_lookups
from dangol.know.attention.tariff import COST
from dangol.model.event import EventName
from dangol.model.reason import SilentReason
from dangol.speak.outbox.claim import START, Claim, Cursor
from dangol.speak.outbox.events import MessageFact, insert_facts
from dangol.store.arrays import coded, ints, texts, times
from dangol.store.sql import load_queries

_Q = load_queries(__package__)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be handed over at once, and how long it may take to leave."""

    messages: int = 1000
    send_within: timedelta = timedelta(seconds=30)


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard must know of the way out."""

    has_sender: bool = True
    is_practice: bool = False


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed over: columns of equal length, one row per message."""

    send: Send
    handed_at: datetime
    send_by: datetime
    bucket: Sequence[int] = ()
    customer_id: Sequence[int] = ()
    address: Sequence[str] = ()
    attempts: Sequence[int] = ()
    traits: Sequence[str | None] = ()
    """JSON text each."""
    locale: Sequence[str | None] = ()
    country: Sequence[str | None] = ()
    stage: Sequence[str] = ()
    """Value of model.stage.Stage each."""
    claimed: int = 0
    """How many rows were looked at, whatever became of them."""

    def __len__(self) -> int:
        return len(self.customer_id)


def list_due_sends(conn: psycopg.Connection, now: datetime) -> list[tuple[int, str]]:
    """Number and kind of sends that have something due, answers and tests before campaigns."""
    return conn.execute(_Q.list_open_sends, {"now": now}).fetchall()


def release_batch(
    conn: psycopg.Connection, dispatcher_id: str, send_id: int, handed_at: datetime
) -> int:
    """Undo a hand-off whose commit the dispatcher never heard of, in a transaction of its own.

    Only that dispatcher may call it, since only it knows that nothing of the batch has left.
    """
    key = {"send_id": send_id, "dispatcher": dispatcher_id, "handed_at": handed_at}
    with conn.transaction():
        closed = conn.execute(_Q.hold_sends, {"ids": [send_id]}).fetchone()
        key["state"] = "silent" if closed else "queued"
        key["reason"] = SilentReason.CANCELLED.value if closed else None
        rows = conn.execute(_Q.release_batch, key).fetchall()
        args = {
            "buckets": ints([row[0] for row in rows]),
            "customers": ints([row[1] for row in rows]),
            "handed_at": times([handed_at] * len(rows)),
            "cost": COST["email"],
        }
        conn.execute(_Q.uncount_caps, args)
    return len(rows)


class HandOff:
    """One dispatcher's way of taking messages; keeps its cursor between calls."""

    def __init__(self, dispatcher_id: str) -> None:
        self.dispatcher_id = dispatcher_id
        self._cursor = Cursor()

    def take(
        self,
        conn: psycopg.Connection,
        send_id: int,
        channel: Channel,
        rules: Rules,
        limits: Limits,
        now: datetime,
    ) -> Handed | None:
        """Hand over the next messages of a send, in a transaction of its own; None when the send
        is not open. An empty batch with `claimed` 0 means that nothing free was due.

        What need not wait for an answer leaves with the statement before it: three ways to the
        server and back in the usual case. The last of them brings the commit's confirmation.
        """
        with conn.pipeline(), conn.transaction():
            prefer_key_lookups(conn)
            held = conn.execute(_Q.hold_send, {"send_id": send_id})
            claim = Claim(conn, send_id, limits.messages, now)
            after = self._cursor.after(send_id)
            first = claim.start(_Q.claim_due, after)
            row = held.fetchone()
            if row is None:
                return None
            send = send_of(row)
            batch = _Batch(conn, send, self.dispatcher_id, limits, now)
            if send.kind == "test":
                return batch.hand_tests(claim.start(_Q.claim_tests, START).fetchall())
            claimed = first.fetchall() or claim.again(after)
            last = claimed[-1] if len(claimed) >= limits.messages else None
            self._cursor.move(send_id, last and (last[0], last[1], last[2]))
            return batch.hand_over(claimed, channel, rules)


class _Batch:
    """The statements of one hand-off."""

    def __init__(
        self,
        conn: psycopg.Connection,
        send: Send,
        dispatcher_id: str,
        limits: Limits,
        now: datetime,
    ) -> None:
        self.conn = conn
        self.send = send
        self.dispatcher_id = dispatcher_id
        self.limits = limits
        self.now = now
        self.send_by = now + limits.send_within

    def hand_tests(self, claimed: list[tuple]) -> Handed:
        """Test letters go to a colleague; nobody is asked."""
        columns = _columns(claimed)
        addresses = columns["address"]
        size = len(claimed)
        rows = self._load(claimed).fetchall()
        if size:
            self._write(columns, ["handed"] * size, [None] * size, [None] * size, addresses, None)
        return self._handed(columns, addresses, rows, size)

    def hand_over(self, claimed: list[tuple], channel: Channel, rules: Rules) -> Handed:
        """Judge everyone, write the verdicts, and return those who are allowed."""
        looked_at = len(claimed)
        claimed, rows = self._not_reached(claimed)
        columns = _columns(claimed)
        if not claimed:
            return self._handed(columns, [], [], looked_at)
        people = people_facts([row[:FACTS] for row in rows])
        people.shares_address[self._second_at_address(columns, people, rows)] = True
        moment = Moment(self._occasion(channel), rules, self.now)
        verdicts = judge(people, moment.occasion, rules, self.now)
        allowed = np.flatnonzero(verdicts.outcome == ALLOWED).tolist()
        zones = {people.zone[i] for i in allowed}
        self.send_by = may_leave_until(zones, moment, self.send_by)
        self._keep(columns, people, verdicts, moment, rows)
        kept = {name: [column[i] for i in allowed] for name, column in columns.items()}
        addresses = [people.address[i] or "" for i in allowed]
        if moment.occasion.needs_leave and allowed:
            self._count(kept)
        return self._handed(kept, addresses, [rows[i] for i in allowed], looked_at)

    def _not_reached(self, claimed: list[tuple]) -> tuple[list[tuple], list[Person]]:
        """Those of `claimed` whom this send has not reached under another name, and their facts."""
        if not claimed:
            return [], []
        args = {"send_id": self.send.id, "customers": ints([row[2] for row in claimed])}
        asked = self.conn.execute(_Q.find_reached, args)
        loaded = self._load(claimed)
        reached = {row[0] for row in asked.fetchall()}
        rows = loaded.fetchall()
        if not reached:
            return claimed, rows
        self._silence([row for row in claimed if row[2] in reached])
        kept = [row for row in claimed if row[2] not in reached]
        return kept, [row for row in rows if row[0] not in reached]

    def _silence(self, again: list[tuple]) -> None:
        """They turned out to be somebody that this send has reached already."""
        reason = SilentReason.ALREADY_SENT
        silence = {"rows": texts([row[6] for row in again]), "reason": reason, "now": self.now}
        self.conn.execute(_Q.silence_reached, silence)
        name = EventName.MESSAGE_SUPPRESSED
        facts = [MessageFact(row[1], row[2], name, reason) for row in again]
        insert_facts(self.conn, self.send, facts, self.now)

    def _second_at_address(
        self, columns: dict[str, Any], people: PeopleFacts, rows: list[Person]
    ) -> list[int]:
        """Rows of people with another address than when they were planned, which this campaign has
        written to already, or will."""
        planned = columns["address"] if self.send.kind == "campaign" else people.address
        moved = [i for i, now in enumerate(people.address) if now and now != planned[i]]
        claims = [(rows[i][19], columns["bucket"][i], columns["customer_id"][i]) for i in moved]
        first = take_addresses(self.conn, self.send.id, claims)
        return [i for i in moved if columns["customer_id"][i] not in first]

    def _occasion(self, channel: Channel) -> Occasion:
        return Occasion(
            send_id=self.send.id,
            kind=self.send.message_kind,
            topic=self.send.topic,
            has_sender=channel.has_sender,
            is_practice=channel.is_practice,
            holdout_share=self.send.holdout_share,
            expires_at=self.send.expires_at,
            is_begun=self.send.kind == "personal",
        )

    def _load(self, claimed: list[tuple]) -> psycopg.Cursor[Person]:
        keys = ([row[1] for row in claimed], [row[2] for row in claimed])
        return ask_people(self.conn, *keys, topic=self.send.topic, now=self.now)

    def _keep(
        self,
        columns: dict[str, Any],
        people: PeopleFacts,
        verdicts: Verdicts,
        moment: Moment,
        rows: list[Person],
    ) -> None:
        outcomes = verdicts.outcome.tolist()
        states = [STATES[outcome].value for outcome in outcomes]
        seen = [
            _seen_text(rows[i], moment.rules.version)
            if outcome == ALLOWED
            else _refused_text(verdicts, i, people, moment)
            for i, outcome in enumerate(outcomes)
        ]
        addresses = [
            address if outcome == ALLOWED else None
            for address, outcome in zip(people.address, outcomes, strict=True)
        ]
        waits = bool((verdicts.outcome == DEFERRED).any())
        due = _instants(verdicts.until.tolist()) if waits else None
        self._write(columns, states, verdicts.code.tolist(), seen, addresses, due)
        self._tell(columns, states, verdicts)

    def _write(
        self,
        columns: dict[str, Any],
        states: list[str],
        reasons: list[str | None],
        seen: list[str | None],
        addresses: Sequence[str | None],
        due: list[datetime | None] | None,
    ) -> None:
        state_of, different_states = coded(states)
        reason_of, different_reasons = coded(reasons)
        seen_of, different_seen = coded(seen)
        args = {
            "rows": texts(columns["row"]),
            "states": different_states,
            "state_of": state_of,
            "reasons": different_reasons,
            "reason_of": reason_of,
            "seen": different_seen,
            "seen_of": seen_of,
            "addresses": texts(addresses),
            "due_at": times(due or [None] * len(states)),
            "now": self.now,
            "send_by": self.send_by,
            "dispatcher": self.dispatcher_id,
        }
        self.conn.execute(_Q.write_verdicts, args)

    def _tell(self, columns: dict[str, Any], states: list[str], verdicts: Verdicts) -> None:
        names = {
            "silent": EventName.MESSAGE_SUPPRESSED,
            "held_out": EventName.MESSAGE_HELD_OUT,
        }
        facts = [
            MessageFact(
                columns["bucket"][i], columns["customer_id"][i], names[state], verdicts.code[i]
            )
            for i, state in enumerate(states)
            if state in names
        ]
        insert_facts(self.conn, self.send, facts, self.now)

    def _count(self, kept: dict[str, Any]) -> None:
        args = {
            "rows": texts(kept["contact_row"]),
            "now": self.now,
            "month_ago": self.now - timedelta(days=31),
            "cost": COST["email"],
        }
        self.conn.execute(_Q.count_caps, args)

    def _handed(
        self, columns: dict[str, Any], addresses: list[str], rows: list[Person], claimed: int
    ) -> Handed:
        return Handed(
            send=self.send,
            handed_at=self.now,
            send_by=self.send_by,
            bucket=columns["bucket"],
            customer_id=columns["customer_id"],
            attempts=columns["attempts"],
            address=addresses,
            traits=[row[16] for row in rows],
            locale=[wanted or row[17] for wanted, row in zip(columns["locale"], rows, strict=True)],
            country=[row[18] for row in rows],
            stage=[row[8] for row in rows],
            claimed=claimed,
        )


def _columns(claimed: list[tuple]) -> dict[str, Any]:
    names = ("bucket", "customer_id", "attempts", "locale", "address", "row", "contact_row")
    return {name: [row[place] for row in claimed] for place, name in enumerate(names, 1)}


def _seen_text(row: Person, rules: str) -> str:
    return _allowed_text(row[15], row[10], row[11], row[8], round(row[14], 1), row[20], rules)


@lru_cache(maxsize=8192)
def _allowed_text(
    consent_version: int | None,
    day: int,
    week: int,
    stage: str,
    attention: float,
    *versions: object,
) -> str:
    """The values behind an allowance, and the versions of model and rules; few different ones, so
    the text is made once each."""
    seen = {"consent_version": consent_version, "day": day, "week": week, "stage": stage}
    model, rules = versions
    more = {"attention": attention, "model": model, "rules": rules}
    return msgspec.json.encode(seen | more).decode()


def _refused_text(verdicts: Verdicts, row: int, people: PeopleFacts, moment: Moment) -> str | None:
    reason = verdicts.reason(row, people, moment)
    if reason is None:
        return None
    return msgspec.json.encode(reason.seen | {"rules": moment.rules.version}).decode()


def _instants(microseconds: list[int]) -> list[datetime | None]:
    return [EPOCH + timedelta(microseconds=us) if us else None for us in microseconds]
