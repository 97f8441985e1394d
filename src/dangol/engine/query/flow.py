"""Questions about stages over time: how many stood where on two days, and who they are."""

from datetime import datetime

import msgspec

from dangol.engine.query.people import MAX_PAGE, People
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import AsOf, Warm
from dangol.know.segment.service import Sampled

_STOOD = """
with told as (
    select bucket, customer_id, time,
        coalesce(json_extract_string(props, '$.from'), 'nobody') as was
    from events where name = 'Stage Changed' and time >= $1),
first as (select bucket, customer_id, arg_min(was, time) as was from told group by all),
second as (
    select bucket, customer_id, arg_min(was, time) as was from told where time >= $2 group by all),
stood as (
    select s.customer_id, coalesce(f.was, s.stage) as was, coalesce(l.was, s.stage) as stage,
        c.traits
    from stages s join customers c using (bucket, customer_id)
    left join first f using (bucket, customer_id)
    left join second l using (bucket, customer_id)
    where coalesce(l.was, s.stage) <> 'nobody')
"""
"""A stage on a day is where the first change after it came from, or the present one; before the
first of all it is `nobody`: no customer yet."""


class FlowAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Two instants."""

    since: datetime
    until: datetime


class Flow(msgspec.Struct, frozen=True):
    """So many stood at `was` first and at `stage` later."""

    was: str
    stage: str
    people: int


class MovedAsked(FlowAsked, frozen=True, kw_only=True):
    """The same, one pair of stages, and where the page begins."""

    was: str
    stage: str
    after: int = 0
    limit: int = 50


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
    at: AsOf = warm.as_of()
    limit = min(max(asked.limit, 1), MAX_PAGE)
    rows = at.snapshot.query(
        f"{_STOOD}, found as (select * from stood where was = $3 and stage = $4),"
        " page as (select customer_id, json_extract_string(traits, '/name') as name,"
        " json_extract_string(traits, '/email') as email from found"
        " where customer_id > $5 order by customer_id limit $6)"
        " select * from (select count(*) as people from found) left join page on true"
        " order by customer_id",
        [asked.since, asked.until, asked.was, asked.stage, asked.after, limit],
    ).to_pylist()
    page = [Sampled(row["customer_id"], row["name"], row["email"]) for row in rows]
    named = [person for person in page if person.customer_id is not None]
    return People(people=rows[0]["people"], page=named, as_of=at.now)
