"""Everyone of an audience gets a row: queued, or silent with the reason.

Planning works through chunks of whole buckets, each in one transaction that also notes the buckets as
planned; whoever is killed repeats nothing and forgets nobody.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dangol.decide.campaign.addresses import take_addresses
from dangol.decide.campaign.model import Campaign
from dangol.decide.campaign.sends import Send, wake_dispatchers
from dangol.decide.campaign.store import SQL
from dangol.decide.campaign.timing import Chooser
from dangol.decide.guard.checks import Moment
from dangol.decide.guard.facts import Occasion, people_facts
from dangol.decide.guard.judge import ALLOWED, judge
from dangol.decide.guard.rules import Rules
from dangol.decide.guard.store import (
    FACTS,
    Person,
    load_people,
    prefer_key_lookups,
)
from dangol.model.reason import DeferReason, Reason, SilentReason
from dangol.store.arrays import ints
from dangol.store.bulk import copy_arrow

_CHUNK = 5000
"""People in one transaction, more or less: buckets are not split."""


class Members(NamedTuple):
    """A part of an audience: columns sorted by bucket and customer."""

    bucket: NDArray[np.int32]
    customer_id: NDArray[np.int64]


def members_of(audience: pa.Table) -> Members:
    """An audience (columns `bucket`, `customer_id`, each person once) in the order of planning."""
    buckets = audience.column("bucket").to_numpy().astype(np.int32)
    customers = audience.column("customer_id").to_numpy().astype(np.int64)
    order = np.lexsort((customers, buckets))
    return Members(buckets[order], customers[order])


def chunks_of(members: Members, size: int = _CHUNK) -> Iterator[Members]:
    """Parts of about `size` people that hold whole buckets."""
    borders = np.flatnonzero(np.diff(members.bucket)) + 1
    starts = [0]
    for border in [*borders.tolist(), len(members.bucket)]:
        if border - starts[-1] >= size or border == len(members.bucket):
            yield Members(
                members.bucket[starts[-1] : border], members.customer_id[starts[-1] : border]
            )
            starts.append(border)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign's planning needs to know, the same for all its chunks."""

    campaign: Campaign
    send: Send
    rules: Rules
    is_practice: bool
    now: datetime
    chooser: Chooser | None = None
    """Of each person's moment, where best hours are asked for."""

    @property
    def occasion(self) -> Occasion:
        """What is judged now; frequency, hours and holdout are for the hand-off."""
        return Occasion(
            send_id=self.send.id,
            kind=self.send.message_kind,
            topic=self.send.topic,
            is_practice=self.is_practice,
            expires_at=self.send.expires_at,
            plans_only=True,
        )


def plan_chunk(conn: psycopg.Connection, plan: Plan, members: Members) -> int:
    """Plan one chunk in a transaction of its own; returns how many rows were written.

    Buckets that are planned already are left out; nothing is written once the campaign was
    cancelled.
    """
    with conn.transaction():
        row = conn.execute(SQL.hold_campaign, {"id": plan.campaign.id}).fetchone()
        if row is None or row[0] not in ("planning", "paused"):
            return 0
        members = _unplanned(conn, plan, members)
        if len(members.bucket) == 0:
            return 0
        prefer_key_lookups(conn)
        keys = {"buckets": ints(members.bucket), "customers": ints(members.customer_id)}
        conn.execute(SQL.add_contact_states, keys)
        rows = load_people(conn, *members, topic=plan.send.topic, now=plan.now)
        written = copy_arrow(conn, "message", _messages(conn, plan, members, rows))
        wake_dispatchers(conn)
    return written


def finish_planning(conn: psycopg.Connection, campaign_id: UUID, now: datetime) -> None:
    """Everyone has a row: the campaign runs until its last message is settled."""
    conn.execute(SQL.finish_planning, {"id": campaign_id, "now": now})


def list_starting(conn: psycopg.Connection, soon: datetime) -> list[UUID]:
    """Campaigns whose planning is to begin, or to go on."""
    return [row[0] for row in conn.execute(SQL.list_starting, {"soon": soon})]


