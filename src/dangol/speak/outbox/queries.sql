-- name: list_open_sends
-- Sends with something due, what people wait for first. An index probe per open send.
select s.id, s.kind from send s
where s.state = 'open' and exists (
    select from message m
    where m.send_id = s.id and m.state in ('queued', 'deferred') and m.due_at <= %(now)s)
order by s.kind = 'campaign', s.id

-- name: hold_send
-- The send, held so that pausing and cancelling wait for this hand-off.
select id, kind, message_kind, topic, letter_id, letter_version, holdout_share, state, expires_at
from send where id = %(send_id)s and state = 'open' for share

-- name: claim_due
-- The next due messages with their people's contact rows, both locked; whoever is locked by
-- somebody else (another dispatcher, a withdrawal under way) is passed over and found again later.
select m.due_at, m.bucket, m.customer_id, m.attempts, m.locale, m.address, m.ctid::text,
    s.ctid::text
from message m
join contact_state s
    on s.bucket = m.bucket and s.customer_id = m.customer_id and s.channel = 'email'
where m.send_id = %(send_id)s and m.state in ('queued', 'deferred') and m.due_at <= %(now)s
    and (m.due_at, m.bucket, m.customer_id) > (%(after_due)s, %(after_bucket)s, %(after_customer)s)
order by m.due_at, m.bucket, m.customer_id
limit %(limit)s
for update of m, s skip locked

-- name: claim_tests
-- Test letters: to an address that is given, so nobody's contact row is locked.
select m.due_at, m.bucket, m.customer_id, m.attempts, m.locale, m.address, m.ctid::text,
    null
from message m
where m.send_id = %(send_id)s and m.state in ('queued', 'deferred') and m.due_at <= %(now)s
    and (m.due_at, m.bucket, m.customer_id) > (%(after_due)s, %(after_bucket)s, %(after_customer)s)
order by m.due_at, m.bucket, m.customer_id
limit %(limit)s
for update skip locked

-- name: add_missing_contact_states
-- Rows to lock for people who wait but have none; only needed after something was deleted by hand.
insert into contact_state (bucket, customer_id, channel)
select m.bucket, m.customer_id, 'email' from message m
where m.send_id = %(send_id)s and m.state in ('queued', 'deferred') and m.due_at <= %(now)s
    and not exists (select from contact_state s
        where s.bucket = m.bucket and s.customer_id = m.customer_id and s.channel = 'email')
order by m.bucket, m.customer_id limit 10000
on conflict (bucket, customer_id, channel) do nothing

-- name: find_reached
-- Who of these merged with somebody that this send has reached, or may have: the same person has
-- it already. Later than the lock of the contact rows, which the merge and the other hand-off held.
-- By key only: joined plainly, it read everything that the send had reached before.
select distinct u.customer_id
from unnest(%(customers)s::bigint[]) as u (customer_id)
cross join lateral (select k.loser_id from merge_task k
    where k.winner_id = u.customer_id offset 0) t
cross join lateral (select from message k
    where k.bucket = (t.loser_id %% 1024)::int and k.send_id = %(send_id)s
        and k.customer_id = t.loser_id and k.state in ('handed', 'accepted', 'uncertain')
    union all
    select from message_past k where k.bucket = (t.loser_id %% 1024)::int
        and k.customer_id = t.loser_id and k.send_id = %(send_id)s
    limit 1) m

-- name: silence_reached
-- They do not get it a second time.
update message m set state = 'silent', reason = %(reason)s, finished_at = %(now)s
from unnest(%(rows)s::text[]::tid[]) as u (row)
where m.ctid = u.row

-- name: write_verdicts
-- The states that the guard decided, and for what may leave: who has it, until when, and where to.
-- The rows are locked by the claim, so their addresses in the table hold; texts that repeat come
-- once, with their place in each row. Why a message was due at its hour stays with it.
update message m set state = (%(states)s::text[])[u.state], reason = (%(reasons)s::text[])[u.reason],
    seen = case when m.seen ? 'timing'
        then coalesce((%(seen)s::jsonb[])[u.seen], '{}') || jsonb_build_object('timing', m.seen->'timing')
        else (%(seen)s::jsonb[])[u.seen] end,
    address = coalesce(u.address, m.address),
    due_at = coalesce(u.due_at, m.due_at),
    handed_at = case when (%(states)s::text[])[u.state] = 'handed' then %(now)s else m.handed_at end,
    send_by = case when (%(states)s::text[])[u.state] = 'handed' then %(send_by)s else m.send_by end,
    dispatcher = case when (%(states)s::text[])[u.state] = 'handed' then %(dispatcher)s
        else m.dispatcher end,
    finished_at = case when (%(states)s::text[])[u.state] in ('silent', 'held_out')
        then %(now)s end
from unnest(%(rows)s::text[]::tid[], %(state_of)s::bigint[], %(reason_of)s::bigint[],
    %(seen_of)s::bigint[], %(addresses)s::text[], %(due_at)s::timestamptz[])
    as u (row, state, reason, seen, address, due_at)
where m.ctid = u.row

-- name: count_caps
-- A message counts from the moment it is handed over, and costs attention from then on. The times
-- are kept sorted by appending, at most 31 days.
-- The rows are locked by the claim, so their addresses in the table hold.
update contact_state s set handed_at = case when cardinality(s.handed_at) < 16
    then s.handed_at || %(now)s::timestamptz
    else array(select h from unnest(s.handed_at) h where h > %(month_ago)s) || %(now)s::timestamptz end,
    attention = greatest(0, 10 + (s.attention - 10)
            * exp(-greatest(date_part('epoch', %(now)s - s.attention_at), 0) / 1209600)
        - %(cost)s
            * exp(-greatest(date_part('epoch', s.attention_at - %(now)s), 0) / 1209600)),
    attention_at = greatest(s.attention_at, %(now)s)
