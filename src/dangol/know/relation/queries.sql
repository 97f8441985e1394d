-- name: find_span
-- First and last relationship event of the batch.
select min(time), max(time) from heard where name = %(event)s

-- name: add_days
-- Relationship events of the batch per local day. An amount becomes minor units of its own
-- currency, then of the brand's at the rate that held on that day; what is no amount, or has no
-- rate, is counted as unrated instead of adding zero in silence.
with heard_one as (
    select h.bucket, h.customer_id,
        ((h.time at time zone 'UTC') + z.east * interval '1 second')::date as day,
        case when h.props->>'revenue' is not null then h.props->>'revenue'
             when h.props->>'total' is not null then h.props->>'total'
             else h.props->>'value' end as amount,
        upper(coalesce(h.props->>'currency', %(currency)s)) as currency
    from heard h
    join unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[], %(easts)s::int[])
        as z (since, until, east) on h.time >= z.since and h.time < z.until
    where h.name = %(event)s
),
rated as (
    select o.bucket, o.customer_id, o.day,
        case when o.amount ~ '^-?[0-9]{1,15}(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?$'
                and abs(o.amount::numeric) <= 1e15
            then round(round(o.amount::numeric * r.own_minor) * r.rate) end as minor
    from heard_one o
    left join unnest(%(currencies)s::text[], %(since_days)s::date[], %(until_days)s::date[],
            %(own_minors)s::numeric[], %(rates)s::numeric[])
        as r (currency, since_day, until_day, own_minor, rate)
        on r.currency = o.currency and o.day >= r.since_day and o.day < r.until_day
)
insert into relationship_day (bucket, customer_id, day, events, revenue_minor, unrated)
select bucket, customer_id, day, count(*), coalesce(sum(minor), 0)::bigint,
    count(*) filter (where minor is null)
from rated group by bucket, customer_id, day order by bucket, customer_id, day
on conflict (bucket, customer_id, day) do update
set events = relationship_day.events + excluded.events,
    revenue_minor = relationship_day.revenue_minor + excluded.revenue_minor,
    unrated = relationship_day.unrated + excluded.unrated
