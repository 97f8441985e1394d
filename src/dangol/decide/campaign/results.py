"""What became of a campaign: counts, the people behind each count, and why for each of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from dangol.decide.campaign.sends import get_send
from dangol.decide.campaign.store import SQL, find_campaign
from dangol.decide.guard.facts import Occasion, people_facts
from dangol.decide.guard.judge import explain_all
from dangol.decide.guard.rules import read_rules
from dangol.decide.guard.store import FACTS, load_people
from dangol.errors import NotFound
from dangol.model.customer import bucket_of
from dangol.model.message import MessageState
from dangol.model.verdict import Verdict


class Standing(msgspec.Struct, frozen=True):
    """How many messages are in one state for one reason; `list_messages` gives just these."""

    state: MessageState
    reason: str | None
    messages: int


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign's messages, each counted once."""

    people: int
    final: int
    """How many will not change any more by themselves."""
    standings: list[Standing]

    def count(self, *states: MessageState) -> int:
        """How many are in any of `states`."""
        return sum(one.messages for one in self.standings if one.state in states)


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message in a list."""

    bucket: int
    customer_id: int
    state: MessageState
    reason: str | None
    due_at: datetime
    handed_at: datetime | None
    finished_at: datetime | None
    address: str | None
    attempts: int
    response: str | None
    name: str | None
    current_address: str | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why this message went to this person, or did not."""

    state: MessageState
    reason: str | None
    seen: dict[str, Any] | None
    """The values behind the decision, as they were then."""
    planned_at: datetime
    due_at: datetime
    handed_at: datetime | None
    finished_at: datetime | None
    address: str | None
    response: str | None
    checks_now: list[tuple[str, Verdict]]
    """What every check would say at this moment."""


def results(conn: psycopg.Connection, campaign_id: UUID) -> Results:
    """Where the campaign's messages stand; empty before it is planned."""
    campaign = find_campaign(conn, campaign_id)
    rows = conn.execute(SQL.count_messages, {"send_id": campaign.send_id}).fetchall()
    standings = [Standing(MessageState(row[0]), row[1], row[2]) for row in rows]
    final = sum(one.messages for one in standings if one.state.is_final)
    people = sum(one.messages for one in standings)
    return Results(people=people, final=final, standings=standings)


def list_messages(
    conn: psycopg.Connection,
    campaign_id: UUID,
    *,
    state: MessageState | None = None,
    reason: str | None = None,
    after: tuple[int, int] = (-1, -1),
    limit: int = 100,
) -> list[MessageRow]:
    """One page of a campaign's messages; `after` is (bucket, customer_id) of the last one seen.

    `reason` "" means those without a reason, None all.
    """
    campaign = find_campaign(conn, campaign_id)
    args = {
        "send_id": campaign.send_id,
        "state": state.value if state else None,
        "reason": reason,
        "after_bucket": after[0],
        "after_customer": after[1],
        "limit": limit,
    }
    names = tuple(field.name for field in msgspec.structs.fields(MessageRow))
    rows = [dict(zip(names, row, strict=True)) for row in conn.execute(SQL.list_messages, args)]
    return [MessageRow(**row | {"state": MessageState(row["state"])}) for row in rows]


class Then(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one message; the lake keeps no address and no server's words."""

    state: MessageState
    reason: str | None
    seen: dict[str, Any] | None
    due_at: datetime
    planned_at: datetime
    handed_at: datetime | None
    finished_at: datetime | None
    address: str | None = None
    response: str | None = None


def find_then(conn: psycopg.Connection, send_id: int, customer_id: int) -> Then | None:
    """What the database remembers of one message; None when it is in the lake, or never was."""
    key = {"bucket": bucket_of(customer_id), "customer_id": customer_id, "send_id": send_id}
    row = conn.execute(SQL.find_message, key).fetchone()
    if row is None:
        return None
    return Then(
        state=MessageState(row[0]),
        reason=row[1],
        seen=row[2],
        due_at=row[3],
        planned_at=row[4],
        address=row[6],
        handed_at=row[7],
        finished_at=row[11],
        response=row[12],
    )


def why(
    conn: psycopg.Connection,
    send_id: int,
    customer_id: int,
    *,
    is_practice: bool,
    now: datetime,
    then: Then | None = None,
) -> Explanation:
    """The explanation of one message; `then` is what the lake remembers of it.

    Raises:
        NotFound: this person was not among those the send was planned for.
    """
    send = get_send(conn, send_id)
    then = find_then(conn, send_id, customer_id) or then
    if then is None:
        raise NotFound("This person was not in the audience when it was planned.")
    occasion = Occasion(
        send_id=send_id,
        kind=send.message_kind,
        topic=send.topic,
        is_practice=is_practice,
        holdout_share=send.holdout_share,
        expires_at=send.expires_at,
    )
    facts = load_people(conn, [bucket_of(customer_id)], [customer_id], topic=send.topic, now=now)
    person = people_facts([facts[0][:FACTS]]).person(0)
    checks = explain_all(person, occasion, read_rules(conn), now)
    said = {name: getattr(then, name) for name in Then.__struct_fields__}
    return Explanation(**said, checks_now=checks)


def resend_uncertain(conn: psycopg.Connection, campaign_id: UUID, *, now: datetime) -> int:
    """By the owner's word: queue again what may or may not have left. Some may get it twice.

    Returns how many. The campaign runs again until they are settled.
    """
    campaign = find_campaign(conn, campaign_id)
    args = {"send_id": campaign.send_id, "now": now}
    queued = conn.execute(SQL.requeue_uncertain, args).rowcount
    if queued:
        conn.execute(
            SQL.set_send_state, {"id": campaign.send_id, "state": "open", "from": ["closed"]}
        )
        again = {"id": campaign_id, "state": "running", "from": ["done"], "now": now}
        conn.execute(SQL.set_campaign_state, again | {"reason": None})
    return queued
