-- name: take_send_id
-- Hand out the next number of a send; the row lock serialises takers.
update send_block set next_id = next_id + 1 returning next_id - 1

-- name: insert_send
-- A send: what is said, the same for all its messages.
insert into send (id, kind, message_kind, topic, letter_id, letter_version, holdout_share,
    expires_at, created_at, created_by)
values (%(id)s, %(kind)s, %(message_kind)s, %(topic)s, %(letter_id)s, %(letter_version)s,
    %(holdout_share)s, %(expires_at)s, %(now)s, %(by)s)

-- name: find_send
-- One send.
select id, kind, message_kind, topic, letter_id, letter_version, holdout_share, state, expires_at
from send where id = %(id)s

-- name: set_send_state
-- Open, pause or close a send. A hand-off holds the row for share, so this waits for it.
update send set state = %(state)s where id = %(id)s and state = any(%(from)s) returning id

-- name: insert_message
-- One message that waits for its hand-off.
insert into message (bucket, send_id, customer_id, state, due_at, planned_at, locale, address)
values (%(bucket)s, %(send_id)s, %(customer_id)s, 'queued', %(due_at)s, %(now)s, %(locale)s,
    %(address)s)
on conflict (bucket, send_id, customer_id) do nothing returning send_id

-- name: ensure_contact_state
-- A row that the hand-off can lock.
insert into contact_state (bucket, customer_id, channel) values (%(bucket)s, %(customer_id)s, 'email')
on conflict (bucket, customer_id, channel) do nothing

-- name: silence_customer
-- End a customer's waiting messages, because the customer is gone or merged.
update message set state = 'silent', reason = %(reason)s, finished_at = %(now)s
where bucket = %(bucket)s and customer_id = %(customer_id)s and state in ('queued', 'deferred')

-- name: insert_campaign
-- A new draft.
insert into campaign (id, name, state, segment_id, letter_id, schedule, holdout_share, created_at,
    created_by, changed_at)
values (%(id)s, %(name)s, 'draft', %(segment_id)s, %(letter_id)s, %(schedule)s, %(holdout_share)s,
    %(now)s, %(by)s, %(now)s)

-- name: change_draft
-- Another version of a draft, if nobody changed it meanwhile.
update campaign set name = %(name)s, segment_id = %(segment_id)s, letter_id = %(letter_id)s,
    schedule = %(schedule)s, holdout_share = %(holdout_share)s, changed_at = %(now)s
where id = %(id)s and state = 'draft' and changed_at = %(expected)s returning id

-- name: delete_draft
-- A draft that is not wanted any more.
delete from campaign where id = %(id)s and state = 'draft' returning id

-- name: find_campaign
-- One campaign.
select id, name, state, segment_id, segment_version, letter_id, letter_version, send_id, schedule,
    holdout_share, created_at, created_by, changed_at, starts_at, launched_at, planned_at,
    finished_at, state_reason
from campaign where id = %(id)s

-- name: list_campaigns
-- The latest first.
select id, name, state, segment_id, segment_version, letter_id, letter_version, send_id, schedule,
    holdout_share, created_at, created_by, changed_at, starts_at, launched_at, planned_at,
    finished_at, state_reason
from campaign order by coalesce(launched_at, changed_at) desc, id limit %(limit)s

-- name: launch_campaign
-- From draft to on its way: versions are pinned, the send exists.
update campaign set state = %(state)s, segment_version = %(segment_version)s,
    letter_version = %(letter_version)s, send_id = %(send_id)s, starts_at = %(starts_at)s,
    launched_at = %(now)s, changed_at = %(now)s
where id = %(id)s and state = 'draft' returning id

-- name: find_segment_definition
-- What a segment means, at the version a campaign was launched with, or now.
select s.version, coalesce(v.definition, s.definition), s.archived_at is not null from segment s
left join segment_version v on v.segment_id = s.id and v.version = %(version)s
where s.id = %(id)s

