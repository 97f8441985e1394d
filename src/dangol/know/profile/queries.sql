-- name: meet_customers
-- Every customer of the batch gets a row and is locked until the end: a merge or an erasure
-- waits for us, or we see it. Last seen is by own doing only: not by what we did or found out,
-- nor by what a list or a member of the team told.
with met as (
    insert into customer (bucket, customer_id, first_seen_at, last_seen_at, created_at)
    select bucket, customer_id, min(time),
        coalesce(max(time) filter (where (origin is null or name = any(%(answers)s))
            and source <> 'desk' and not props @> '{"machine": true}'
            and name <> all(%(ours)s)
            and not (name = 'Profile Updated'
                and (effect = 'history' or props @> '{"$active": false}'))),
            least(min(time), to_timestamp(0))), %(now)s
    from heard group by bucket, customer_id order by bucket, customer_id
    on conflict (bucket, customer_id) do update
    set first_seen_at = least(customer.first_seen_at, excluded.first_seen_at),
        last_seen_at = greatest(customer.last_seen_at, excluded.last_seen_at)
    where excluded.first_seen_at < customer.first_seen_at
        or excluded.last_seen_at > customer.last_seen_at
    returning bucket, customer_id, created_at
)
select bucket, customer_id from met where created_at = %(now)s

-- name: read_statements
-- What the batch says about traits, and what held before.
select h.bucket, h.customer_id, h.event_id,
    (extract(epoch from h.time) * 1000000)::bigint as micros, h.props::text
from heard h where h.name = 'Profile Updated'
order by h.bucket, h.customer_id

-- name: read_traits
-- The traits and stamps that held before the batch.
select c.bucket, c.customer_id, c.traits::text, c.trait_stamps::text
from customer c
join (select distinct bucket, customer_id from heard where name = 'Profile Updated') h
    on h.bucket = c.bucket and h.customer_id = c.customer_id

-- name: create_folded
-- Where the folded profiles of one batch are staged.
create temp table if not exists folded (
    bucket int, customer_id bigint, traits jsonb, trait_stamps jsonb, search text,
    locale text, country text, zone text, zone_source text,
    address text, address_hash bytea, stamp text
) on commit delete rows

-- name: save_folded
-- The customers' rows follow the staged folds; a zone that the customer chose stays.
update customer c
set traits = f.traits, trait_stamps = f.trait_stamps, search = f.search, locale = f.locale,
    country = f.country,
    zone = case when c.zone_source = 'customer' then c.zone else f.zone end,
    zone_source = case when c.zone_source = 'customer' then c.zone_source else f.zone_source end
from folded f where c.bucket = f.bucket and c.customer_id = f.customer_id

-- name: save_contact_points
-- The address follows the trait.
insert into contact_point (bucket, customer_id, channel, address, address_hash, stamp)
select bucket, customer_id, 'email', address, address_hash, stamp
from folded where address is not null order by bucket, customer_id
on conflict (bucket, customer_id, channel) do update
set address = excluded.address, address_hash = excluded.address_hash, stamp = excluded.stamp
where contact_point.address_hash <> excluded.address_hash

-- name: drop_contact_points
-- Who no longer states an address has none.
delete from contact_point p using folded f
where f.address is null and f.stamp <> '' and p.bucket = f.bucket
    and p.customer_id = f.customer_id and p.channel = 'email'

-- name: open_contact_states
-- A row to lock for everyone who can be reached.
insert into contact_state (bucket, customer_id, channel)
select bucket, customer_id, 'email' from folded where address is not null
order by bucket, customer_id
on conflict (bucket, customer_id, channel) do nothing

-- name: find_customer
-- One customer with the address and the identities; a merged one leads to the winner.
select c.bucket, c.customer_id, c.traits, c.first_seen_at, c.last_seen_at, c.created_at,
    c.locale, c.zone, c.zone_source, c.country, c.merged_into, c.erased_at, p.address
from customer c
left join contact_point p
    on p.bucket = c.bucket and p.customer_id = c.customer_id and p.channel = 'email'
where c.bucket = %(bucket)s and c.customer_id = %(customer_id)s

-- name: list_identities
-- How senders call this customer.
select kind, value from identity
where bucket = %(bucket)s and customer_id = %(customer_id)s order by kind, value limit 50

-- name: find_by_identity
-- The customers that one of these exact names belongs to.
select bucket, customer_id from identity
where kind in ('user', 'anon', 'email') and value = any(%(values)s) limit 50

-- name: find_by_note
-- The customers about whom somebody noted this.
select bucket, customer_id from note where lower(text) like %(pattern)s limit 200

-- name: search
-- Customers whose search text contains the pattern, or who are named exactly; last seen first.
select c.bucket, c.customer_id, c.traits, c.last_seen_at, p.address
from customer c
left join contact_point p
    on p.bucket = c.bucket and p.customer_id = c.customer_id and p.channel = 'email'
where c.merged_into is null and c.erased_at is null
    and (c.search like %(pattern)s or c.customer_id = any(%(ids)s))
order by c.last_seen_at desc, c.customer_id desc
limit %(limit)s offset %(offset)s

-- name: count_found
-- How many customers `search` would list in all.
select count(*) from customer c
where c.merged_into is null and c.erased_at is null
    and (c.search like %(pattern)s or c.customer_id = any(%(ids)s))

-- name: hear_statement
-- A statement of the team takes the way of every other fact.
insert into intake (received_at, kind, source, body) values (%(now)s, 'system', 'desk', %(body)s)

-- name: recent_entries
-- One page of a customer's recent events, latest first.
select event_id, name, time, utc_offset_min, props, source, effect, cause, origin
from event_recent
where bucket = %(bucket)s and customer_id = %(customer_id)s
    and (time, event_id) < (%(time)s, %(event_id)s::uuid)
order by time desc, event_id desc limit %(more)s
