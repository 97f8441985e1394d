-- name: people
-- Which customers a list is about: the part that every list and every count of people share.
from customer c
left join stage s on s.bucket = c.bucket and s.customer_id = c.customer_id
left join contact_point p
    on p.bucket = c.bucket and p.customer_id = c.customer_id and p.channel = 'email'
where c.merged_into is null and c.erased_at is null
    and exists (select from identity i where i.bucket = c.bucket
        and i.customer_id = c.customer_id and i.kind in ('user', 'email')) <> %(visitors)s
    and (%(pattern)s::text is null or c.search like %(pattern)s or c.customer_id = any(%(ids)s))
    and (%(stage)s::text is null or coalesce(s.stage, 'unknown') = %(stage)s)
    and (%(previous)s::text is null or s.previous = %(previous)s)
    and (%(changed_after)s::timestamptz is null or s.since >= %(changed_after)s)
    and (not %(by_themselves)s or s.cause in ('behaviour', 'time', 'history'))
    and (%(first_after)s::timestamptz is null or c.first_seen_at >= %(first_after)s)
    and (%(came_after)s::date is null or (s.repeats = 0 and s.first_day >= %(came_after)s))
    and (%(quiet_on)s::date is null
        or (%(quiet_on)s::date - s.last_day) * s.repeats > s.last_day - s.first_day
        or s.repeats = 0)

-- name: list_begun
-- With whom of these we began a conversation lately: the latest each.
select distinct on (customer_id) customer_id, id, opened_at from thread
where bucket = any(%(buckets)s) and customer_id = any(%(customers)s) and is_begun
    and opened_at >= %(since)s
order by customer_id, opened_at desc

-- name: people_columns
-- What a list shows of each.
select c.bucket, c.customer_id, c.traits, c.search, p.address, c.first_seen_at, c.last_seen_at,
    coalesce(s.stage, 'unknown') as stage, s.since, s.previous, s.repeats, s.first_day, s.last_day

-- name: flow
-- How many stand in each stage, by where they came from when that was lately.
select coalesce(s.stage, 'unknown') as stage,
    case when s.since >= %(lately)s and s.previous is not null
        and s.cause in ('behaviour', 'time') then s.previous end as previous,
    count(*)

-- name: waiting
-- Who waits for an answer of ours, longest first.
select t.bucket, t.customer_id, t.id, t.subject, t.waiting_since, t.is_complaint, c.traits
from thread t join customer c on c.bucket = t.bucket and c.customer_id = t.customer_id
where t.waiting_since is not null order by t.waiting_since, t.id limit %(limit)s

-- name: count_waiting
-- How many threads wait for an answer.
select count(*) from thread where waiting_since is not null

-- name: going_out
-- Campaigns that are about to go out or are on their way.
select id, name, state, schedule, launched_at, changed_at from campaign
where state in ('scheduled', 'planning', 'running', 'paused')
order by changed_at desc limit %(limit)s

-- name: count_orders
-- Days on which somebody ordered, and since when we know of any.
select count(*), min(day) from relationship_day

-- name: messages_of
-- What was planned for or sent to one customer, latest first.
select m.send_id, m.state, m.reason, m.due_at, m.handed_at, s.kind, c.id as campaign_id,
    coalesce(c.name, l.name) as name
from message m
join send s on s.id = m.send_id
left join campaign c on c.send_id = m.send_id
left join letter l on l.id = s.letter_id
where m.bucket = %(bucket)s and m.customer_id = %(customer_id)s
order by coalesce(m.handed_at, m.due_at) desc, m.send_id desc limit %(limit)s

-- name: keep_upload
-- A file that waits for its columns to be confirmed.
insert into blob (id, sha256, name, content_type, size, data, created_at, created_by)
values (%(id)s, %(sha256)s, %(name)s, %(type)s, %(size)s, %(data)s, %(now)s, %(by)s)

-- name: find_upload
-- The file that waits.
select name, data from blob where id = %(id)s and content_type = %(type)s

-- name: take_upload
-- Confirmed: the import deletes it when it is done.
update blob set content_type = %(type)s where id = %(id)s

-- name: sweep_uploads
-- Files that nobody confirmed.
delete from blob where content_type = %(type)s and created_at < %(before)s

-- name: list_dispatchers
-- Dispatchers that were seen lately.
select id, host, started_at, seen_at, status from dispatcher where seen_at >= %(since)s order by id

-- name: count_unsent
-- Messages that wait to be handed over.
select count(*) from message where state in ('planned', 'queued', 'deferred')
