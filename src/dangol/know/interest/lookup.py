"""What one customer likes, with the counts that say so."""

from datetime import datetime

import msgspec
import psycopg

from dangol.know.interest.items import SQL
from dangol.know.interest.score import REGULAR, score_at
from dangol.model.customer import customer_key


class Interest(msgspec.Struct, frozen=True, kw_only=True):
    """A tag, how strongly somebody likes it today, and why we think so."""

    tag: str
    score: float
    reads: int
    clicks: int
    buys: int
    last_at: datetime

    @property
    def is_regular(self) -> bool:
        """Whether it is more than a passing look."""
        return self.score >= REGULAR


def list_interests(
    conn: psycopg.Connection, customer_id: int, now: datetime, limit: int = 12
) -> list[Interest]:
    """The strongest interests of a customer at `now`."""
    key = customer_key(customer_id) | {"limit": limit}
    return [
        Interest(
            tag=tag, score=score_at(weight, now), reads=reads, clicks=clicks, buys=buys, last_at=at
        )
        for tag, weight, reads, clicks, buys, at in conn.execute(SQL.list_interests, key)
    ]


def list_tags(conn: psycopg.Connection, limit: int = 200) -> list[tuple[str, int]]:
    """Tags that anybody likes, with how many people, the most liked first."""
    return conn.execute(SQL.list_tags, {"limit": limit}).fetchall()
