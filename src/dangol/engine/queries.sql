-- name: count_partitions
-- How many partitions there are.
select count(*) from lease

-- name: add_partition
-- One contiguous range of buckets, held by nobody.
insert into lease (partition, bucket_lo, bucket_hi) values (%(partition)s, %(lo)s, %(hi)s)
on conflict (partition) do nothing

-- name: greet
-- This worker lives; the database's clock says when.
insert into worker (id, seen_at) values (%(holder)s, clock_timestamp())
on conflict (id) do update set seen_at = excluded.seen_at

-- name: bury_workers
-- Forget workers that were not seen for an hour.
delete from worker where seen_at < clock_timestamp() - interval '1 hour'

-- name: say_goodbye
-- This worker stops in good order.
delete from worker where id = %(holder)s

-- name: count_workers
-- Workers seen within the lifetime of a lease. One who is seen in the future died before the clock
-- was set back: the living have greeted since.
select count(*) from worker
where seen_at between clock_timestamp() - interval '15 seconds'
    and clock_timestamp() + interval '1 second'

-- name: renew_leases
-- Our leases live for another 15 seconds, unless somebody else has taken them.
update lease set expires_at = clock_timestamp() + interval '15 seconds'
where holder = %(holder)s and (partition, token) in (
    select * from unnest(%(partitions)s::int[], %(tokens)s::bigint[]))
returning partition, bucket_lo, bucket_hi, token

-- name: take_leases
-- Up to `most` partitions that nobody holds, with a new fencing token. A row that a running
-- transaction of its old holder has locked is skipped: its work must end first. A lease that lives
-- longer than leases do is from before the clock was set back; its token is what fences it.
update lease set holder = %(holder)s, token = token + 1,
    expires_at = clock_timestamp() + interval '15 seconds'
where partition in (
    select partition from lease
    where holder is null or expires_at < clock_timestamp()
        or expires_at > clock_timestamp() + interval '20 seconds'
    order by partition limit %(most)s for update skip locked)
returning partition, bucket_lo, bucket_hi, token

-- name: release_leases
-- Others may take these partitions at once.
update lease set holder = null, expires_at = null
where holder = %(holder)s and (partition, token) in (
    select * from unnest(%(partitions)s::int[], %(tokens)s::bigint[]))

-- name: hold_leases
-- Lock our lease rows until the transaction ends; a missing one was taken over.
select count(*) from (
    select 1 from lease
    where (partition, token) in (
        select * from unnest(%(partitions)s::int[], %(tokens)s::bigint[]))
    order by partition for share) as held

-- name: create_heard
-- What one turn of Live works on; lives as long as the connection, empty after each turn.
create temp table if not exists heard (like inbox) on commit delete rows

-- name: find_last_key
-- The key of the last row of a full batch; no row when fewer wait.
select bucket, received_at, customer_id, event_id from inbox
where bucket between %(lo)s and %(hi)s
order by bucket, received_at, customer_id, event_id
offset %(limit)s - 1 limit 1

-- name: take_all
-- Out of the inbox, into the batch: one statement, so that nothing that is committed in between
-- can be deleted unseen.
with taken as (
    delete from inbox where bucket between %(lo)s and %(hi)s returning *
)
insert into heard select * from taken

-- name: take_until
-- The same up to a key.
with taken as (
    delete from inbox where bucket between %(lo)s and %(hi)s
        and (bucket, received_at, customer_id, event_id)
            <= (%(bucket)s, %(received_at)s, %(customer_id)s, %(event_id)s)
    returning *
)
insert into heard select * from taken

-- name: list_names
-- Which of the names that we do something about stand in the batch.
select name, count(*) from heard
where name = any(%(names)s) group by name

-- name: find_gone
-- Whether anybody of the batch was merged or erased.
select exists (
    select from heard h join customer c on c.bucket = h.bucket and c.customer_id = h.customer_id
    where c.merged_into is not null or c.erased_at is not null)

