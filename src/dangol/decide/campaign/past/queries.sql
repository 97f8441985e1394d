-- SQL of messages that leave for the lake.

-- name: has_due
-- Whether a campaign ended long enough ago and has not been moved since.
select exists (select from campaign c join send s on s.id = c.send_id
    where c.finished_at < %(before)s and s.state = 'closed'
        and (s.moved_at is null or s.moved_at <= c.finished_at))

-- name: hold_due
-- Sends to move now, the oldest first, held: nobody opens them again meanwhile.
select s.id from campaign c join send s on s.id = c.send_id
where c.finished_at < %(before)s and s.state = 'closed'
    and (s.moved_at is null or s.moved_at <= c.finished_at)
order by c.finished_at, s.id limit %(limit)s for update of s

-- name: list_strays
-- Where letters went whose receivers have another address by now.
select m.bucket, m.customer_id, m.send_id, m.address
from generate_series(0, 1023) b (bucket)
cross join unnest(%(sends)s::bigint[]) s (id)
cross join lateral (select k.bucket, k.customer_id, k.send_id, k.address from message k
    where k.bucket = b.bucket and k.send_id = s.id and k.state = 'accepted'
        and k.address is not null) m
where (m.bucket, m.customer_id, m.send_id) <= (%(bucket)s, %(customer_id)s, %(send_id)s)
    and not exists (select from contact_point p where p.bucket = m.bucket
        and p.customer_id = m.customer_id and p.channel = 'email' and p.address = m.address)

-- name: delete_moved
-- The rows that the file holds: what was final in this same snapshot, up to its last row. What may
-- or may not have left stays until the owner decides. Each is counted, and what arrived leaves a
-- trace.
with gone as (
    delete from message m where m.ctid = any(array(
        select k.ctid
        from generate_series(0, 1023) b (bucket)
        cross join unnest(%(sends)s::bigint[]) s (id)
        cross join lateral (select k.ctid, k.bucket, k.customer_id, k.send_id from message k
            where k.bucket = b.bucket and k.send_id = s.id
                and k.state in ('accepted', 'failed', 'silent', 'held_out')) k
        where (k.bucket, k.customer_id, k.send_id)
            <= (%(bucket)s, %(customer_id)s, %(send_id)s)))
    returning m.bucket, m.customer_id, m.send_id, m.state, coalesce(m.reason, '') as reason,
        m.handed_at, m.locale, m.address
), kept as (
    insert into message_past (bucket, customer_id, send_id, handed_at, locale, address_hash)
    select g.bucket, g.customer_id, g.send_id, g.handed_at, g.locale, p.address_hash
    from gone g left join contact_point p on p.bucket = g.bucket and p.customer_id = g.customer_id
        and p.channel = 'email' and p.address = g.address
    where g.state = 'accepted' and g.handed_at is not null
), counted as (
    insert into message_tally (send_id, state, reason, messages)
    select send_id, state, reason, count(*) from gone group by send_id, state, reason
    on conflict (send_id, state, reason) do update
    set messages = message_tally.messages + excluded.messages
)
select count(*) from gone

-- name: keep_hashes
-- Where letters went whose receivers have another address by now.
update message_past k set address_hash = u.address_hash
from unnest(%(buckets)s::int[], %(customers)s::bigint[], %(sends)s::bigint[], %(hashes)s::bytea[])
    as u (bucket, customer_id, send_id, address_hash)
where k.bucket = u.bucket and k.customer_id = u.customer_id and k.send_id = u.send_id

-- name: mark_moved
-- Nothing of these sends is left to move.
update send s set moved_at = %(now)s where s.id = any(%(sends)s)

-- name: has_past
-- Whether messages of a send are in the lake.
select exists (select from message_tally where send_id = %(send_id)s)

-- name: has_files
-- Whether messages of anybody in this bucket are in the lake.
select exists (select from lake_file where kind = 'message' and removed_at is null
    and bucket_lo <= %(bucket)s and bucket_hi >= %(bucket)s)

-- name: name_sends
-- What a list of messages says about sends.
select s.id, s.kind, c.id as campaign_id, coalesce(c.name, l.name) as name
from send s left join campaign c on c.send_id = s.id left join letter l on l.id = s.letter_id
where s.id = any(%(sends)s)

-- name: name_people
-- Names and present addresses of people in a list; and where the letter went, if they are still
-- reached there.
select u.send_id, c.customer_id, c.traits ->> 'name', p.address,
    case when k.address_hash = p.address_hash then p.address end
from unnest(%(sends)s::bigint[], %(ids)s::bigint[]) as u (send_id, id)
join customer c on c.bucket = (u.id %% 1024)::int and c.customer_id = u.id
left join contact_point p
    on p.bucket = c.bucket and p.customer_id = c.customer_id and p.channel = 'email'
left join message_past k
    on k.bucket = c.bucket and k.customer_id = c.customer_id and k.send_id = u.send_id
