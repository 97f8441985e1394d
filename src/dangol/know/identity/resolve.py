"""Ids of senders become customers: read what is known, plan, write what is new. In the caller's transaction."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
import psycopg

from dangol.know.identity.merge import Merge, merge_customers
from dangol.know.identity.plan import Claim, Node, Plan, plan_people
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)

IDENTITY_LOCK = 0x6964656E74  # "ident"
"""Advisory transaction lock of whoever changes `identity`: Route, erasure, restore."""


class Span(msgspec.Struct, frozen=True):
    """When somebody was first and last heard of in a batch."""

    first_at: datetime
    last_at: datetime


class Linked(msgspec.Struct, frozen=True):
    """An id that joined a customer who was known before."""

    customer_id: int
    kind: str
    value: str


class Resolved(msgspec.Struct, frozen=True):
    """Whose each event is, and what changed on the way."""

    customers: dict[Node, int]
    created: int
    linked: list[Linked]
    merges: list[Merge]

    def customer_of(self, claim: Claim) -> int:
        """The customer that an event with these ids is about."""
        return self.customers[claim.node]


def hold_identities(conn: psycopg.Connection) -> None:
    """Nobody else changes who is who until the caller's transaction ends."""
    conn.execute(_SQL.lock_identities, {"number": IDENTITY_LOCK})


def resolve(
    conn: psycopg.Connection, claims: Iterable[Claim], spans: Mapping[Node, Span], now: datetime
) -> Resolved:
    """Find or make the customer of every claim, link ids, and merge who turns out to be one.

    `spans` gives, per deciding id, the times of its events. Where something must change, the
    identity lock is held until the caller's transaction ends.
    """
    distinct = list(dict.fromkeys(claims))
    nodes = list(dict.fromkeys(node for claim in distinct for node in claim.nodes))
    plan = _plan(conn, distinct, nodes)
    if plan.new_nodes or plan.merges:
        hold_identities(conn)
        plan = _plan(conn, distinct, nodes)
    existing = {id(person) for person in plan.people.values() if person.customer_id is not None}
    newcomers = _create(conn, plan, spans, now)
    customers = {node: plan.person_of(node).customer_id for node in nodes}
    _link(conn, plan, customers, now)
    merges = [Merge(loser, winner) for loser, winner in plan.merges]
    merge_customers(conn, merges, now)
    linked = [
        Linked(customers[node], *node)
        for node in plan.new_nodes
        if id(plan.person_of(node)) in existing
    ]
    return Resolved(customers, newcomers, linked, merges)


def _plan(conn: psycopg.Connection, claims: list[Claim], nodes: list[Node]) -> Plan:
    wanted = msgspec.json.encode([{"kind": kind, "value": value} for kind, value in nodes])
    rows = conn.execute(_SQL.find_known, {"nodes": wanted.decode()}).fetchall()
    known = {(kind, value): customer_id for kind, value, customer_id in rows}
    unsure = list({customer for (kind, _), customer in known.items() if kind == "anon"})
    with_user: set[int] = set()
    if unsure:
        with_user = {row[0] for row in conn.execute(_SQL.find_with_user, {"ids": unsure})}
    return plan_people(claims, known, with_user)


def _create(conn: psycopg.Connection, plan: Plan, spans: Mapping[Node, Span], now: datetime) -> int:
    """Customers for the newcomers, in one dense block of ids; how many."""
    newcomers = plan.newcomers
    if not newcomers:
        return 0
    row = conn.execute(_SQL.take_block, {"count": len(newcomers)}).fetchone()
    seen = _spans_by_person(plan, spans)
    rows = []
    for customer_id, person in enumerate(newcomers, row[0]):
        person.customer_id = customer_id
        span = seen.get(id(person), Span(now, now))
        rows.append({"id": customer_id, "first_at": span.first_at, "last_at": span.last_at})
    values = {"customers": msgspec.json.encode(rows).decode(), "now": now}
    conn.execute(_SQL.insert_customers, values)
    return len(newcomers)


def _spans_by_person(plan: Plan, spans: Mapping[Node, Span]) -> dict[int, Span]:
    """When each newcomer was heard of; all of a newcomer's ids are new."""
    found: dict[int, Span] = {}
    for node in plan.new_nodes:
        span = spans.get(node)
        if span is not None:
            person = id(plan.person_of(node))
            known = found.get(person, span)
            found[person] = Span(
                min(known.first_at, span.first_at), max(known.last_at, span.last_at)
            )
    return found


def _link(
    conn: psycopg.Connection, plan: Plan, customers: Mapping[Node, int | None], now: datetime
) -> None:
    if not plan.new_nodes:
        return
    rows = [
        {"kind": kind, "value": value, "customer_id": customers[kind, value]}
        for kind, value in plan.new_nodes
    ]
    values = {"nodes": msgspec.json.encode(rows).decode(), "now": now}
    conn.execute(_SQL.insert_identities, values)
