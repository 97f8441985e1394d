"""A message that is in the lake, and joining it with what the database says. Light: for the web."""

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

from dangol.decide.campaign.results import MessageRow, Then
from dangol.model.customer import bucket_of
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Past(Then, frozen=True, kw_only=True):
    """What files keep of a message."""

    bucket: int
    customer_id: int
    send_id: int
    attempts: int


def has_past(conn: psycopg.Connection, send_id: int) -> bool:
    """Whether messages of this send are in the lake."""
    return conn.execute(SQL.has_past, {"send_id": send_id}).fetchone()[0]


def has_files(conn: psycopg.Connection, customer_id: int) -> bool:
    """Whether messages of this customer may be in the lake."""
    return conn.execute(SQL.has_files, {"bucket": bucket_of(customer_id)}).fetchone()[0]


def join_page(
    conn: psycopg.Connection, rows: Sequence[MessageRow], past: Sequence[Past], limit: int
) -> list[MessageRow]:
    """The first `limit` messages of both, each once, in the order of their keys.

    `rows` and `past` are pages of `limit` from the same place on, and `rows` was read first.
    """
    found = {(one.bucket, one.customer_id): one for one in _named(conn, past)}
    found |= {(one.bucket, one.customer_id): one for one in rows}
    return [found[key] for key in sorted(found)[:limit]]


def with_addresses(conn: psycopg.Connection, past: Sequence[Past]) -> list[Past]:
    """The same, with where each letter went if its receiver is still reached there."""
    people = _people(conn, past)
    return [
        msgspec.structs.replace(one, address=people[one.send_id, one.customer_id][2])
        if (one.send_id, one.customer_id) in people
        else one
        for one in past
    ]


def _people(
    conn: psycopg.Connection, past: Sequence[Past]
) -> dict[tuple[int, int], tuple[str | None, str | None, str | None]]:
    """Name, present address, and where the letter went, by send and customer."""
    args = {"sends": [one.send_id for one in past], "ids": [one.customer_id for one in past]}
    return {row[:2]: row[2:] for row in conn.execute(SQL.name_people, args)}


def _named(conn: psycopg.Connection, past: Sequence[Past]) -> list[MessageRow]:
    people = _people(conn, past)
    nobody = (None, None, None)
    return [
        MessageRow(
            bucket=one.bucket,
            customer_id=one.customer_id,
            state=one.state,
            reason=one.reason,
            due_at=one.due_at,
            handed_at=one.handed_at,
            finished_at=one.finished_at,
            address=people.get((one.send_id, one.customer_id), nobody)[2],
            attempts=one.attempts,
            response=None,
            name=people.get((one.send_id, one.customer_id), nobody)[0],
            current_address=people.get((one.send_id, one.customer_id), nobody)[1],
        )
        for one in past
    ]


def name_sends(conn: psycopg.Connection, past: Sequence[Past]) -> list[dict[str, Any]]:
    """Messages of one customer as a list shows them: with the kind, campaign and name of each."""
    sends = {"sends": [one.send_id for one in past]}
    named = {row[0]: row[1:] for row in conn.execute(SQL.name_sends, sends)}
    return [
        {
            "send_id": one.send_id,
            "state": one.state.value,
            "reason": one.reason,
            "due_at": one.due_at,
            "handed_at": one.handed_at,
            "kind": named[one.send_id][0],
            "campaign_id": named[one.send_id][1],
            "name": named[one.send_id][2],
        }
        for one in past
        if one.send_id in named
    ]