-- name: forward_merged
-- Events of a merged customer go to the winner's bucket and are applied there.
with moved as (
    delete from heard h using customer c
    where c.bucket = h.bucket and c.customer_id = h.customer_id and c.merged_into is not null
    returning h.*, c.merged_into
)
insert into inbox (bucket, customer_id, event_id, name, time, received_at, utc_offset_min, props,
    source, effect, cause, origin, depth)
select mod(merged_into, 1024), merged_into, event_id, name, time, received_at, utc_offset_min, props,
    source, effect, cause, origin, depth
from moved
on conflict (bucket, received_at, customer_id, event_id) do nothing

-- name: drop_erased
-- Nothing is kept of people who were forgotten.
delete from heard h using customer c
where c.bucket = h.bucket and c.customer_id = h.customer_id and c.erased_at is not null

-- name: refuse_loops
-- A fact that follows from a fact that follows from a fact, nine deep, is a loop.
with refused as (
    delete from heard where depth > 8 returning *
)
insert into reject (id, at, source, reason, detail, item)
select event_id, %(now)s, coalesce(origin, source), 'loop',
    'facts of our own making follow from each other more than 8 deep', left(props::text, 4096)
from refused on conflict (id) do nothing

-- name: append_events
-- The batch becomes history; what is there already is not applied again.
insert into event_recent (bucket, customer_id, time, event_id, name, received_at, recorded_at,
    utc_offset_min, props, source, effect, cause, origin, depth)
select bucket, customer_id, time, event_id, name, received_at, %(now)s,
    utc_offset_min, props, source, effect, cause, origin, depth
from heard
on conflict (bucket, customer_id, time, event_id) do nothing

-- name: count_known
-- How many rows of the batch are history already, or stand in the batch twice.
select count(*) - count(distinct (bucket, customer_id, time, event_id)) + (
    select count(*) from heard h join event_recent e on e.bucket = h.bucket
        and e.customer_id = h.customer_id and e.time = h.time and e.event_id = h.event_id)
from heard

-- name: drop_known
-- Leave only what is neither history already nor twice in the batch.
with kept as materialized (
    select distinct on (h.bucket, h.customer_id, h.time, h.event_id) h.*
    from heard h
    where not exists (select from event_recent e where e.bucket = h.bucket
        and e.customer_id = h.customer_id and e.time = h.time and e.event_id = h.event_id)
    order by h.bucket, h.customer_id, h.time, h.event_id, h.received_at
),
gone as (
    delete from heard
)
insert into heard select * from kept

-- name: list_restaged
-- Whose rhythm changed: by an own event now, by one told later, or by a merge.
select bucket, customer_id,
    case when bool_or(name = 'Customers Merged') then 'merge'
         when bool_or(effect = 'live') then 'behaviour' else 'history' end
from heard where name = any(array[%(event)s, 'Customers Merged'])
group by bucket, customer_id

-- name: inbox_waits
-- The cheap probe: does anything wait in these buckets?
select exists (select from inbox where bucket between %(lo)s and %(hi)s)

-- name: refuse_first
-- The first waiting row cannot be applied at all; it steps aside so that the rest can.
with bad as (
    delete from inbox where (bucket, received_at, customer_id, event_id) = (
        select bucket, received_at, customer_id, event_id from inbox
        where bucket between %(lo)s and %(hi)s
        order by bucket, received_at, customer_id, event_id limit 1)
    returning *
)
insert into reject (id, at, source, reason, detail, item)
select event_id, %(now)s, source, 'bad_value', %(detail)s, left(props::text, 4096) from bad
on conflict (id) do nothing

-- name: add_job
-- Work that a person started or waits for.
insert into job (id, kind, args, state, created_at, created_by)
values (%(id)s, %(kind)s, %(args)s, 'waiting', %(now)s, %(by)s)

