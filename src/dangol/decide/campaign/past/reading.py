"""Messages that are in the lake: those of a send, one of them, those of a customer.

Who wants all asks the database first and this then: what moves between the two is in both answers
and counts once, never in neither.
"""

from typing import Any

import duckdb
import msgspec
import psycopg

from dangol.decide.campaign.past.row import Past
from dangol.model.customer import bucket_of
from dangol.model.message import MessageState
from dangol.settings import Settings
from dangol.store.lake.manifest import ALL_BUCKETS
from dangol.store.lake.shelf import MESSAGES, reading_shelf

_LIST = """
select * from shelf
where send_id = $send_id and (bucket, customer_id) > ($after_bucket, $after_customer)
    and ($state is null or state = $state)
    and ($reason is null or coalesce(reason, '') = $reason)
order by bucket, customer_id limit $limit
"""
_OF_CUSTOMER = """
select * from shelf where bucket = $bucket and customer_id = $customer_id
    and ($send_id is null or send_id = $send_id)
order by coalesce(handed_at, due_at) desc, send_id desc limit $limit
"""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages of a send; see `decide.campaign.results.list_messages`."""

    send_id: int
    state: str | None = None
    reason: str | None = None
    after_bucket: int = -1
    after_customer: int = -1
    limit: int = 100


def list_of_send(settings: Settings, conn: psycopg.Connection, part: Part) -> list[Past]:
    """A page of a send's messages that are in the lake, in the order of their keys."""
    low = max(part.after_bucket, 0)
    with reading_shelf(settings, conn, MESSAGES, (low, ALL_BUCKETS[1])) as duck:
        return _rows(duck, _LIST, msgspec.structs.asdict(part))


def list_of_customer(
    settings: Settings,
    conn: psycopg.Connection,
    customer_id: int,
    *,
    send_id: int | None = None,
    limit: int = 100,
) -> list[Past]:
    """A customer's messages that are in the lake, of one send or of all, latest first."""
    bucket = bucket_of(customer_id)
    args = {"bucket": bucket, "customer_id": customer_id, "send_id": send_id, "limit": limit}
    with reading_shelf(settings, conn, MESSAGES, (bucket, bucket)) as duck:
        return _rows(duck, _OF_CUSTOMER, args)


def _rows(duck: duckdb.DuckDBPyConnection, sql: str, args: dict[str, Any]) -> list[Past]:
    rows = duck.sql(sql, params=args).to_arrow_table().to_pylist()
    return [_past(row) for row in rows]


def _past(row: dict[str, Any]) -> Past:
    seen = row["seen"]
    values = {
        "seen": msgspec.json.decode(seen) if seen else None,
        "state": MessageState(row["state"]),
    }
    return Past(**row | values)
