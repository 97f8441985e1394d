"""What an erasure cleared, where and when, what was kept and why, and that a search found nothing."""

from datetime import datetime

import msgspec


class Cleared(msgspec.Struct, frozen=True):
    """Rows of one table that were removed, or emptied of what is personal."""

    where: str
    rows: int


class Kept(msgspec.Struct, frozen=True):
    """Something that remains, and the reason."""

    where: str
    what: str
    why: str


class Found(msgspec.Struct, frozen=True):
    """Rows of a table in which a search afterwards still met one of the person's identifiers."""

    where: str
    rows: int


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """The history files: when the person's rows must be gone, and when they were."""

    rewrite_due_at: datetime
    rewritten_at: datetime | None = None
    """Searched at this time: no file of the history held a row of the person."""
    deleted_at: datetime | None = None
    """The files from before the rewriting were no longer on the disk."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """The record of one erasure. It holds numbers and dates, nothing that names the person."""

    version: int = 1
    customer_id: int
    also: tuple[int, ...]
    """Customers who had turned out to be the same person."""
    requested_at: datetime
    requested_by: str
    cleared_at: datetime
    cleared: tuple[Cleared, ...]
    kept: tuple[Kept, ...]
    searched_at: datetime | None = None
    """None: the process was interrupted between clearing and searching."""
    found: tuple[Found, ...] = ()
    """What the search met elsewhere, such as another customer with the same address."""
    files: Files


KEPT = (
    Kept("customer", "the number, first and last day", "counts of the past stay right"),
    Kept("message", "that a message was sent, and how it ended", "counts of the past stay right"),
    Kept("suppression", "a keyed hash of each address", "the opt-out survives a new import"),
    Kept("journal", "the same hash and the number", "the erasure survives a restored backup"),
    Kept("backup", "backups made before", "they are yours to delete; a restore erases again"),
)
