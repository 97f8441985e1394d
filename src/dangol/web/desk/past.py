"""Messages that have moved to the lake, beside those of the database: the query worker tells them."""

from typing import Any

import msgspec
from psycopg.rows import dict_row

from dangol.decide.campaign import results as outcome
from dangol.decide.campaign.past.row import (
    Past,
    has_files,
    has_past,
    join_page,
    name_sends,
    with_addresses,
)
from dangol.model.customer import bucket_of
from dangol.web.desk.people import SQL
from dangol.web.query import ask
from dangol.web.visit import Visit

_WAIT_S = 30.0


def list_messages(
    visit: Visit, send_id: int | None, part: dict[str, Any], limit: int
) -> list[outcome.MessageRow]:
    """A page of a campaign's messages; `part` is what `outcome.list_messages` takes.

    Raises:
        QueryFailed: some are in the lake, and it does not answer.
    """
    rows = outcome.list_messages(visit.conn, visit.id(), **part, limit=limit)
    if send_id is None or not has_past(visit.conn, send_id):
        return rows
    bucket, customer = part["after"]
    asked = {
        "send_id": send_id,
        "state": part["state"],
        "reason": part["reason"],
        "after_bucket": bucket,
        "after_customer": customer,
        "limit": limit,
    }
    past = _read(ask(visit.settings, "past_messages", asked, timeout_s=_WAIT_S))
    return join_page(visit.conn, rows, past, limit)


def find_then(visit: Visit, send_id: int, customer_id: int) -> outcome.Then | None:
    """What is remembered of one message, wherever it is."""
    found = outcome.find_then(visit.conn, send_id, customer_id)
    if found is not None or not has_past(visit.conn, send_id):
        return found
    asked = {"customer_id": customer_id, "send_id": send_id, "limit": 1}
    past = _read(ask(visit.settings, "past_of", asked, timeout_s=_WAIT_S))
    return with_addresses(visit.conn, past)[0] if past else None


def messages_of(visit: Visit, customer_id: int, limit: int) -> list[dict[str, Any]]:
    """What was planned for or sent to one customer, latest first.

    Raises:
        QueryFailed: some of it is in the lake, and that does not answer.
    """
    rows = recent_messages_of(visit, customer_id, limit)
    if not has_files(visit.conn, customer_id):
        return rows
    asked = {"customer_id": customer_id, "limit": limit}
    past = _read(ask(visit.settings, "past_of", asked, timeout_s=_WAIT_S))
    found = {row["send_id"]: row for row in [*name_sends(visit.conn, past), *rows]}
    latest = sorted(found.values(), key=lambda row: row["handed_at"] or row["due_at"], reverse=True)
    return latest[:limit]


def recent_messages_of(visit: Visit, customer_id: int, limit: int) -> list[dict[str, Any]]:
    """The same without what is in the lake."""
    args = {"bucket": bucket_of(customer_id), "customer_id": customer_id, "limit": limit}
    return visit.conn.cursor(row_factory=dict_row).execute(SQL.messages_of, args).fetchall()


def _read(answer: Any) -> list[Past]:
    return msgspec.convert(answer, list[Past])
