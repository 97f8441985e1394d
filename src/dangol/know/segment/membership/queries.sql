-- name: note_heard
-- People of the batch of whom something changed that active segments look at.
insert into segment_work (bucket, customer_id, event_id, name, recorded_at, cause, origin, depth,
    traits)
select h.bucket, h.customer_id, h.event_id, h.name, %(now)s,
    case when h.effect = 'history' then 'history' else h.cause end, h.origin, h.depth,
    case when h.name = 'Profile Updated' then array(select jsonb_object_keys(h.props)) end
from heard h where h.name = any(%(names)s)
on conflict (bucket, customer_id, event_id) do nothing

-- name: note_newcomers
-- Whoever was met for the first time in the batch stands in or out of every segment.
insert into segment_work (bucket, customer_id, event_id, name, recorded_at, cause, origin, depth,
    is_new)
select distinct on (h.bucket, h.customer_id, h.event_id) h.bucket, h.customer_id, h.event_id, h.name,
    %(now)s, case when h.effect = 'history' then 'history' else h.cause end, h.origin, h.depth, true
from heard h
join unnest(%(buckets)s::bigint[], %(customers)s::bigint[]) as n (bucket, customer_id)
    on n.bucket = h.bucket and n.customer_id = h.customer_id
on conflict (bucket, customer_id, event_id) do update set is_new = true

-- name: note_people
-- People of whom something was found out, while there are segments.
insert into segment_work (bucket, customer_id, event_id, name, recorded_at, cause)
select n.bucket, n.customer_id, gen_random_uuid(), %(name)s, %(now)s, 'refit'
from unnest(%(buckets)s::bigint[], %(customers)s::bigint[]) as n (bucket, customer_id)
where exists (select from segment where archived_at is null)

-- name: note_merged
-- Both sides of each merge; they wait until the history has followed.
insert into segment_work (bucket, customer_id, event_id, name, recorded_at, cause, loser_id)
select mod(who.id, 1024), who.id, h.event_id, h.name, %(now)s, 'merge', (h.props ->> 'loser_id')::bigint
from heard h, lateral (values (h.customer_id), ((h.props ->> 'loser_id')::bigint)) as who (id)
where h.name = 'Customers Merged' and jsonb_typeof(h.props -> 'loser_id') = 'number'
on conflict (bucket, customer_id, event_id) do update set loser_id = excluded.loser_id, cause = 'merge'

-- name: list_heard
-- What the cache has to learn of the batch, a row for each name: customer, half of the id and
-- instant are eight bytes each.
select name, string_agg(int8send(customer_id), ''),
    string_agg(substring(uuid_send(event_id) from 1 for 8), ''),
    string_agg(int8send((extract(epoch from time) * 1000000)::bigint), ''),
    array_agg(props::text) filter (where name = any(%(detailed)s))
from heard where name = any(%(names)s) group by name

-- name: take_work
-- Work out of the queue, into this transaction, alike rows together; customers are eight bytes each.
-- A merge waits until the loser's history has followed, and its winner until that was read.
with taken as (
    select w.bucket, w.customer_id, w.event_id from segment_work w
    where w.bucket between %(lo)s and %(hi)s and (w.loser_id is null or (
        w.customer_id = w.loser_id
        and not exists (select from merge_task t where t.loser_id = w.loser_id and t.copied_at is null)))
    order by w.bucket, w.customer_id, w.event_id limit %(limit)s
), gone as (
    delete from segment_work w using taken t
    where w.bucket = t.bucket and w.customer_id = t.customer_id and w.event_id = t.event_id
    returning w.customer_id, w.name, w.cause, w.depth, w.is_new, w.traits
)
select name, cause, depth, is_new, traits, string_agg(int8send(customer_id), '') from gone
group by name, cause, depth, is_new, traits

-- name: list_merged
-- Winners whose losers' histories have followed.
select w.bucket, w.customer_id, w.event_id from segment_work w
where w.bucket between %(lo)s and %(hi)s and w.loser_id is not null and w.customer_id <> w.loser_id
    and not exists (select from merge_task t where t.loser_id = w.loser_id and t.copied_at is null)
order by w.bucket, w.customer_id limit 1000

-- name: finish_merged
-- Their histories were read.
delete from segment_work w
where (w.bucket, w.customer_id, w.event_id) in (
    select * from unnest(%(buckets)s::int[], %(customers)s::bigint[], %(events)s::uuid[]))

-- name: list_active
-- Segments that are kept current, cheaply compared.
select id, version, name from segment where archived_at is null order by id

-- name: load_members
-- The sets of some buckets.
select segment_id, bucket, definition, base, flips from segment_member
where bucket between %(lo)s and %(hi)s

-- name: save_places
-- Sets as they are now.
insert into segment_member (segment_id, bucket, definition, version, base, flips, people, evaluated_at)
select k.segment_id, k.bucket, k.definition, k.version, k.base, k.flips, k.people, %(now)s
from unnest(%(segments)s::uuid[], %(buckets)s::bigint[], %(definitions)s::bytea[],
    %(versions)s::bigint[], %(bases)s::bytea[], %(flips)s::bytea[], %(people)s::bigint[])
    as k (segment_id, bucket, definition, version, base, flips, people)
order by k.segment_id, k.bucket
on conflict (segment_id, bucket) do update
set definition = excluded.definition, version = excluded.version, base = excluded.base,
    flips = excluded.flips, people = excluded.people, evaluated_at = excluded.evaluated_at

-- name: drop_members
-- Segments that are not kept current any more, in these buckets.
delete from segment_member m where m.bucket between %(lo)s and %(hi)s
    and not exists (select from segment s where s.id = m.segment_id and s.archived_at is null)

