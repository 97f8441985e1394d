-- name: prefer_key_lookups
-- The batch drives every join by key. Statistics taken while a table was empty, or while all rows
-- were in one state, have led the planner to scans and hash joins that cost seconds.
select set_config(name, value, true) from (values ('enable_seqscan', 'off'),
    ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'), ('enable_bitmapscan', 'off'),
    ('enable_material', 'off'), ('enable_memoize', 'off'), ('enable_sort', 'on'),
    ('join_collapse_limit', '1'), ('from_collapse_limit', '1'),
    ('max_parallel_workers_per_gather', '0')) as chosen (name, value)

-- name: load_people
-- What the guard looks at, and what the letter may show. At hand-off it is a later statement than
-- the lock of the contact rows: it sees what everyone committed who held them before. `limit 1`
-- keeps every lookup by key: joined plainly, the planner once materialised a whole table instead.
select u.customer_id,
    case when c.merged_into is not null then 1
         when c.erased_at is not null or c.customer_id is null then 2 else 0 end,
    p.address,
    coalesce((select max(case x.covers when 'everything' then 2 else 1 end) from suppression x
        where x.channel = 'email' and x.address_hash = p.address_hash and x.lifted_at is null), 0),
    coalesce(s.consent, 'unknown'),
    s.topics #>> array[%(topic)s, 'state'],
    s.objected_at is not null,
    coalesce(case when s.paused_until = 'infinity' then 9000000000000000
        else (extract(epoch from s.paused_until) * 1000000)::bigint end, 0),
    coalesce(g.stage, 'unknown'),
    exists (select from thread t where t.bucket = u.bucket and t.customer_id = u.customer_id
        and t.is_complaint and t.state = 'open'),
    case when s.handed_at = '{}' then 0
        else (select count(*) from unnest(s.handed_at) h where h > %(day_ago)s) end,
    case when s.handed_at = '{}' then 0
        else (select count(*) from unnest(s.handed_at) h where h > %(week_ago)s) end,
    c.zone,
    false,
    case when s.attention_locked_until > %(now)s then 0 when s.attention_at is null then 10
        else 10 + (s.attention - 10)
            * exp(-greatest(date_part('epoch', %(now)s - s.attention_at), 0) / 1209600) end,
    s.consent_version, c.traits::text, c.locale, c.country, p.address_hash, g.model_version
from unnest(%(buckets)s::int[], %(customers)s::bigint[])
    with ordinality as u (bucket, customer_id, n)
left join lateral (select * from customer c
    where c.bucket = u.bucket and c.customer_id = u.customer_id limit 1) c on true
left join lateral (select * from contact_state s
    where s.bucket = u.bucket and s.customer_id = u.customer_id and s.channel = 'email'
    limit 1) s on true
left join lateral (select * from contact_point p
    where p.bucket = u.bucket and p.customer_id = u.customer_id and p.channel = 'email'
    limit 1) p on true
left join lateral (select g.stage, g.model_version from stage g
    where g.bucket = u.bucket and g.customer_id = u.customer_id limit 1) g on true
order by u.n

-- name: shared_addresses
-- Of these people, who has an address that somebody else has too.
select u.customer_id
from unnest(%(buckets)s::int[], %(customers)s::bigint[]) as u (bucket, customer_id)
cross join lateral (select * from contact_point p
    where p.bucket = u.bucket and p.customer_id = u.customer_id and p.channel = 'email'
    limit 1) p
where exists (select from contact_point o where o.channel = 'email'
    and o.address_hash = p.address_hash and o.customer_id <> p.customer_id)
