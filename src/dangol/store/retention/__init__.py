"""How long each kind of thing is kept: rows that the owner may change, within what must hold.

What proves what somebody allowed, refused or had removed is kept for ever, and so is what people
said to each other: those rows are shown, and cannot be changed.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import psycopg

from dangol.errors import InputError, Refused
from dangol.store.sql import load_queries

_SQL = load_queries("dangol.store.retention")


class Kind(StrEnum):
    """What is kept."""

    MESSAGE = "message"
    """Messages of campaigns, from when the last of them was final."""
    SESSION = "session"
    """Sessions and sign-in links, after their end."""
    REJECT = "reject"
    PRACTICE_MAIL = "practice_mail"
    JOB = "job"
    """What long jobs answered, after they ended."""
    UNCONFIRMED = "unconfirmed"
    """Addresses of people who were asked to confirm a subscription and did not."""
    UPLOAD = "upload"
    """Files for an import that nobody confirmed."""
    MEMBERSHIP = "membership"
    """Stays in segments that are over, from when the exit was found out."""
    EVENT = "event"
    THREAD = "thread"
    BOUNCE = "bounce"
    AUDIT = "audit"
    CONSENT = "consent"
    SUPPRESSION = "suppression"
    ERASURE = "erasure"


class Action(StrEnum):
    """What becomes of it."""

    KEEP = "keep"
    """It stays in the database."""
    LAKE = "lake"
    """It moves to the files of the history, and stays there."""
    DELETE = "delete"


LEAST_DAYS = {
    Kind.MESSAGE: 14,  # mail systems report failures, and people answer, within days
    Kind.SESSION: 0,
    Kind.REJECT: 1,
    Kind.PRACTICE_MAIL: 1,
    Kind.JOB: 1,
    Kind.UNCONFIRMED: 8,  # the link in the letter holds for seven days
    Kind.UPLOAD: 1,
    Kind.MEMBERSHIP: 2,  # who came and went today is counted where they are
}
"""What may be changed, and the fewest days for each; the others are kept for ever."""
MOST_DAYS = 3650


class Rule(msgspec.Struct, frozen=True):
    """One row: a kind, its days (None: for ever), and what becomes of it then."""

    kind: Kind
    days: int | None
    action: Action
    changed_at: datetime
    changed_by: str

    @property
    def least_days(self) -> int | None:
        """The fewest days that may be chosen; None where nothing may."""
        return LEAST_DAYS.get(self.kind)


def list_rules(conn: psycopg.Connection) -> list[Rule]:
    """Every row, what may be changed first."""
    rows = [Rule(Kind(kind), days, Action(action), at, by) for kind, days, action, at, by in
            conn.execute(_SQL.list_rules)]  # fmt: skip
    order = list(Kind)
    return sorted(rows, key=lambda rule: order.index(rule.kind))


def find_end(conn: psycopg.Connection, kind: Kind, now: datetime) -> datetime | None:
    """What is older than this has been kept for long enough; None: it is kept for ever."""
    row = conn.execute(_SQL.find_days, {"kind": kind}).fetchone()
    return now - timedelta(days=row[0]) if row and row[0] is not None else None


def change_days(
    conn: psycopg.Connection, kind: Kind, days: int, *, by: str, now: datetime
) -> int | None:
    """Keep a kind for so many days from now on; returns how many it were before.

    Raises:
        Refused: this kind is kept for ever.
        InputError: too few days for what must hold, or too many.
    """
    least = LEAST_DAYS.get(kind)
    if least is None:
        raise Refused("This is kept for ever; it cannot be changed.")
    if not least <= days <= MOST_DAYS:
        raise InputError("Give from {least} to {most} days.", least=least, most=MOST_DAYS)
    args = {"kind": kind, "days": days, "by": by, "now": now}
    row = conn.execute(_SQL.change_days, args).fetchone()
    return row[0] if row else None
