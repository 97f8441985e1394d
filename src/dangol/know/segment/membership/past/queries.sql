-- SQL of stays in segments that leave for the lake.

-- name: has_due
-- Whether somebody left a segment so long ago.
select exists (select from segment_change where not entered and recorded_at < %(before)s)

-- name: delete_moved
-- The rows that the file holds: in this same snapshot, those up to the exits of the same people.
-- What an edit did is counted.
with past as (
    select segment_id, bucket, customer_id, max(at) as at from segment_change
    where not entered and recorded_at < %(before)s
    group by segment_id, bucket, customer_id order by bucket, customer_id, segment_id limit %(limit)s
), gone as (
    delete from segment_change c using past p
    where c.segment_id = p.segment_id and c.bucket = p.bucket and c.customer_id = p.customer_id
        and c.at <= p.at
    returning c.segment_id, c.version, c.cause, c.entered
), counted as (
    insert into segment_tally (segment_id, version, entered, exited)
    select segment_id, version, count(*) filter (where entered), count(*) filter (where not entered)
    from gone where cause = 'definition' group by segment_id, version
    on conflict (segment_id, version) do update
    set entered = segment_tally.entered + excluded.entered,
        exited = segment_tally.exited + excluded.exited
)
select count(*) from gone

-- name: has_files
-- Whether stays of anybody in this bucket are in the lake.
select exists (select from lake_file where kind = 'membership' and removed_at is null
    and bucket_lo <= %(bucket)s and bucket_hi >= %(bucket)s)

-- name: find_last
-- Until when changes may be in the lake; what was found out later is not. Null: none is.
select max(max_time) from lake_file where kind = 'membership' and removed_at is null

-- name: name_segments
-- What segments are called.
select id, name from segment where id = any(%(ids)s)

-- name: name_people
-- What people in a list are called, without those who were forgotten.
select c.customer_id, c.traits ->> 'name' from customer c
join unnest(%(ids)s::bigint[]) as k (customer_id)
    on c.bucket = (k.customer_id %% 1024)::int and c.customer_id = k.customer_id
where c.erased_at is null
