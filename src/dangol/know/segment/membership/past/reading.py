"""Changes that are in the lake: those of a customer, and the latest of a segment.

Who wants all asks the database first and this then: what moves between the two is in both answers
and counts once, never in neither.
"""

from typing import Any
from uuid import UUID

import msgspec
import psycopg

from dangol.know.segment.membership.past.row import Past
from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.lake.manifest import ALL_BUCKETS
from dangol.store.lake.shelf import MEMBERSHIPS, reading_shelf

_OF_CUSTOMER = """
select * exclude (bucket) from shelf where bucket = $bucket and customer_id = $customer_id
    and ($segment_id is null or segment_id = $segment_id)
order by "at" desc, segment_id limit $limit
"""
_OF_SEGMENT = """
select * exclude (bucket) from shelf where segment_id = $segment_id
order by recorded_at desc, customer_id limit $limit
"""


def list_of_customer(
    settings: Settings,
    conn: psycopg.Connection,
    customer_id: int,
    *,
    segment_id: UUID | None = None,
    limit: int = 10_000,
) -> list[Past]:
    """A customer's changes that are in the lake, in one segment or in all, the latest first."""
    bucket = bucket_of(customer_id)
    args = {
        "bucket": bucket,
        "customer_id": customer_id,
        "segment_id": str(segment_id) if segment_id else None,
        "limit": limit,
    }
    return _read(settings, conn, (bucket, bucket), _OF_CUSTOMER, args)


def list_of_segment(
    settings: Settings, conn: psycopg.Connection, segment_id: UUID, limit: int
) -> list[Past]:
    """A segment's changes that are in the lake, those found out latest first."""
    args = {"segment_id": str(segment_id), "limit": limit}
    return _read(settings, conn, ALL_BUCKETS, _OF_SEGMENT, args)


def _read(
    settings: Settings,
    conn: psycopg.Connection,
    buckets: tuple[int, int],
    sql: str,
    args: dict[str, Any],
) -> list[Past]:
    with reading_shelf(settings, conn, MEMBERSHIPS, buckets) as duck:
        rows = duck.sql(sql, params=args).to_arrow_table().to_pylist()
    return msgspec.convert(rows, list[Past])
