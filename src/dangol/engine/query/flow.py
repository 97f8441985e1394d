"""Questions about stages over time: how many stood where on two days, and who they are."""

from datetime import datetime

import msgspec

from dangol.engine.query.found import Flow, People
from dangol.engine.query.page import Paging, page_of
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm

TOLD = """
with told as (
    select bucket, customer_id, time,
        coalesce(json_extract_string(props, '$.from'), 'nobody') as was
    from events where name = 'Stage Changed' and time >= $1),
first as (select bucket, customer_id, arg_min(was, time) as was from told group by all)
"""
"""A stage at an instant, `$1`, is where the first change since came from, or the present one; before
the first of all it is `nobody`: no customer yet."""

_STOOD = f"""{TOLD},
second as (
    select bucket, customer_id, arg_min(was, time) as was from told where time >= $2 group by all),
stood as (
    select s.bucket, s.customer_id, coalesce(f.was, s.stage) as was,
        coalesce(l.was, s.stage) as stage
    from stages s join customers c using (bucket, customer_id)
    left join first f using (bucket, customer_id)
    left join second l using (bucket, customer_id)
    where coalesce(l.was, s.stage) <> 'nobody')
"""


class FlowAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Two instants."""

    since: datetime
    until: datetime


class MovedAsked(Paging, frozen=True, kw_only=True):
    """Two instants, and one pair of stages, empty for any."""

    since: datetime
    until: datetime
    was: str
    stage: str


@answers("stage_flow", FlowAsked)
def stage_flow(warm: Warm, asked: FlowAsked) -> list[Flow]:
    """Everyone whose stage was ever judged, by both stages, most first."""
    rows = warm.as_of().snapshot.query(
        f"{_STOOD} select was, stage, count(*) as people from stood group by 1, 2"
        " order by 3 desc, 1, 2",
        [asked.since, asked.until],
    )
    return [Flow(**row) for row in rows.to_pylist()]


@answers("stage_people", MovedAsked)
def stage_people(warm: Warm, asked: MovedAsked) -> People:
    """Who stands behind one number of `stage_flow`, in order of customer id."""
    found = (
        f"{_STOOD} select bucket, customer_id from stood"
        " where ($3 = '' or was = $3) and ($4 = '' or stage = $4)"
    )
    return page_of(warm.as_of(), found, [asked.since, asked.until, asked.was, asked.stage], asked)
