"""Asking for an erasure and looking at its certificate; the work is done by `work.py`."""

from datetime import datetime
from uuid import UUID, uuid4

import msgspec
import psycopg

from dangol.errors import NotFound
from dangol.know.erasure.certificate import Certificate
from dangol.model.customer import bucket_of
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """One request and how far it has come."""

    id: UUID
    customer_id: int
    requested_at: datetime
    requested_by: str
    cleared_at: datetime | None
    """The database holds nothing of the person any more."""
    rewritten_at: datetime | None
    """The disk does not either."""
    certificate: Certificate | None


def request_erasure(conn: psycopg.Connection, customer_id: int, by: str, now: datetime) -> UUID:
    """Have this person forgotten; returns the request's id, the first one's if asked twice.

    Nothing that waits to be sent will be. The database is cleared as soon as what was heard of
    the person before now has been taken in, the files within seven days.

    Raises:
        NotFound: there is no such customer.
    """
    person = {"bucket": bucket_of(customer_id), "customer_id": customer_id}
    row = conn.execute(SQL.find_survivor, person).fetchone()
    if row is None:
        raise NotFound("There is no customer {customer_id}.", customer_id=customer_id)
    person = {"bucket": bucket_of(row[0]), "customer_id": row[0]}
    conn.execute(SQL.lock_request, person)
    conn.execute(SQL.lock_contacts, person)
    conn.execute(SQL.silence_messages, person | {"now": now})
    known = conn.execute(SQL.find_request, person).fetchone()
    if known:
        return known[0]
    identity = uuid4()
    conn.execute(SQL.add_request, person | {"id": identity, "by": by, "now": now})
    return identity


def list_erasures(conn: psycopg.Connection) -> list[Erasure]:
    """All requests, the latest first."""
    return [_to_erasure(row) for row in conn.execute(SQL.list_requests)]


def list_open(conn: psycopg.Connection) -> list[Erasure]:
    """Requests with something left to do, the oldest first."""
    return [_to_erasure(row) for row in conn.execute(SQL.list_open)]


def get_erasure(conn: psycopg.Connection, id: UUID) -> Erasure:
    """One request.

    Raises:
        NotFound: there is none with this id.
    """
    for row in conn.execute(SQL.get_request, {"id": id}):
        return _to_erasure(row)
    raise NotFound("There is no erasure {id}.", id=id)


def _to_erasure(row: tuple) -> Erasure:
    return Erasure(
        id=row[0],
        customer_id=row[1],
        requested_at=row[2],
        requested_by=row[3],
        cleared_at=row[4],
        rewritten_at=row[5],
        certificate=msgspec.convert(row[6], Certificate) if row[6] else None,
    )