-- name: set_campaign_state
-- Compare and set.
update campaign set state = %(state)s, changed_at = %(now)s, state_reason = %(reason)s,
    finished_at = case when %(state)s in ('done', 'cancelled') then %(now)s else finished_at end
where id = %(id)s and state = any(%(from)s) returning send_id, planned_at

-- name: list_starting
-- Campaigns that are to be planned now: their time has come, or planning was interrupted.
select id from campaign
where state in ('scheduled', 'planning') and starts_at <= %(soon)s order by starts_at

-- name: start_planning
-- Its time has come.
update campaign set state = 'planning', changed_at = %(now)s where id = %(id)s and state = 'scheduled'

-- name: finish_planning
-- Everyone has a row.
update campaign set planned_at = %(now)s, changed_at = %(now)s,
    state = case when state = 'planning' then 'running' else state end
where id = %(id)s and planned_at is null and state in ('planning', 'paused')

-- name: plan_buckets
-- Take these buckets; those that were planned before are not returned.
insert into campaign_bucket (bucket, send_id, planned_at)
select bucket, %(send_id)s, %(now)s from unnest(%(buckets)s::int[]) as u (bucket)
on conflict (bucket, send_id) do nothing returning bucket

-- name: hold_campaign
-- The campaign, held while a part of it is planned: cancelling waits.
select state from campaign where id = %(id)s for share

-- name: add_contact_states
-- A row to lock for everyone who can be reached.
insert into contact_state (bucket, customer_id, channel)
select u.bucket, u.customer_id, 'email'
from unnest(%(buckets)s::int[], %(customers)s::bigint[]) as u (bucket, customer_id)
order by u.bucket, u.customer_id
on conflict (bucket, customer_id, channel) do nothing

-- name: take_addresses
-- The first to take it has the address; returned are those that got theirs, or have it.
insert into send_address (send_id, address_hash, bucket, customer_id)
select distinct on (u.address_hash) %(send_id)s, u.address_hash, u.bucket, u.customer_id
from unnest(%(hashes)s::bytea[], %(buckets)s::int[], %(customers)s::bigint[])
    as u (address_hash, bucket, customer_id)
order by u.address_hash, u.bucket, u.customer_id
on conflict (send_id, address_hash) do update
set bucket = excluded.bucket, customer_id = excluded.customer_id
where send_address.customer_id = excluded.customer_id or exists (select from customer c
    where c.bucket = send_address.bucket and c.customer_id = send_address.customer_id
        and c.merged_into = excluded.customer_id)
returning customer_id

-- name: forget_addresses
-- A campaign that was over long ago writes to nobody any more, not even what was uncertain. The sends
-- that hold addresses are found by a probe each.
with recursive held (send_id) as (
    select min(send_id) from send_address
    union all
    select (select min(a.send_id) from send_address a where a.send_id > held.send_id)
    from held where held.send_id is not null
)
delete from send_address where ctid = any(array(
    select k.ctid from held
    join campaign c on c.send_id = held.send_id and c.state in ('done', 'cancelled')
        and c.finished_at < %(before)s
    join send_address k on k.send_id = held.send_id
    limit %(limit)s))

-- name: silence_send
-- End a part of what waits: a million rows in one statement would hold them, and their journal, for
-- minutes. Of a send that is closed nobody else takes any.
update message m set state = 'silent', reason = %(reason)s, finished_at = %(now)s
from (select k.ctid as row from message k
    where k.send_id = %(send_id)s and k.state in ('queued', 'deferred')
    order by k.due_at, k.bucket, k.customer_id limit %(limit)s for update) v
where m.ctid = v.row

-- name: count_waiting
-- How many messages of a send were not handed over yet.
select count(*) from message where send_id = %(send_id)s and state in ('queued', 'deferred')

-- name: list_cancelled_with_rest
-- Sends of campaigns cancelled lately of which something still waits: an index probe for each.
select c.send_id from campaign c
where c.state = 'cancelled' and c.changed_at > %(since)s and exists (
    select from message m where m.send_id = c.send_id and m.state in ('queued', 'deferred'))
order by c.send_id

