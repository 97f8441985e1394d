"""First meetings: of those who came to know us in some weeks, who took which step, and how soon.

subscribed → first order → second order → regular → fan. Everybody gets the same time, `days` from
the day they were first seen; who has not had that long yet is not counted but told apart. Steps may
be left out (many order without subscribing), so where somebody stopped is the last step taken.
"""

from datetime import UTC, datetime

import msgspec

from dangol.engine.query.found import Meetings, MeetingStep, People, Reached
from dangol.engine.query.page import Paging, page_of
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import AsOf, Warm
from dangol.know.giving.fans import find_fans
from dangol.know.segment.service import get_segment, resolve
from dangol.model.zone import list_offsets
from dangol.store.brand import read_brand
from dangol.store.pool import connect

STEPS = tuple(MeetingStep)
LEAST_DAYS, MOST_DAYS = 1, 3650


class MeetingsAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Who was first seen from `since` up to `until`; and how many days each gets."""

    since: datetime
    until: datetime
    days: int = 90


class MetAsked(Paging, frozen=True, kw_only=True):
    """The people of one number: `who` is met, too_young, nothing_yet, or a step."""

    since: datetime
    until: datetime
    days: int = 90
    who: str
    has_stopped: bool = False
    """Those for whom the step was the last, instead of all who took it."""


@answers("meetings", MeetingsAsked)
def meetings(warm: Warm, asked: MeetingsAsked) -> Meetings:
    """Counts of one group. Visitors without an address, an order or a consent are nobody's yet."""
    at = warm.as_of()
    taken, values = _taken(warm, at, asked)
    columns = [
        "count(*) filter (where not is_young) as met",
        "count(*) filter (where is_young) as too_young",
        "count(*) filter (where not is_young and last = 0) as nothing_yet",
    ]
    for place, step in enumerate(STEPS, 1):
        columns.append(f"count(*) filter (where not is_young and {step}) as {step}")
        columns.append(f"count(*) filter (where not is_young and last = {place}) as {step}_last")
        columns.append(
            f"quantile_cont(after_{step}, 0.5) filter (where not is_young and {step})"
            f" as {step}_days"
        )
    row = at.snapshot.query(
        f"with taken as ({taken}) select {', '.join(columns)} from taken join customers"
        " using (bucket, customer_id)",
        values,
    ).to_pylist()[0]
    return Meetings(
        met=row["met"],
        too_young=row["too_young"],
        nothing_yet=row["nothing_yet"],
        steps=[
            Reached(
                step=step,
                people=row[step],
                stopped=row[f"{step}_last"],
                median_days=row[f"{step}_days"],
            )
            for step in STEPS
        ],
        as_of=at.now,
    )


@answers("meeting_people", MetAsked)
def meeting_people(warm: Warm, asked: MetAsked) -> People:
    """Who stands behind one number of `meetings`."""
    at = warm.as_of()
    taken, values = _taken(warm, at, asked)
    found = f"with taken as ({taken}) select bucket, customer_id from taken where {_kept(asked)}"
    return page_of(at, found, values, asked)


def _kept(asked: MetAsked) -> str:
    if asked.who == "too_young":
        return "is_young"
    if asked.who == "met":
        return "not is_young"
    if asked.who == "nothing_yet":
        return "not is_young and last = 0"
    step = MeetingStep(asked.who)
    kept = f"last = {STEPS.index(step) + 1}" if asked.has_stopped else step.value
    return f"not is_young and {kept}"