from unnest(%(rows)s::text[]::tid[]) as u (row)
where s.ctid = u.row

-- name: release_batch
-- A hand-off whose commit was not confirmed to us: if it happened, nothing of it has left.
update message m set state = %(state)s, reason = %(reason)s, handed_at = null, send_by = null,
    dispatcher = null
where m.send_id = %(send_id)s and m.state = 'handed' and m.dispatcher = %(dispatcher)s
    and m.handed_at = %(handed_at)s
returning m.bucket, m.customer_id

-- name: uncount_caps
-- What surely was not taken does not count, and what it cost comes back.
update contact_state s set handed_at = array_remove(s.handed_at, u.handed_at),
    attention = least(20, s.attention + %(cost)s
        * exp(-greatest(date_part('epoch', s.attention_at - u.handed_at), 0) / 1209600))
from unnest(%(buckets)s::bigint[], %(customers)s::bigint[], %(handed_at)s::timestamptz[])
    as u (bucket, customer_id, handed_at)
cross join lateral (select k.ctid as row from contact_state k
    where k.bucket = u.bucket and k.customer_id = u.customer_id and k.channel = 'email'
    limit 1 for update) v
where s.ctid = v.row

-- name: write_results
-- What became of handed messages; a row that is no longer this dispatcher's attempt stays as it is.
-- Locked by key first: then the row's place in the table holds until the end.
update message m set state = (%(states)s::text[])[u.state], reason = (%(reasons)s::text[])[u.reason],
    response = (%(responses)s::text[])[u.response], attempts = m.attempts + u.counts::smallint,
    due_at = coalesce(u.due_at, m.due_at),
    finished_at = case when (%(states)s::text[])[u.state] = 'deferred' then null else %(now)s end
from unnest(%(buckets)s::bigint[], %(sends)s::bigint[], %(customers)s::bigint[],
    %(handed_at)s::timestamptz[], %(state_of)s::bigint[], %(reason_of)s::bigint[],
    %(response_of)s::bigint[], %(counts)s::bigint[], %(due_at)s::timestamptz[])
    as u (bucket, send_id, customer_id, handed_at, state, reason, response, counts, due_at)
cross join lateral (select k.ctid as row from message k
    where k.bucket = u.bucket and k.send_id = u.send_id and k.customer_id = u.customer_id
        and k.dispatcher = %(dispatcher)s and k.handed_at = u.handed_at
        and k.state in ('handed', 'uncertain')
    limit 1 for update) v
where m.ctid = v.row
returning m.send_id, m.customer_id

-- name: insert_events
-- One kind of fact about messages of one send, for the loop to hear.
insert into inbox (bucket, customer_id, event_id, name, time, received_at, props, source, effect,
    cause, origin)
select u.bucket, u.customer_id, u.event_id, %(name)s, %(now)s, %(now)s, %(props)s::jsonb, 'dangol',
    'live', 'behaviour', %(origin)s
from unnest(%(buckets)s::bigint[], %(customers)s::bigint[], %(ids)s::uuid[])
    as u (bucket, customer_id, event_id)
order by u.bucket, u.customer_id
on conflict (bucket, received_at, customer_id, event_id) do nothing

-- name: mark_uncertain
-- Handed over by a dispatcher that is gone, or without an answer for very long; also of sends that
-- were cancelled since. Reads the small index of what is under way.
update message m set state = 'uncertain', reason = 'no_result', finished_at = %(now)s
where m.state = 'handed' and m.send_by < %(now)s
    and (m.send_by < %(long_ago)s or not exists (
        select from dispatcher d where d.id = m.dispatcher and d.seen_at > %(alive_since)s))
returning m.bucket, m.customer_id

-- name: list_open_ids
-- Sends that may be done.
select id from send where state = 'open' order by id

-- name: hold_sends
-- These sends, held so that cancelling waits; returned are those that were closed before.
select id from (select id, state from send where id = any(%(ids)s) order by id for share) held
where state = 'closed'

-- name: reopen_sends
-- Sends that were done, not cancelled, when it became known that something of them had not left.
update send s set state = 'open'
where s.id = any(%(ids)s) and s.state = 'closed'
    and (s.kind <> 'campaign' or exists (
        select from campaign c where c.send_id = s.id and c.state = 'done'))
returning s.id

-- name: reopen_campaigns
-- With its send the campaign runs again.
update campaign set state = 'running', finished_at = null, changed_at = %(now)s
where send_id = any(%(ids)s) and state = 'done'

-- name: close_send
-- A send is done when it is wholly planned and nothing of it waits or is under way.
update send s set state = 'closed'
where s.id = %(send_id)s and s.state = 'open'
    and not exists (select from message m where m.send_id = s.id
        and m.state in ('queued', 'deferred'))
    and not exists (select from message m where m.send_id = s.id and m.state = 'handed')
    and (s.kind <> 'campaign' or exists (
        select from campaign c where c.send_id = s.id and c.state = 'running'))
returning s.id, s.kind

-- name: close_campaign
-- With its send the campaign is done.
update campaign set state = 'done', finished_at = %(now)s, changed_at = %(now)s
where send_id = %(send_id)s and state = 'running'

-- name: beat
-- This dispatcher is alive.
insert into dispatcher (id, host, started_at, seen_at, status)
values (%(id)s, %(host)s, %(now)s, %(now)s, %(status)s)
on conflict (id) do update set seen_at = excluded.seen_at, status = excluded.status

-- name: forget_dispatcher
-- It left in good order.
delete from dispatcher where id = %(id)s

-- name: forget_old_dispatchers
-- Of those that died nothing is open any more after a day.
delete from dispatcher where seen_at < %(before)s