-- name: find_waiting
-- The probe of an idle engine: does anything wait in intake, in the inbox (or for the segments
-- that follow it), among the jobs?
select exists (select from intake), exists (select from inbox) or exists (select from segment_work),
    exists (select from job where state = 'waiting' or (state = 'running'
        and (lease_until < clock_timestamp()
            or lease_until > clock_timestamp() + interval '40 seconds')))

-- name: claim_job
-- The oldest job that waits, or whose worker died; nobody else gets it for 30 seconds. A lease
-- that ends later than that is from before the clock was set back.
update job set state = 'running', holder = %(holder)s, attempts = attempts + 1,
    started_at = coalesce(started_at, clock_timestamp()),
    lease_until = clock_timestamp() + interval '30 seconds'
where id = (
    select id from job
    where state = 'waiting' or (state = 'running' and (lease_until < clock_timestamp()
        or lease_until > clock_timestamp() + interval '40 seconds'))
    order by created_at limit 1 for update skip locked)
returning id, kind, args, progress, attempts, created_by

-- name: keep_job
-- We still work on it; no row when it was paused, cancelled or taken over.
update job set lease_until = clock_timestamp() + interval '30 seconds',
    progress = %(progress)s
where id = %(id)s and state = 'running' and holder = %(holder)s
returning id

-- name: finish_job
-- It ended; unless somebody cancelled it or took it over in the meantime.
update job set state = %(state)s, result = %(result)s, error = %(error)s, progress = %(progress)s,
    finished_at = clock_timestamp(), holder = null, lease_until = null
where id = %(id)s and state = 'running' and holder = %(holder)s

-- name: return_job
-- We stop in good order; another worker may go on at once.
update job set state = 'waiting', holder = null, lease_until = null, attempts = attempts - 1,
    progress = %(progress)s
where id = %(id)s and state = 'running' and holder = %(holder)s

-- name: change_job
-- A person pauses, resumes or cancels; only from a state in which that makes sense.
update job set state = %(state)s, finished_at = case when %(state)s = 'cancelled' then %(now)s end
where id = %(id)s and state = any(%(from_states)s)

-- name: get_job
-- One job.
select id, kind, args, state, progress, result, error, created_at, created_by, started_at,
    finished_at
from job where id = %(id)s

-- name: list_jobs
-- Jobs, latest first.
select id, kind, args, state, progress, result, error, created_at, created_by, started_at,
    finished_at
from job where %(kind)s::text is null or kind = %(kind)s
order by created_at desc limit %(limit)s

-- name: job_waits
-- The cheap probe: is there a job to claim?
select exists (select from job
    where state = 'waiting' or (state = 'running' and lease_until < clock_timestamp()))

-- name: add_task
-- A thing that runs by itself, due at once when it is new.
insert into schedule (name, description, next_at)
values (%(name)s, %(description)s, clock_timestamp())
on conflict (name) do update set description = excluded.description
where schedule.description <> excluded.description

-- name: hold_task
-- Nobody else begins a task while this session holds it; it lets go when it ends, however it ends.
select pg_try_advisory_lock(%(key)s)

-- name: let_go_of_task
-- Others may look at it again.
select pg_advisory_unlock(%(key)s)

-- name: begin_task
-- A task that is due by its row, begun now. One that began in the future did so before the clock was
-- set back, and would rest for as long.
update schedule set last_started_at = clock_timestamp()
where name = %(name)s and (next_at <= clock_timestamp() or last_started_at > clock_timestamp())
returning name

-- name: end_task
-- When it is due again, and what went wrong this time.
update schedule set last_finished_at = clock_timestamp(), next_at = %(next_at)s, last_error = %(error)s
where name = %(name)s

-- name: list_schedule
-- What runs by itself, and when it did last; what began most lately first.
select name, description, next_at, last_started_at, last_finished_at, last_error from schedule
order by last_started_at desc nulls last, name

-- name: estimate_staged
-- About how many customers have a stage; the planner's own estimate costs nothing.
select greatest(reltuples, 0)::bigint from pg_class where oid = 'stage'::regclass