-- name: count_messages
-- How many messages stand where, and why; those that are in the lake were counted when they left.
select state, nullif(reason, '') as reason, sum(messages)::bigint from (
    select state, coalesce(reason, '') as reason, count(*) as messages from message
    where send_id = %(send_id)s and bucket between 0 and 1023 group by 1, 2
    union all
    select state, reason, messages from message_tally where send_id = %(send_id)s) counted
group by state, counted.reason order by state, counted.reason

-- name: list_messages
-- One page of the people behind a number, in the order of their keys.
select m.bucket, m.customer_id, m.state, m.reason, m.due_at, m.handed_at, m.finished_at, m.address,
    m.attempts, m.response, c.traits->>'name', p.address
from message m
left join customer c on c.bucket = m.bucket and c.customer_id = m.customer_id
left join contact_point p
    on p.bucket = m.bucket and p.customer_id = m.customer_id and p.channel = 'email'
where m.send_id = %(send_id)s and m.bucket between 0 and 1023
    and (%(state)s::text is null or m.state = %(state)s)
    and (%(reason)s::text is null or m.reason is not distinct from nullif(%(reason)s, ''))
    and (m.bucket, m.customer_id) > (%(after_bucket)s, %(after_customer)s)
order by m.bucket, m.customer_id limit %(limit)s

-- name: find_message
-- One message with all it remembers.
select state, reason, seen, due_at, planned_at, locale, address, handed_at, send_by, dispatcher,
    attempts, finished_at, response
from message where bucket = %(bucket)s and send_id = %(send_id)s and customer_id = %(customer_id)s

-- name: requeue_uncertain
-- By the owner's decision: try again what may or may not have left.
update message set state = 'queued', reason = null, finished_at = null, due_at = %(now)s
where send_id = %(send_id)s and state = 'uncertain' and bucket between 0 and 1023

-- name: name_people
-- What a list shows of customers, in order of their number.
select c.customer_id, c.traits ->> 'name', c.traits ->> 'email'
from unnest(%(buckets)s::int[], %(ids)s::bigint[]) as wanted (bucket, customer_id)
join customer c on c.bucket = wanted.bucket and c.customer_id = wanted.customer_id
order by c.customer_id

-- name: note_reactions
-- What the batch says people did with messages that came lately, and what was not known before.
-- Only the first opening and the first click of a message write anything.
with said as materialized (
    select h.bucket, h.customer_id, h.time, (h.props->>'send_id')::bigint as send_id, r.share,
        coalesce(max(r.share) over (
            partition by h.bucket, h.customer_id, h.props->>'send_id'
            order by h.time, r.share rows between unbounded preceding and 1 preceding), 0) as before
    from heard h
    join unnest(%(names)s::text[], %(shares)s::float8[]) as r (name, share) on r.name = h.name
    where h.props->>'send_id' ~ '^[0-9]{1,18}$'
        and not h.props @> '{"machine": true}'
), held as materialized (
    select m.ctid as row, m.bucket, m.send_id, m.customer_id, m.returned, m.handed_at
    from (select distinct bucket, send_id, customer_id from said) u
    join message m on m.bucket = u.bucket and m.send_id = u.send_id
        and m.customer_id = u.customer_id
    join send s on s.id = m.send_id and s.kind <> 'test'
        and (s.message_kind <> all(%(free)s) or s.kind = 'personal')
    where m.handed_at is not null and m.state in ('handed', 'accepted', 'uncertain')
    order by m.bucket, m.send_id, m.customer_id for update of m
), came as materialized (
    select h.row, s.bucket, s.customer_id, s.time, s.share,
        s.share - greatest(s.before, h.returned) as more
    from said s
    join held h on h.bucket = s.bucket and h.send_id = s.send_id
        and h.customer_id = s.customer_id
    where s.time <= h.handed_at + %(within)s and s.share > greatest(s.before, h.returned)
), noted as (
    update message m set returned = n.share
    from (select row, max(share) as share from came group by row) n
    where m.ctid = n.row
)
select bucket, customer_id, time, %(cost)s * more from came order by bucket, customer_id, time
