"""One campaign writes to one address once, whoever owns it and whoever owned it before.

Planning takes an address for everyone who is to be written to; whose address changed since then must
take the new one before the hand-off. What was taken stays taken until the campaign is over, so an
address that changes its owner on the way gets one letter.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg

from dangol.decide.campaign.store import SQL
from dangol.store.arrays import ints, octets

_PART = 20_000
_KEPT = timedelta(days=7)
"""Longer than anything of a campaign that is over can be sent again."""


def take_addresses(
    conn: psycopg.Connection, send_id: int, claims: Sequence[tuple[bytes, int, int]]
) -> set[int]:
    """The customers who have their address for this send, of `claims` (address hash, bucket,
    customer): it was free, theirs already, or that of somebody who was merged into them."""
    if not claims:
        return set()
    hashes, buckets, customers = zip(*claims, strict=True)
    args = {
        "send_id": send_id,
        "hashes": octets(hashes),
        "buckets": ints(buckets),
        "customers": ints(customers),
    }
    return {row[0] for row in conn.execute(SQL.take_addresses, args)}


def forget_addresses(conn: psycopg.Connection, now: datetime) -> int:
    """Give back some of what campaigns took that were over a week ago; how many."""
    args = {"limit": _PART, "before": now - _KEPT}
    return conn.execute(SQL.forget_addresses, args).rowcount
