"""The people behind the numbers of the rhythm's charts: a stage on a day, an own gap."""

from datetime import datetime

from dangol.engine.query.flow import TOLD
from dangol.engine.query.found import People
from dangol.engine.query.page import Paging, page_of
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm


class StoodAsked(Paging, frozen=True, kw_only=True):
    """An instant and a stage."""

    at: datetime
    stage: str


class GapAsked(Paging, frozen=True, kw_only=True):
    """Own gaps in open days: longer than `above`, at most `days`; None for no limit."""

    above: int = 0
    days: int | None = None
    stage: str = ""
    """Empty for any."""
    has_come_once: bool = False
    """Instead those who came once: they have no gap."""


@answers("stood_people", StoodAsked)
def stood_people(warm: Warm, asked: StoodAsked) -> People:
    """Who stands behind one number of `stage_sizes`."""
    found = (
        f"{TOLD} select s.bucket, s.customer_id from stages s"
        " left join first using (bucket, customer_id) where coalesce(first.was, s.stage) = $2"
    )
    return page_of(warm.as_of(), found, [asked.at, asked.stage], asked)


@answers("gap_people", GapAsked)
def gap_people(warm: Warm, asked: GapAsked) -> People:
    """Who stands behind one column of `rhythm_base`."""
    found = (
        "select bucket, customer_id from stages where repeats > 0 and gap_days > $1"
        " and ($2::int is null or gap_days <= $2) and ($3 = '' or stage = $3)"
    )
    if asked.has_come_once:
        once = "select bucket, customer_id from stages where repeats = 0"
        return page_of(warm.as_of(), once, [], asked)
    above = asked.above or -1  # nobody's gap is below the first column
    return page_of(warm.as_of(), found, [above, asked.days, asked.stage], asked)
