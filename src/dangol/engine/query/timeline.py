"""The question `timeline`: a page of everything that one customer did and heard."""

import msgspec

from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm
from dangol.know.profile.timeline import Page, full_page


class TimelineAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Whose, from which cursor on, and how much."""

    customer_id: int
    before: str | None = None
    limit: int = 50


@answers("timeline", TimelineAsked)
def timeline(warm: Warm, asked: TimelineAsked) -> Page:
    """A page of the whole timeline, latest first."""
    return full_page(warm.settings, asked.customer_id, before=asked.before, limit=asked.limit)
