-- name: create_consent_change
-- Statements of one batch, staged for the ledger.
create temp table if not exists consent_change (
    bucket int, customer_id bigint, id uuid, channel text, topic text, state text,
    time timestamptz, recorded_at timestamptz, actor text, source text, evidence jsonb
) on commit delete rows

-- name: clear_staged
-- Nothing of an earlier call in the same transaction may be written again.
delete from consent_change

-- name: stage_one
-- One statement.
insert into consent_change values (%(bucket)s, %(customer_id)s, %(id)s, %(channel)s, %(topic)s,
    %(state)s, %(time)s, %(recorded_at)s, %(actor)s, %(source)s, %(evidence)s)

-- name: stage_heard
-- The batch's well-formed `Consent Changed` facts; what is malformed changes nobody's answer.
insert into consent_change
select h.bucket, h.customer_id, h.event_id, h.props->>'channel',
    coalesce(h.props->>'topic', '*'), h.props->>'state', h.time, %(now)s,
    coalesce(h.props->>'actor', 'system'), coalesce(h.props->>'source', h.source),
    case when jsonb_typeof(h.props->'evidence') = 'object' then h.props->'evidence' else '{}' end
from heard h
where h.name = 'Consent Changed' and h.props->>'channel' = any(%(channels)s)
    and h.props->>'state' = any(%(states)s)
    and length(coalesce(h.props->>'topic', '*')) between 1 and 200

-- name: keep_new
-- The ledger keeps each statement once; only those it did not have stay staged.
delete from consent_change s using consent c
where c.bucket = s.bucket and c.customer_id = s.customer_id and c.id = s.id

-- name: follow_merges
-- The journal names people as they were called when they refused.
update consent_change s set bucket = mod(c.merged_into, 1024), customer_id = c.merged_into
from customer c
where c.bucket = s.bucket and c.customer_id = s.customer_id and c.merged_into is not null

-- name: keep_unheard
-- Leave only statements of people who are here, that the ledger does not have in the same words.
delete from consent_change s
where not exists (select from customer c where c.bucket = s.bucket
        and c.customer_id = s.customer_id and c.erased_at is null)
    or exists (select from consent c where c.bucket = s.bucket and c.customer_id = s.customer_id
        and c.channel = s.channel and c.topic = s.topic and c.time = s.time
        and (c.state = s.state or c.state in ('withdrawn', 'denied')))

-- name: add_to_ledger
-- The statements themselves, with their evidence.
insert into consent (bucket, customer_id, id, channel, topic, state, time, recorded_at, actor,
    source, evidence)
select bucket, customer_id, id, channel, topic, state, time, recorded_at, actor, source, evidence
from consent_change
on conflict (bucket, customer_id, id) do nothing

-- name: open_states
-- A row to lock for everyone who says something.
insert into contact_state (bucket, customer_id, channel)
select distinct bucket, customer_id, channel from consent_change
order by bucket, customer_id, channel
on conflict (bucket, customer_id, channel) do nothing

-- name: lock_states
-- The rows that the hand-off locks, in the same order.
select count(*) from (
    select 1 from contact_state s
    where exists (select from consent_change c where c.bucket = s.bucket
        and c.customer_id = s.customer_id and c.channel = s.channel)
    order by s.bucket, s.customer_id, s.channel for update) as locked

-- name: fold_states
-- The current answers as a fold of the whole ledger of those concerned: per topic the latest
-- statement wins, of one instant the stricter. A list's word for a grant loses to everything
-- that anybody else ever said, so an import can never undo an opt-out.
with concerned as (
    select distinct bucket, customer_id, channel from consent_change
),
answers as materialized (
    select distinct on (c.bucket, c.customer_id, c.channel, c.topic)
        c.bucket, c.customer_id, c.channel, c.topic, c.state, c.time, c.evidence
    from consent c
    join concerned w on w.bucket = c.bucket and w.customer_id = c.customer_id
        and w.channel = c.channel
    order by c.bucket, c.customer_id, c.channel, c.topic,
        (c.source = 'import' and c.state = 'granted'), c.time desc,
        array_position(array['withdrawn', 'denied', 'granted', 'unknown'], c.state), c.id
),
folded as materialized (
    select bucket, customer_id, channel,
        coalesce(max(state) filter (where topic = '*'), 'unknown') as consent,
        max(time) filter (where topic = '*') as consent_time,
        coalesce(jsonb_object_agg(topic, jsonb_build_object('state', state, 'time', time))
            filter (where topic <> '*' and topic not like '!%%'), '{}') as topics,
        max(time) filter (where topic = '!objection' and state = 'withdrawn') as objected_at,
        max(to_timestamp(case when evidence->>'until_s' ~ '^[0-9]{1,11}$'
                then (evidence->>'until_s')::bigint end))
            filter (where topic = '!pause' and state = 'withdrawn') as paused_until
    from answers group by bucket, customer_id, channel
)
update contact_state s
set consent = f.consent, consent_time = f.consent_time, topics = f.topics,
    objected_at = f.objected_at, paused_until = f.paused_until,
    consent_version = s.consent_version + 1
