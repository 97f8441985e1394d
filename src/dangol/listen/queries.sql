-- name: insert_key
-- A new key; only the hash of its secret is kept.
insert into api_key (id, name, scope, secret_hash, origins, created_at, created_by)
values (%(id)s, %(name)s, %(scope)s, %(secret_hash)s, %(origins)s, %(now)s, %(by)s)

-- name: revoke_key
-- Compare and set: only a living key can be revoked.
update api_key set revoked_at = %(now)s where id = %(id)s and revoked_at is null

-- name: list_keys
-- All keys, the newest first.
select id, name, scope, origins, created_at, created_by, revoked_at
from api_key order by created_at desc, id

-- name: find_key
-- The living key with this secret.
select id, name, scope, origins, created_at, created_by, revoked_at
from api_key where secret_hash = %(secret_hash)s and scope = %(scope)s and revoked_at is null

-- name: living_keys
-- What the tracking API must know: every living key.
select secret_hash, id, scope, origins from api_key where revoked_at is null

-- name: append_intake
-- One row of what was heard.
insert into intake (received_at, kind, source, meta, body)
values (%(at)s, %(kind)s, %(source)s, %(meta)s, %(body)s)

-- name: claim_intake
-- The oldest rows that no other worker has, up to a number of rows and bytes; at least one.
-- They are deleted before the transaction ends, or free again.
select id, received_at, kind, source, meta, body from (
    select c.*, sum(octet_length(body)) over (order by id) - octet_length(body) as before
    from (
        select id, received_at, kind, source, meta, body from intake
        where kind = any(%(kinds)s) order by id limit %(limit)s for update skip locked
    ) c
) claimed
where before < %(bytes)s order by id

-- name: delete_intake
-- They are in inbox or reject now.
delete from intake where id = any(%(ids)s)

-- name: waits
-- Whether anything is left that nobody works on.
select exists (select from intake where id > %(after)s and kind = any(%(kinds)s))

-- name: find_week
-- The week as it stands, without holding it.
select week from route_week

-- name: share_week
-- The week that new keys belong to. Shared by all workers: it cannot change while one works.
select week from route_week for share

-- name: open_week
-- Before the first week there is none.
insert into route_week (week) values (%(week)s) on conflict do nothing

-- name: lock_week
-- Waits until no worker uses the old week any more.
select week from route_week for update

-- name: set_week
-- From here on keys belong to this week.
update route_week set week = %(week)s

-- name: list_weeks
-- The partitions that exist.
select c.relname from pg_inherits i
join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'seen'::regclass order by c.relname

-- name: remember_keys
-- Keep the keys and return those that were heard this week already: few, where all are many. Two
-- workers with the same key meet here and one waits.
with wanted as materialized (
    select k from unnest(string_to_array(%(keys)s, ',')::uuid[]) as t (k) order by k
),
added as (
    insert into seen (week, key) select %(week)s, k from wanted on conflict do nothing returning key
)
select k from wanted except select key from added

-- name: find_earlier
-- Which of these keys were heard in the week before. That week is closed: nobody adds to it.
select key from seen
where key = any(string_to_array(%(keys)s, ',')::uuid[]) and week = %(before)s

-- name: remember_imported
-- Keep the keys of imported rows and return those that an import brought before.
with wanted as materialized (
    select k from unnest(string_to_array(%(keys)s, ',')::uuid[]) as t (k) order by k
),
added as (
    insert into import_seen (key) select k from wanted on conflict do nothing returning key
)
select k from wanted except select key from added

-- name: find_gone
-- Which of these customers are somebody else now, or erased.
select c.customer_id, c.merged_into, c.erased_at is not null
from customer c
join unnest(%(buckets)s::int[], %(ids)s::bigint[]) as t (bucket, customer_id)
    on t.bucket = c.bucket and t.customer_id = c.customer_id
where c.merged_into is not null or c.erased_at is not null

-- name: count_events
-- The catalogue of events.
insert into catalogue_event (name, first_at, last_at, count)
select n.name, %(now)s, %(now)s, n.count
from jsonb_to_recordset(%(events)s::jsonb) as n (name text, count bigint)
where (select count(*) from catalogue_event) < %(most)s
    or exists (select from catalogue_event c where c.name = n.name)
order by n.name
on conflict (name) do update
set last_at = greatest(catalogue_event.last_at, excluded.last_at),
    count = catalogue_event.count + excluded.count

-- name: count_known_properties
-- Properties that the catalogue has already; returns them.
update catalogue_property p
set count = p.count + n.count, last_at = greatest(p.last_at, %(now)s)
from (
    select p.owner, p.name, p.type, n.count
    from jsonb_to_recordset(%(properties)s::jsonb)
        as n (owner text, name text, type text, count bigint)
    join catalogue_property p on p.owner = n.owner and p.name = n.name and p.type = n.type
    order by p.owner, p.name, p.type for update of p
) n
where p.owner = n.owner and p.name = n.name and p.type = n.type
returning p.owner, p.name, p.type

-- name: add_properties
-- Properties that are new, as long as their owner has a number of them that a person could read:
-- senders that put ids into property names must not fill the catalogue.
insert into catalogue_property (owner, name, type, count, example, last_at)
select n.owner, n.name, n.type, n.count, n.example, %(now)s
from jsonb_to_recordset(%(properties)s::jsonb)
    as n (owner text, name text, type text, count bigint, example text)
where (select count(*) from catalogue_property p where p.owner = n.owner) < %(most)s
order by n.owner, n.name, n.type
on conflict (owner, name, type) do update set count = catalogue_property.count + excluded.count

-- name: list_rejects
-- What was refused, the latest first.
select id, at, source, reason, detail, line, item from reject
where (%(source)s::text is null or source = %(source)s)
    and (%(reason)s::text is null or reason = %(reason)s)
    and (%(before_at)s::timestamptz is null or (at, id) < (%(before_at)s, %(before_id)s::uuid))
order by at desc, id desc limit %(limit)s

-- name: count_rejects
-- Refusals by source and reason.
select source, reason, count(*) as count from reject where at >= %(since)s
group by source, reason order by count(*) desc, source, reason

-- name: forget_rejects
-- Refused items are kept for as long as somebody may want to mend their cause.
delete from reject where at < %(before)s

-- name: list_events
-- The events that were heard of, the most frequent first.
select name, first_at, last_at, count from catalogue_event order by count desc, name

-- name: list_properties
-- The properties of one event, or with '' the traits of customers.
select name, type, count, example, last_at,
    exists (select from property_in_use u where u.name = p.name and u.type = p.type) as in_use
from catalogue_property p
where owner = %(owner)s order by count desc, name, type

-- name: list_sources
-- Every sender: keys of the tracking API, with what came from each since a moment.
select k.id, k.name, k.revoked_at, s.last_at, coalesce(s.events, 0) as events,
    (select count(*) from reject r where r.source = k.id and r.at >= %(since)s
        and r.reason <> 'time_replaced') as rejects
from api_key k
left join source_count s on s.source = k.id
where k.scope = 'track'
order by k.revoked_at is not null, s.last_at desc nulls last, k.created_at

-- name: count_sources
-- How much each sender has sent, and when last.
insert into source_count (source, events, last_at)
select n.source, n.count, n.last_at
from jsonb_to_recordset(%(sources)s::jsonb) as n (source text, count bigint, last_at timestamptz)
order by n.source
on conflict (source) do update
set events = source_count.events + excluded.events,
    last_at = greatest(source_count.last_at, excluded.last_at)
