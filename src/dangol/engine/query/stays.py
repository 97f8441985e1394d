"""Questions about stays in segments that ended long ago: one person's, and the latest of a segment."""

from uuid import UUID

import msgspec

from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm
from dangol.know.segment.membership.past.reading import list_of_customer, list_of_segment
from dangol.know.segment.membership.past.row import Past
from dangol.store.pool import connect


class StaysAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Whose, and in which segment; in all without."""

    customer_id: int
    segment_id: UUID | None = None


@answers("past_stays", StaysAsked)
def past_stays(warm: Warm, asked: StaysAsked) -> list[Past]:
    """One customer's entries and exits that are in the lake, the latest first."""
    with connect(warm.dsn, name="query") as conn:
        one = {"segment_id": asked.segment_id}
        return list_of_customer(warm.settings, conn, asked.customer_id, **one)


class ChangesAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Of which segment, and how many."""

    segment_id: UUID
    limit: int


@answers("past_changes", ChangesAsked)
def past_changes(warm: Warm, asked: ChangesAsked) -> list[Past]:
    """The latest entries and exits of a segment that are in the lake."""
    with connect(warm.dsn, name="query") as conn:
        return list_of_segment(warm.settings, conn, asked.segment_id, asked.limit)