-- name: has_unjudged
-- Whether anybody known by the past only waits to be judged, and there is something to judge by.
select coalesce((select model <> 'none' from rhythm_model order by version desc limit 1), false)
    and exists (select from stage where stage = 'unknown' and previous is null)

-- name: is_importing
-- Whether more of the past is on its way. A command that was killed left its run as it was.
select exists (select from job where kind in ('import', 'practice')
        and state in ('waiting', 'running'))
    or exists (select from import_run where state in ('reading', 'applying')
        and created_at > %(now)s - interval '6 hours')

-- name: has_campaigns
-- The probe of the planner of campaigns.
select exists (select from campaign where state in ('scheduled', 'planning')
    and starts_at <= %(soon)s)

-- name: has_merges
-- Merged customers whose history waits, or whom an event reached after theirs had gone.
select exists (select from merge_task where copied_at is null)
    or exists (select from mask m where m.kind = 'merge' and m.created_at > %(since)s
        and exists (select from event_recent e
            where e.bucket = m.bucket and e.customer_id = m.customer_id))

-- name: has_erasures
-- People who asked to be forgotten and are not yet.
select exists (select from erasure where rewritten_at is null)

-- name: has_news
-- Whether anything was heard, or an item posted, since a task last read the whole history; and
-- whether reading it again would take less than a fiftieth of the time.
select coalesce(
    greatest((select max(last_at) from catalogue_event), (select max(changed_at) from item))
        > coalesce(s.last_started_at - interval '1 minute', '-infinity')
    and clock_timestamp() > coalesce(
        s.last_finished_at + 50 * (s.last_finished_at - s.last_started_at), '-infinity'), false)
from schedule s where s.name = %(task)s

-- name: tell_interests_soon
-- The next telling of interests waits for nothing: as if the last had taken no time.
update schedule set last_finished_at = last_started_at, next_at = least(next_at, clock_timestamp())
where name = 'interests'

-- name: forget_sessions
-- Sessions that have ended.
delete from session where expires_at < %(before)s

-- name: forget_links
-- Sign-in links that serve no more.
delete from login_link where least(expires_at, used_at) < %(before)s

-- name: forget_jobs
-- Jobs that ended long ago.
delete from job where finished_at < %(before)s

-- name: forget_strangers
-- Addresses of people who were asked to confirm a subscription and never did; they are no
-- customers, and their numbers lie above all customers' numbers.
update message set address = null, seen = null, response = null
where customer_id >= 1152921504606846976 and address is not null and planned_at < %(before)s

-- name: read_basis
-- What relationship days were counted by.
select value from installation where key = 'days_basis'

-- name: save_basis
-- They are counted by this now.
insert into installation (key, value) values ('days_basis', %(basis)s)
on conflict (key) do update set value = excluded.value

-- name: never_counted
-- A new installation: there are no days yet, and none that were counted by other rules.
select not exists (select from relationship_day)
    and not exists (select from installation where key = 'days_basis')

-- name: list_partitions
-- The partitions, in order.
select partition from lease order by partition

-- name: lock_partition
-- Nobody holds the partition until the transaction ends, neither its holder nor another.
select bucket_lo, bucket_hi from lease where partition = %(partition)s for update

-- name: merges_wait
-- Whether a merged customer's history is still on its way to the winner.
select exists (select from merge_task where copied_at is null)

-- name: drop_days
-- They are counted anew.
delete from relationship_day where bucket between %(lo)s and %(hi)s

-- name: has_segments
-- Whether there is a segment to keep current.
select exists (select from segment where archived_at is null)

-- name: has_backfill
-- Whether the people whom a version of a segment brought in were or are being told of.
select exists (select from job where kind = 'segment_backfill' and state in ('waiting', 'running',
    'paused', 'done') and args ->> 'segment_id' = %(id)s and args ->> 'version' = %(version)s)
