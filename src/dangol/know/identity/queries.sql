-- name: lock_identities
-- Whoever changes who is who holds this until commit, so nobody plans on an outdated picture.
select pg_advisory_xact_lock(%(number)s)

-- name: find_known
-- The customers that these ids belong to; ids as a JSON list of {kind, value}.
with wanted as materialized (
    select kind, value from jsonb_to_recordset(%(nodes)s::jsonb) as n (kind text, value text)
)
select i.kind, i.value, i.customer_id
from identity i join wanted w on w.kind = i.kind and w.value = i.value

-- name: find_with_user
-- Which of these customers have a user id.
select distinct customer_id from identity
where (bucket, customer_id) in (
        select (c::bigint %% 1024)::int, c::bigint from unnest(%(ids)s::bigint[]) as t (c))
    and kind = 'user'

-- name: take_block
-- Customer ids in one dense block; a rollback gives them back.
update customer_block set next_id = next_id + %(count)s returning next_id - %(count)s

-- name: insert_customers
-- New customers, known by nothing but their first event so far.
insert into customer (bucket, customer_id, first_seen_at, last_seen_at, created_at)
select (n.id %% 1024)::int, n.id, n.first_at, n.last_at, %(now)s
from jsonb_to_recordset(%(customers)s::jsonb)
    as n (id bigint, first_at timestamptz, last_at timestamptz)
order by 1, 2

-- name: insert_identities
-- New ids, each to its customer. The plan was made under the lock, so none can be taken.
insert into identity (kind, value, bucket, customer_id, linked_at)
select n.kind, n.value, (n.customer_id %% 1024)::int, n.customer_id, %(now)s
from jsonb_to_recordset(%(nodes)s::jsonb) as n (kind text, value text, customer_id bigint)
order by n.kind, n.value

-- name: lock_customers
-- Both sides of each merge, in key order, as Live and erasure lock them.
select customer_id, traits, trait_stamps, first_seen_at, last_seen_at, merged_into, erased_at
from customer
where (bucket, customer_id) in (
    select (c::bigint %% 1024)::int, c::bigint from unnest(%(ids)s::bigint[]) as t (c))
order by bucket, customer_id for update

-- name: move_identities
-- The loser's ids name the winner from now on.
update identity i set bucket = p.winner_bucket, customer_id = p.winner_id
from jsonb_to_recordset(%(pairs)s::jsonb)
    as p (loser_bucket int, loser_id bigint, winner_bucket int, winner_id bigint)
where i.bucket = p.loser_bucket and i.customer_id = p.loser_id

-- name: mark_losers
-- The losers point to their winners.
update customer c set merged_into = p.winner_id
from jsonb_to_recordset(%(pairs)s::jsonb)
    as p (loser_bucket int, loser_id bigint, winner_id bigint)
where c.bucket = p.loser_bucket and c.customer_id = p.loser_id

-- name: redirect_losers
-- Whoever had merged into a loser before points to its winner: every pointer is one step long.
update customer c set merged_into = p.winner_id
from jsonb_to_recordset(%(pairs)s::jsonb) as p (loser_id bigint, winner_id bigint)
join merge_task t on t.winner_id = p.loser_id
where c.bucket = (t.loser_id %% 1024)::int and c.customer_id = t.loser_id

-- name: redirect_tasks
-- Histories still on their way to a loser go to its winner.
update merge_task t set winner_id = p.winner_id
from jsonb_to_recordset(%(pairs)s::jsonb) as p (loser_id bigint, winner_id bigint)
where t.winner_id = p.loser_id

-- name: insert_tasks
-- The histories of the losers are still to be copied.
insert into merge_task (loser_id, winner_id, reason, created_at)
select p.loser_id, p.winner_id, 'identity', %(now)s
from jsonb_to_recordset(%(pairs)s::jsonb) as p (loser_id bigint, winner_id bigint)
order by p.loser_id
on conflict (loser_id) do nothing

-- name: join_days
-- Relationship days of both are the winner's.
insert into relationship_day (bucket, customer_id, day, events, revenue_minor, unrated)
select p.winner_bucket, p.winner_id, d.day, sum(d.events), sum(d.revenue_minor), sum(d.unrated)
from jsonb_to_recordset(%(pairs)s::jsonb)
    as p (loser_bucket int, loser_id bigint, winner_bucket int, winner_id bigint)