from folded f
where s.bucket = f.bucket and s.customer_id = f.customer_id and s.channel = f.channel

-- name: suppress_addresses
-- A refusal of the whole channel, or of all marketing, holds for the address, whoever has it,
-- also when the customer is deleted. A confirmed later yes from the address itself lifts it.
insert into suppression (address_hash, channel, reason, covers, at)
select p.address_hash, p.channel, 'opt_out', 'marketing', max(c.time)
from consent_change c
join contact_point p on p.bucket = c.bucket and p.customer_id = c.customer_id
    and p.channel = c.channel
where c.state in ('withdrawn', 'denied') and c.topic in ('*', '!objection')
group by p.address_hash, p.channel order by p.channel, p.address_hash
on conflict (channel, address_hash, reason) do update
set at = greatest(suppression.at, excluded.at),
    lifted_at = case when suppression.lifted_at > excluded.at then suppression.lifted_at end
returning channel, address_hash, at

-- name: list_refusals
-- Refusals of single topics, which block no address; pauses, with their end, and ends of pauses.
select channel, topic, customer_id, time, state = 'granted' as is_lifted,
    to_timestamp(case when topic = '!pause' and evidence->>'until_s' ~ '^[0-9]{1,11}$'
        then (evidence->>'until_s')::bigint end) as until
from consent_change
where topic = '!pause' and state <> 'unknown'
    or state in ('withdrawn', 'denied') and topic <> '*' and topic not like '!%%'
order by customer_id, channel, topic

-- name: suppress_new_addresses
-- Who refuses and now states another address refuses there as well.
insert into suppression (address_hash, channel, reason, covers, at)
select f.address_hash, 'email', 'opt_out', 'marketing', max(coalesce(s.objected_at, s.consent_time))
from folded f
join contact_state s on s.bucket = f.bucket and s.customer_id = f.customer_id
    and s.channel = 'email'
where f.address_hash is not null
    and (s.consent in ('withdrawn', 'denied') or s.objected_at is not null)
group by f.address_hash order by f.address_hash
on conflict (channel, address_hash, reason) do update
set at = greatest(suppression.at, excluded.at),
    lifted_at = case when suppression.lifted_at > excluded.at then suppression.lifted_at end
where suppression.at < excluded.at or suppression.lifted_at <= excluded.at
returning channel, address_hash, at

-- name: suppress_merged_addresses
-- Who refuses, or merged with somebody who does, refuses at the address that the merge left too.
insert into suppression (address_hash, channel, reason, covers, at)
select p.address_hash, 'email', 'opt_out', 'marketing', max(coalesce(s.objected_at, s.consent_time))
from (select distinct bucket, customer_id from heard where name = 'Customers Merged') h
join contact_state s on s.bucket = h.bucket and s.customer_id = h.customer_id
    and s.channel = 'email'
join contact_point p on p.bucket = h.bucket and p.customer_id = h.customer_id
    and p.channel = 'email'
where s.consent in ('withdrawn', 'denied') or s.objected_at is not null
group by p.address_hash order by p.address_hash
on conflict (channel, address_hash, reason) do update
set at = greatest(suppression.at, excluded.at),
    lifted_at = case when suppression.lifted_at > excluded.at then suppression.lifted_at end
where suppression.at < excluded.at or suppression.lifted_at <= excluded.at
returning channel, address_hash, at

-- name: suppress_one
-- One address that nobody may write to.
insert into suppression (address_hash, channel, reason, covers, at, detail)
values (%(address_hash)s, %(channel)s, %(reason)s, %(covers)s, %(at)s, %(detail)s)
on conflict (channel, address_hash, reason) do update
set at = greatest(suppression.at, excluded.at), detail = excluded.detail,
    covers = case when suppression.covers = 'everything' and suppression.lifted_at is null
        then 'everything' else excluded.covers end,
    lifted_at = case when suppression.lifted_at > excluded.at then suppression.lifted_at end

-- name: lift_opt_outs
-- Who said yes from an address themselves lifts its opt-out; an older no that arrives later stays
-- lifted. What was said to a member or confirmed by mail counts, a list's word does not.
insert into suppression (address_hash, channel, reason, covers, at, lifted_at, detail)
select p.address_hash, p.channel, 'opt_out', 'marketing', to_timestamp(0), max(c.time),
    'consent by ' || min(c.source)
from consent_change c
join contact_point p on p.bucket = c.bucket and p.customer_id = c.customer_id
    and p.channel = c.channel
where c.state = 'granted' and c.topic = '*' and c.source <> 'import'
    and (%(is_own_word)s or c.evidence ? 'confirmed_at')
group by p.address_hash, p.channel order by p.channel, p.address_hash
on conflict (channel, address_hash, reason) do update
set lifted_at = excluded.lifted_at, detail = excluded.detail
where suppression.at < excluded.lifted_at
    and (suppression.lifted_at is null or suppression.lifted_at < excluded.lifted_at)
