"""Fans: a segment like any other, made once with the usual rule, for the owner to change.

The usual rule: within a year one friend brought who ordered twice, or two of a friend who ordered,
a review, a helpful answer.
"""

from datetime import datetime
from itertools import combinations
from typing import Any
from uuid import UUID

import psycopg

from dangol.know.giving.referral import SQL
from dangol.know.segment.service import create_segment
from dangol.model.event import EventName

WITHIN = {"days": 365}
REVIEW = "Product Reviewed"
"""Sent by the shop when a customer writes a review."""
_NAMES = {"en": "Fans", "ko": "팬"}
_BY = "system"


def usual_rule() -> dict[str, Any]:
    """The rule as a condition."""
    ordered_twice = _did(EventName.FRIEND_ORDERED, {"name": "order", "op": "ge", "value": 2})
    signs = [_did(EventName.FRIEND_ORDERED), _did(REVIEW), _did(EventName.ANSWER_HELPED)]
    pairs = [{"kind": "all", "of": list(pair)} for pair in combinations(signs, 2)]
    return {"kind": "any", "of": [ordered_twice, *pairs]}


def ensure_fans(conn: psycopg.Connection, locale: str, now: datetime) -> UUID:
    """The segment that says who is a fan; made at the first call, and never again.

    The caller owns the transaction. An owner who archives it has decided so.
    """
    found = find_fans(conn)
    if found is not None:
        return found
    name = _NAMES.get(locale, _NAMES["en"])
    made = create_segment(conn, name, usual_rule(), _BY, now).segment
    conn.execute(SQL.name_fans, {"id": made.id})
    return made.id


def find_fans(conn: psycopg.Connection) -> UUID | None:
    """The segment that says who is a fan; None before there is one."""
    row = conn.execute(SQL.find_fans).fetchone()
    return row[0] if row else None


def _did(name: str, *where: dict[str, Any]) -> dict[str, Any]:
    leaf: dict[str, Any] = {"kind": "did", "name": str(name), "within": WITHIN}
    return leaf | ({"where": list(where)} if where else {})