def _taken(warm: Warm, at: AsOf, asked: MeetingsAsked | MetAsked) -> tuple[str, list[object]]:
    """SQL of one row per person of the group, and its parameters.

    bucket, customer_id, is_young, a boolean and the days after the first meeting for each step,
    and `last`: the number of the last step taken, 0 for none.
    """
    with connect(warm.dsn, name="query") as conn:
        event, segment = read_brand(conn).relationship_event, find_fans(conn)
        fans = resolve(conn, get_segment(conn, segment).definition, at.now) if segment else None
    sql, values = at.counts.compile(fans) if fans else (_NOBODY, [])
    offsets = list_offsets(at.zone, datetime(1970, 1, 1, tzinfo=UTC), at.now)
    given = {
        "since": asked.since,
        "until": asked.until,
        "days": min(max(asked.days, LEAST_DAYS), MOST_DAYS),
        "now": at.now,
        "event": event,
        "sinces": [since for since, _ in offsets],
        "easts": [east for _, east in offsets],
    }
    named = {name: f"${len(values) + place}" for place, name in enumerate(given, 1)}
    return _TAKEN.format(fans=sql, **named), [*values, *given.values()]


_NOBODY = "select null::int as bucket, null::bigint as customer_id where false"

_TAKEN = """
with seen as (
    select bucket, customer_id, first_seen_at as met_at,
        json_extract_string(traits, '$.email') is not null as has_address
    from customers where first_seen_at >= {since} and first_seen_at < {until}),
offsets as (
    select unnest({sinces}::timestamptz[]) as since, unnest({easts}::bigint[]) as east),
heard as (
    select e.bucket, e.customer_id, e.name, e.time, e.props,
        e.cause in ('behaviour', 'time', 'history') as is_dated
    from events e join seen using (bucket, customer_id)
    where e.name in ({event}, 'Consent Changed', 'Stage Changed') and e.time <= {now}),
days as (
    select bucket, customer_id, (epoch_us(time) // 1000000 + east) // 86400 as day,
        min(time) as time
    from (select * from heard where name = {event}) asof join offsets on time >= offsets.since
    group by all),
ordered as (
    select bucket, customer_id, min(time) as first_at,
        list_sort(list(time))[2] as second_at
    from days group by all),
told as (
    select bucket, customer_id,
        min(time) filter (where name = 'Consent Changed'
            and json_extract_string(props, '$.state') = 'granted') as subscribed_at,
        min(time) filter (where name = 'Stage Changed' and is_dated
            and json_extract_string(props, '$.to') = 'loyal') as regular_at,
        coalesce(bool_or(name = 'Stage Changed' and not is_dated
            and json_extract_string(props, '$.to') = 'loyal'), false) as regular_before
    from heard group by all),
granted as (
    select bucket, customer_id, min(consent_time) as at from consents
    where consent = 'granted' group by all),
liked as (select distinct bucket, customer_id from ({fans}) f),
timed as (
    select s.bucket, s.customer_id, met_at, met_at + to_days({days}::int) as ends_at,
        least(subscribed_at, g.at) as subscribed_at, first_at, second_at,
        case when regular_before then met_at else regular_at end as regular_at,
        l.customer_id is not null as fan, has_address
    from seen s
    left join ordered using (bucket, customer_id)
    left join told using (bucket, customer_id)
    left join granted g using (bucket, customer_id)
    left join liked l using (bucket, customer_id)),
taken as (
    select bucket, customer_id, ends_at > {now} as is_young,
        coalesce(subscribed_at <= ends_at, false) as subscribed,
        coalesce(first_at <= ends_at, false) as first_order,
        coalesce(second_at <= ends_at, false) as second_order,
        coalesce(regular_at <= ends_at, false) as regular, fan,
        greatest(epoch(subscribed_at - met_at) / 86400, 0) as after_subscribed,
        greatest(epoch(first_at - met_at) / 86400, 0) as after_first_order,
        greatest(epoch(second_at - met_at) / 86400, 0) as after_second_order,
        case when regular_at > met_at then epoch(regular_at - met_at) / 86400 end as after_regular,
        null::double as after_fan
    from timed where has_address or fan
        or coalesce(subscribed_at, first_at, regular_at) is not null)
select *, case when fan then 5 when regular then 4 when second_order then 3 when first_order then 2
    when subscribed then 1 else 0 end as last
from taken
"""
"""Who was judged a regular by an imported history, or anew, is one since nobody knows when: such a
step counts as taken in time, without a number of days."""