join relationship_day d on d.bucket = p.loser_bucket and d.customer_id = p.loser_id
group by p.winner_bucket, p.winner_id, d.day
order by p.winner_bucket, p.winner_id, d.day
on conflict (bucket, customer_id, day) do update
set events = relationship_day.events + excluded.events,
    revenue_minor = relationship_day.revenue_minor + excluded.revenue_minor,
    unrated = relationship_day.unrated + excluded.unrated

-- name: drop_days
-- They were added to the winner's.
delete from relationship_day d
using jsonb_to_recordset(%(pairs)s::jsonb) as p (loser_bucket int, loser_id bigint)
where d.bucket = p.loser_bucket and d.customer_id = p.loser_id

-- name: drop_stages
-- A loser stands nowhere; the winner is scored anew from the joined days.
delete from stage s
using jsonb_to_recordset(%(pairs)s::jsonb) as p (loser_bucket int, loser_id bigint)
where s.bucket = p.loser_bucket and s.customer_id = p.loser_id

-- name: join_profiles
-- The winner's profile after folding in the loser's.
update customer c
set traits = f.traits, trait_stamps = f.trait_stamps, search = f.search, locale = f.locale,
    country = f.country, first_seen_at = f.first_seen_at, last_seen_at = f.last_seen_at,
    zone = case when c.zone_source = 'customer' then c.zone else f.zone end,
    zone_source = case when c.zone_source = 'customer' then c.zone_source else f.zone_source end
from jsonb_to_recordset(%(folds)s::jsonb)
    as f (bucket int, customer_id bigint, traits jsonb, trait_stamps jsonb, search text,
        locale text, country text, zone text, zone_source text,
        first_seen_at timestamptz, last_seen_at timestamptz)
where c.bucket = f.bucket and c.customer_id = f.customer_id

-- name: drop_old_addresses
-- The winner's address goes where the folded profile states another one, or none.
delete from contact_point a
using jsonb_to_recordset(%(folds)s::jsonb) as f (bucket int, customer_id bigint, email text)
where a.bucket = f.bucket and a.customer_id = f.customer_id and a.channel = 'email'
    and a.address is distinct from f.email

-- name: join_contact_points
-- The loser's address becomes the winner's where the folded profile states it.
insert into contact_point (bucket, customer_id, channel, address, address_hash, stamp)
select distinct on (f.bucket, f.customer_id)
    f.bucket, f.customer_id, a.channel, a.address, a.address_hash, a.stamp
from jsonb_to_recordset(%(pairs)s::jsonb)
    as p (loser_bucket int, loser_id bigint, winner_bucket int, winner_id bigint)
join jsonb_to_recordset(%(folds)s::jsonb) as f (bucket int, customer_id bigint, email text)
    on f.bucket = p.winner_bucket and f.customer_id = p.winner_id
join contact_point a on a.bucket = p.loser_bucket and a.customer_id = p.loser_id
    and a.channel = 'email' and a.address = f.email
order by f.bucket, f.customer_id, a.stamp desc
on conflict (bucket, customer_id, channel) do nothing

-- name: drop_contact_points
-- Nobody is reached as the loser any more.
delete from contact_point a
using jsonb_to_recordset(%(pairs)s::jsonb) as p (loser_bucket int, loser_id bigint)
where a.bucket = p.loser_bucket and a.customer_id = p.loser_id

-- name: find_with_answers
-- Which of the losers ever answered anything, or were written to.
select p.loser_id from jsonb_to_recordset(%(pairs)s::jsonb) as p (loser_bucket int, loser_id bigint)
where exists (select from consent c where c.bucket = p.loser_bucket and c.customer_id = p.loser_id)
    or exists (select from contact_state s
        where s.bucket = p.loser_bucket and s.customer_id = p.loser_id)

-- name: find_customer
-- Whose this id is.
select customer_id from identity where kind = %(kind)s and value = %(value)s

-- name: list_of_customer
-- The ids of a customer, the oldest first.
select kind, value, linked_at from identity
where bucket = %(bucket)s and customer_id = %(customer_id)s order by linked_at, kind, value
