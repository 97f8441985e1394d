"""One customer's attention: what is left of it, and what that means for one more letter."""

from datetime import datetime
from math import exp

import msgspec
import psycopg

from dangol.know.attention.ledger import REST, RETURN_DAYS
from dangol.know.attention.store import SQL
from dangol.know.attention.tariff import COST, needed
from dangol.model.customer import customer_key
from dangol.model.stage import Stage


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """What is left at an instant, and what that means for one more letter."""

    level: float
    """0 to 20; everybody rests at 10."""
    rest: float
    cost: float
    """Of one letter."""
    needed: float
    """What must be there before one, for this stage."""
    may_write: bool
    """Whether it is."""


def find_attention(
    conn: psycopg.Connection, customer_id: int, stage: Stage, care: float, now: datetime
) -> Attention:
    """What the guard sees of one customer at `now`; `care` is how careful the shop is, 0 not at all."""
    row = conn.execute(SQL.find_ledger, customer_key(customer_id)).fetchone()
    level = REST if row is None else level_at(*row, now=now)
    least = needed(stage, COST["email"], care)
    return Attention(
        level=round(level, 4),
        rest=REST,
        cost=COST["email"],
        needed=least,
        may_write=care == 0 or level >= least,
    )


def level_at(
    level: float, at: datetime | None, locked_until: datetime | None, *, now: datetime
) -> float:
    """A kept ledger read at `now`. Pure; the facts of the guard are the same in SQL."""
    if locked_until is not None and locked_until > now:
        return 0.0
    if at is None:
        return REST
    days = max((now - at).total_seconds() / 86_400, 0.0)
    return REST + (level - REST) * exp(-days / RETURN_DAYS)