returning channel, address_hash, reason, lifted_at

-- name: lift_erased
-- The same for addresses of people who were forgotten and came back by themselves.
update suppression s set lifted_at = y.at, detail = 'came back'
from (select p.channel, p.address_hash, max(c.time) as at
    from consent_change c
    join contact_point p on p.bucket = c.bucket and p.customer_id = c.customer_id
        and p.channel = c.channel
    where c.state = 'granted' and c.topic = '*' and c.source <> 'import'
        and (%(is_own_word)s or c.evidence ? 'confirmed_at')
    group by p.channel, p.address_hash) y
where s.reason = 'erased' and s.lifted_at is null and s.channel = y.channel
    and s.address_hash = y.address_hash and s.at < y.at
returning s.channel, s.address_hash, s.reason, s.lifted_at

-- name: lift_suppression
-- A member of the team corrects a block that was made by a bounce or by hand.
update suppression set lifted_at = %(at)s, detail = %(detail)s
where channel = %(channel)s and address_hash = %(address_hash)s and reason = %(reason)s
    and reason in ('bounce', 'manual') and lifted_at is null

-- name: hold_customer
-- Who this is by now; a merge waits for us, or we see it.
select merged_into from customer
where bucket = %(bucket)s and customer_id = %(customer_id)s for key share

-- name: find_address_hash
-- The address that this customer is reached at.
select address_hash from contact_point
where bucket = %(bucket)s and customer_id = %(customer_id)s and channel = %(channel)s

-- name: lock_sharers
-- Everyone who is reached at one of these addresses: their hand-offs wait for us, we for theirs.
select count(*) from (
    select 1 from contact_state s
    where s.channel = %(channel)s and (s.bucket, s.customer_id) in (
        select p.bucket, p.customer_id from contact_point p
        where p.channel = %(channel)s and p.address_hash = any(%(hashes)s)
        union all select %(bucket)s, %(customer_id)s)
    order by s.bucket, s.customer_id, s.channel for update) as locked

-- name: open_sharers
-- The same people, where a row is still missing.
insert into contact_state (bucket, customer_id, channel)
select p.bucket, p.customer_id, p.channel from contact_point p
where p.channel = %(channel)s and p.address_hash = any(%(hashes)s)
union select %(bucket)s, %(customer_id)s, %(channel)s
order by 1, 2
on conflict (bucket, customer_id, channel) do nothing

-- name: tell_event
-- The same statement as a fact on the customer's timeline.
insert into inbox (bucket, customer_id, event_id, name, time, received_at, props, source, effect,
    cause, depth)
values (%(bucket)s, %(customer_id)s, %(id)s, 'Consent Changed', %(time)s, %(recorded_at)s,
    %(props)s, 'dangol', 'live', 'behaviour', 0)
on conflict (bucket, received_at, customer_id, event_id) do nothing

-- name: copy_ledger
-- The winner of a merge takes over what the loser said, word for word.
insert into consent (bucket, customer_id, id, channel, topic, state, time, recorded_at, actor,
    source, evidence)
select %(winner_bucket)s, %(winner_id)s, id, channel, topic, state, time, recorded_at, actor,
    source, evidence
from consent where bucket = %(loser_bucket)s and customer_id = %(loser_id)s
on conflict (bucket, customer_id, id) do nothing

-- name: lock_pair
-- Both sides of a merge, in key order.
select channel, handed_at from contact_state
where (bucket, customer_id) in ((%(winner_bucket)s, %(winner_id)s), (%(loser_bucket)s, %(loser_id)s))
order by bucket, customer_id, channel for update

-- name: join_counters
-- What was handed to the loser tired the winner as well.
insert into contact_state (bucket, customer_id, channel, handed_at)
values (%(winner_bucket)s, %(winner_id)s, %(channel)s, %(handed_at)s)
on conflict (bucket, customer_id, channel) do update set handed_at = excluded.handed_at

-- name: clear_counters
-- They count for the winner from now on.
update contact_state set handed_at = '{}'
where bucket = %(loser_bucket)s and customer_id = %(loser_id)s

-- name: list_ledger
-- Everything this customer ever answered, latest first.
select customer_id, channel, topic, state, time, recorded_at, actor, source, evidence
from consent where bucket = %(bucket)s and customer_id = %(customer_id)s
order by time desc, recorded_at desc, id

-- name: find_standing
-- What holds now, and whether the address is blocked.
select s.channel, s.consent, s.consent_time, s.topics, s.objected_at, s.paused_until,
    array(select u.reason || ':' || u.covers from suppression u
        join contact_point p on p.channel = u.channel and p.address_hash = u.address_hash
        where p.bucket = s.bucket and p.customer_id = s.customer_id and p.channel = s.channel
            and u.lifted_at is null order by 1)
from contact_state s
where s.bucket = %(bucket)s and s.customer_id = %(customer_id)s order by s.channel
