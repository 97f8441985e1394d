-- name: lock_ledgers
-- What the batch says that counts, with the ledger it counts in, which began with the first letter.
-- One pass in key order, before answers about consent lock some of the same rows. What is viewed
-- within half an hour after the visit that was counted last is that visit still.
select s.ctid::text, s.bucket, s.customer_id, date_part('epoch', e.time),
    e.kind, e.amount, e.is_visit, s.attention,
    date_part('epoch', s.attention_at),
    date_part('epoch', s.attention_locked_until),
    date_part('epoch', s.visited_at)
from (
    select h.bucket, h.customer_id, least(h.time, %(now)s) as time,
        case when h.name = 'Message Complained' then 3
            when h.name <> 'Consent Changed' then 1
            when h.props->>'state' in ('withdrawn', 'denied')
                and coalesce(h.props->>'topic', '*') <> '!pause' then 2
            else 0 end as kind,
        g.amount, h.name = any(%(visits)s) as is_visit
    from unnest(%(names)s::text[], %(gains)s::float8[]) as g (name, amount)
    join heard h on h.name = g.name
    where h.time > %(since)s
    union all
    select c.bucket, c.customer_id, least(c.time, %(now)s), 1, c.amount, false
    from unnest(%(buckets)s::bigint[], %(customers)s::bigint[], %(times)s::timestamptz[],
        %(amounts)s::float8[]) as c (bucket, customer_id, time, amount)
) e
join contact_state s on s.bucket = e.bucket and s.customer_id = e.customer_id
    and s.channel = 'email' and s.attention_at is not null
where not e.is_visit or s.visited_at is null or e.time > s.visited_at + %(gap)s
order by s.bucket, s.customer_id, e.time
for update of s

-- name: save_ledgers
-- What the entries left; the rows are locked, so their places in the table hold.
update contact_state s set attention = u.level, attention_at = u.at,
    attention_locked_until = u.locked_until, visited_at = u.visited_at
from unnest(%(rows)s::text[]::tid[], %(levels)s::float8[], %(ats)s::timestamptz[],
    %(locks)s::timestamptz[], %(visits)s::timestamptz[])
    as u (row, level, at, locked_until, visited_at)
where s.ctid = u.row

-- name: find_ledger
-- One person's, as it was last touched.
select attention, attention_at, attention_locked_until from contact_state
where bucket = %(bucket)s and customer_id = %(customer_id)s and channel = 'email'

-- name: join_ledgers
-- Two people turn out to be one: what each took and gave counts for both. The loser's is as if
-- nothing had happened, so that doing it again changes nothing. The rows are locked.
with told as (
    select customer_id, attention_locked_until as locked, visited_at,
        (attention - 10) * exp(-greatest(date_part('epoch', %(now)s - attention_at), 0)
            / 1209600) as off
    from contact_state where channel = 'email' and attention_at is not null
        and (bucket, customer_id) in
            ((%(winner_bucket)s, %(winner_id)s), (%(loser_bucket)s, %(loser_id)s))
), joined as (
    select sum(off) as off, max(locked) as locked, max(visited_at) as visited_at from told
    having bool_or(customer_id = %(loser_id)s)
), cleared as (
    update contact_state set attention = 10, attention_at = null, attention_locked_until = null,
        visited_at = null
    where bucket = %(loser_bucket)s and customer_id = %(loser_id)s and channel = 'email'
)
update contact_state s set attention = least(20, greatest(0, 10 + j.off)), attention_at = %(now)s,
    attention_locked_until = j.locked, visited_at = j.visited_at
from joined j
where s.bucket = %(winner_bucket)s and s.customer_id = %(winner_id)s and s.channel = 'email'