def _unplanned(conn: psycopg.Connection, plan: Plan, members: Members) -> Members:
    buckets = np.unique(members.bucket).tolist()
    args = {"send_id": plan.send.id, "buckets": buckets, "now": plan.now}
    taken = [row[0] for row in conn.execute(SQL.plan_buckets, args)]
    rows = np.isin(members.bucket, np.array(taken, np.int32))
    return Members(members.bucket[rows], members.customer_id[rows])


def _messages(
    conn: psycopg.Connection, plan: Plan, members: Members, rows: list[Person]
) -> pa.Table:
    """The rows of one chunk."""
    people = people_facts([row[:FACTS] for row in rows])
    moment = Moment(plan.occasion, plan.rules, plan.now)
    verdicts = judge(people, plan.occasion, plan.rules, plan.now)
    allowed = verdicts.outcome == ALLOWED
    codes = verdicts.code.tolist()
    size = len(rows)
    seen: list[str | None] = [None] * size
    for i in np.flatnonzero(~allowed).tolist():
        seen[i] = _seen(verdicts.reason(i, people, moment), plan.rules)
    for row in _second_at_address(conn, plan, members, rows, allowed):
        allowed[row] = False
        codes[row] = SilentReason.SHARED_ADDRESS.value
    due = _due(plan, members, people.zone, allowed, codes, seen)
    instant = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "bucket": pa.array(members.bucket, pa.int32()),
            "send_id": pa.repeat(pa.scalar(plan.send.id, pa.int64()), size),
            "customer_id": pa.array(members.customer_id, pa.int64()),
            "state": _states(allowed, codes),
            "reason": pa.array(codes, pa.string()),
            "seen": pa.array(seen, pa.string()),
            "due_at": pa.array(due, instant),
            "address": pc.if_else(pa.array(allowed), pa.array(people.address, pa.string()), None),
            "planned_at": pa.repeat(pa.scalar(plan.now, instant), size),
            "finished_at": pc.if_else(pa.array(allowed), None, pa.scalar(plan.now, instant)),
        }
    )


def _states(allowed: NDArray[np.bool_], codes: Sequence[str | None]) -> pa.Array:
    waits = pa.array([code == DeferReason.BEST_HOUR for code in codes])
    return pc.if_else(pa.array(allowed), pc.if_else(waits, "deferred", "queued"), "silent")


def _due(
    plan: Plan,
    members: Members,
    zones: Sequence[str | None],
    allowed: NDArray[np.bool_],
    codes: list[str | None],
    seen: list[str | None],
) -> list[datetime]:
    """When everyone is due; who waits for an own moment has it in `codes` and `seen` as well."""
    schedule = plan.campaign.schedule
    if plan.chooser is None:
        due = {zone: schedule.due_at(zone, plan.rules.zone, plan.now) for zone in set(zones)}
        return [due[zone] for zone in zones]
    moments = plan.chooser(members.customer_id, zones)
    for row in np.flatnonzero(allowed).tolist():
        told = {"timing": moments[row].told, "rules": plan.rules.version}
        seen[row] = msgspec.json.encode(told).decode()
        if moments[row].due_at > plan.now:
            codes[row] = DeferReason.BEST_HOUR.value
    return [moment.due_at for moment in moments]


def _seen(reason: Reason | None, rules: Rules) -> str | None:
    return msgspec.json.encode(reason.seen | {"rules": rules.version}).decode() if reason else None


def _second_at_address(
    conn: psycopg.Connection,
    plan: Plan,
    members: Members,
    rows: list[Person],
    allowed: NDArray[np.bool_],
) -> list[int]:
    """Rows whose address somebody before them in the plan has; addresses are taken durably."""
    found = np.flatnonzero(allowed).tolist()
    claims = [(rows[i][19], int(members.bucket[i]), rows[i][0]) for i in found]
    first = take_addresses(conn, plan.send.id, claims)
    return [i for i in found if rows[i][0] not in first]
