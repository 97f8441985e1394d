-- name: list_seen_traits
-- The values of a trait that a few customers have, the most frequent first.
select value from (
    select traits #>> %(path)s::text[] as value from customer
    where bucket < %(buckets)s and merged_into is null and erased_at is null
) seen
where length(value) between 1 and 60
group by value order by count(*) desc, value limit %(limit)s

-- name: list_seen_properties
-- The same of a property of some recent events of a name.
select value from (
    select props #>> %(path)s::text[] as value from event_recent
    where name = %(event)s limit %(events)s
) seen
where length(value) between 1 and 60
group by value order by count(*) desc, value limit %(limit)s