-- name: lock_segments
-- Which of these are not removed; until the transaction ends they will not be.
select id from segment where id = any(%(ids)s) for key share

-- name: list_erased
-- Which of these people were forgotten: nothing is written about them.
select c.customer_id from customer c
join unnest(%(customers)s::bigint[]) as k (customer_id)
    on c.bucket = (k.customer_id %% 1024)::int and c.customer_id = k.customer_id
where c.erased_at is not null

-- name: list_zones
-- The zones that occur.
select distinct zone from customer where zone is not null

-- name: list_since
-- Stages that reach an age between two instants.
select customer_id, (extract(epoch from since) * 1000000)::bigint from stage
where bucket between %(lo)s and %(hi)s and since > %(after)s and since <= %(until)s

-- name: list_fading
-- Interests that fall below a score between two instants: whose, which of the questions, how strong.
select i.customer_id, k.place, i.weight from interest i
join unnest(%(tags)s::text[], %(lows)s::float8[], %(highs)s::float8[]) with ordinality
    as k (tag, low, high, place) on i.tag = k.tag and i.weight >= k.low and i.weight < k.high
where i.bucket between %(lo)s and %(hi)s

-- name: read_size
-- How many there are, and in how many buckets the present definition was evaluated.
select coalesce(sum(people), 0), count(*) filter (where definition = %(definition)s)
from segment_member where segment_id = %(id)s

-- name: oldest_work
-- Since when something waits that segments look at.
select min(recorded_at) from segment_work

-- name: list_sizes
-- The size at the end of each day, oldest first.
select day, people, entered, exited from segment_size
where segment_id = %(id)s and day >= %(since)s order by day

-- name: count_sizes
-- Today's line of every segment that is kept.
insert into segment_size (segment_id, day, people, entered, exited, counted_at)
select m.segment_id, %(day)s, sum(m.people),
    (select count(*) from segment_change c where c.segment_id = m.segment_id and c.entered
        and c.recorded_at >= %(since)s),
    (select count(*) from segment_change c where c.segment_id = m.segment_id and not c.entered
        and c.recorded_at >= %(since)s),
    %(now)s
from segment_member m group by m.segment_id
on conflict (segment_id, day) do update set people = excluded.people, entered = excluded.entered,
    exited = excluded.exited, counted_at = excluded.counted_at

-- name: list_changes
-- Who came and went, the latest found out first.
select c.customer_id, c.at, c.entered, c.recorded_at, c.cause, c.version, p.traits ->> 'name'
from segment_change c
join customer p on p.bucket = c.bucket and p.customer_id = c.customer_id
where c.segment_id = %(id)s order by c.recorded_at desc, c.customer_id limit %(limit)s

-- name: list_stays
-- One person's entries into segments and exits, the latest first.
select c.segment_id, s.name, c.at, c.entered, c.cause, c.version
from segment_change c join segment s on s.id = c.segment_id
where c.bucket = %(bucket)s and c.customer_id = %(customer_id)s
    and (%(id)s::uuid is null or c.segment_id = %(id)s)
order by c.at desc limit 200

-- name: read_bucket
-- The stored sets of a segment from a bucket on.
select bucket, base, flips from segment_member
where segment_id = %(id)s and bucket >= %(bucket)s and people > 0 order by bucket

-- name: name_people
-- What these people are called, without those who are gone.
select c.customer_id, c.traits ->> 'name', c.traits ->> 'email'
from customer c
join unnest(%(ids)s::bigint[]) with ordinality as k (customer_id, place)
    on c.bucket = (k.customer_id %% 1024)::int and c.customer_id = k.customer_id
where c.merged_into is null and c.erased_at is null
order by k.place

-- name: count_by_definition
-- How many a definition brought in and put out when it came into force; those in the lake too.
select coalesce(sum(entered), 0)::bigint, coalesce(sum(exited), 0)::bigint from (
    select count(*) filter (where entered) as entered, count(*) filter (where not entered) as exited
    from segment_change
    where segment_id = %(id)s and version = %(version)s and cause = 'definition'
    union all
    select entered, exited from segment_tally where segment_id = %(id)s and version = %(version)s
) c

-- name: list_silent
-- Whom a definition brought in without telling anybody, and who are still in it.
select c.bucket, c.customer_id, c.at from segment_change c
where c.segment_id = %(id)s and c.version = %(version)s and c.cause = 'definition' and c.entered
    and (c.bucket, c.customer_id) > (%(bucket)s, %(customer_id)s)
    and not exists (select from segment_change l where l.segment_id = c.segment_id
        and l.bucket = c.bucket and l.customer_id = c.customer_id and l.at > c.at)
    and exists (select from customer p where p.bucket = c.bucket and p.customer_id = c.customer_id
        and p.merged_into is null and p.erased_at is null)
order by c.bucket, c.customer_id limit %(limit)s

-- name: count_silent
-- How many they are.
select count(*) from segment_change c
where c.segment_id = %(id)s and c.version = %(version)s and c.cause = 'definition' and c.entered
    and not exists (select from segment_change l where l.segment_id = c.segment_id
        and l.bucket = c.bucket and l.customer_id = c.customer_id and l.at > c.at)
    and exists (select from customer p where p.bucket = c.bucket and p.customer_id = c.customer_id
        and p.merged_into is null and p.erased_at is null)

-- name: list_interests
-- What one person likes, as it is weighed.
select tag, weight from interest where bucket = %(bucket)s and customer_id = %(customer_id)s
