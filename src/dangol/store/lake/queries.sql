-- SQL of the lake: its manifest, its masks, and the recent rows that the mover takes.

-- name: list_files
-- The files of a kind, or of all, that are part of the truth, oldest first, of a range of buckets.
select id, kind, level, path, bucket_lo, bucket_hi, rows, bytes, min_time, max_time, format_version,
       typed_columns, created_at
from lake_file
where removed_at is null and bucket_lo <= %(bucket_hi)s and bucket_hi >= %(bucket_lo)s
    and (%(kind)s::text is null or kind = %(kind)s)
order by created_at, id

-- name: add_file
-- A file becomes part of the truth.
insert into lake_file (id, kind, level, path, bucket_lo, bucket_hi, rows, bytes, min_time, max_time,
                       format_version, typed_columns, created_at)
values (%(id)s, %(kind)s, %(level)s, %(path)s, %(bucket_lo)s, %(bucket_hi)s, %(rows)s, %(bytes)s,
        %(min_time)s, %(max_time)s, %(format_version)s, %(typed_columns)s, %(created_at)s)

-- name: remove_files
-- Files cease to be part of the truth; they stay on disk for readers that began before.
update lake_file set removed_at = %(now)s where id = any(%(ids)s) and removed_at is null

-- name: list_removed
-- Files that no reader can still be reading.
select id, path from lake_file where removed_at <= %(before)s order by removed_at, id

-- name: forget_files
-- Rows of files that are deleted from the disk.
delete from lake_file where id = any(%(ids)s) and removed_at is not null

-- name: list_paths
-- Every path that the manifest names, removed or not.
select path from lake_file

-- name: list_partitions
-- The ranges of buckets that large files are cut into.
select bucket_lo, bucket_hi from lease order by partition

-- name: list_typed_properties
-- Scalar event properties that conditions of segments name, then the most frequent ones.
select name, type
from catalogue_property left join property_in_use u using (name, type)
where owner <> '' and type in ('text', 'number', 'time', 'boolean')
group by name, type, u.name
having u.name is not null or sum(count) >= %(frequent)s
order by u.name is null, sum(count) desc, name, type
limit %(limit)s

-- name: delete_moved
-- The rows that the mover has read in this same snapshot, up to the last key of its file.
delete from event_recent e
where (e.bucket, e.customer_id, e.time, e.event_id)
      <= (%(bucket)s, %(customer_id)s, %(time)s, %(event_id)s)
  and not exists (select 1 from mask m where m.bucket = e.bucket and m.customer_id = e.customer_id)

-- name: find_waiting
-- Whether anything waits to be moved, whether it makes a whole file, and when the last was made;
-- before the first, when the installation was. What lies in the future was made before the clock
-- was set back, and is no reason to wait.
select exists (select 1 from event_recent),
       exists (select 1 from event_recent offset %(rows)s::bigint - 1),
       coalesce((select max(created_at) from lake_file
                    where kind = 'event' and level = 0 and created_at <= %(now)s),
                (select min(applied_at) from migration where applied_at <= %(now)s),
                'epoch')

-- name: try_lock
-- One writer changes history at a time: mover, merges, erasures, and compaction as it commits.
select pg_try_advisory_lock(%(key)s)

-- name: lock
-- The same, waiting for it.
select pg_advisory_lock(%(key)s)

-- name: unlock
-- Let the next writer in.
select pg_advisory_unlock(%(key)s)

-- name: export_snapshot
-- A name under which another connection can look at the database as this one does.
select pg_export_snapshot()

-- name: list_masked
-- Customers whose rows in files may still be there and are not to be read.
select bucket, customer_id from mask where rewritten_at is null order by bucket, customer_id

-- name: list_due_masks
-- Masked customers whose rows must be gone from files by then.
select bucket, customer_id from mask
where rewritten_at is null and rewrite_due_at <= %(by)s order by bucket, customer_id

-- name: mark_rewritten
-- No file holds rows of these customers any more.
update mask m set rewritten_at = %(now)s
from unnest(%(buckets)s::int[], %(customers)s::bigint[]) as g (bucket, customer_id)
where m.bucket = g.bucket and m.customer_id = g.customer_id and m.rewritten_at is null

-- name: list_journeys
-- Losers of merges whose history is still theirs, and to whom it goes; and the few whom an event
-- reached after theirs had gone.
select loser_id, winner_id, false as is_late from (
    select loser_id, winner_id from merge_task where copied_at is null
    order by created_at, loser_id limit %(limit)s
) t
union all
select t.loser_id, t.winner_id, true from mask m
join merge_task t on t.loser_id = m.customer_id and t.copied_at is not null
where m.kind = 'merge' and m.created_at > %(since)s and exists (
    select 1 from event_recent e where e.bucket = m.bucket and e.customer_id = m.customer_id)

-- name: create_carried
-- The losers of this batch; winners may change until the rows of their tasks are locked.
create temp table carried (
    bucket int, customer_id bigint, winner_bucket int, winner_id bigint
) on commit drop

-- name: lock_journeys
-- Whoever merges a winner away redirects these rows first; after this line they stand still.
insert into carried
select (t.loser_id %% 1024)::int, t.loser_id, (t.winner_id %% 1024)::int, t.winner_id
from (
    select loser_id, winner_id from merge_task where loser_id = any(%(losers)s)
    order by loser_id for update
) t

-- name: create_fetched
-- What the files hold of the losers.
create temp table fetched (like event_recent) on commit drop

-- name: insert_fetched
-- The same events, with the same ids, of the winner.
insert into event_recent (bucket, customer_id, time, event_id, name, received_at, recorded_at,
                          utc_offset_min, props, source, effect, cause, origin, depth)
select c.winner_bucket, c.winner_id, f.time, f.event_id, f.name, f.received_at, f.recorded_at,
       f.utc_offset_min, f.props, f.source, f.effect, f.cause, f.origin, f.depth
from fetched f join carried c on c.bucket = f.bucket and c.customer_id = f.customer_id
where not exists (select 1 from mask m where m.bucket = c.bucket and m.customer_id = c.customer_id)
on conflict do nothing

-- name: move_recent
-- Recent events of the losers become the winners'.
with taken as (
    delete from event_recent e using carried c
    where e.bucket = c.bucket and e.customer_id = c.customer_id
    returning e.*, c.winner_bucket, c.winner_id
)
insert into event_recent (bucket, customer_id, time, event_id, name, received_at, recorded_at,
                          utc_offset_min, props, source, effect, cause, origin, depth)
select winner_bucket, winner_id, time, event_id, name, received_at, recorded_at,
       utc_offset_min, props, source, effect, cause, origin, depth
from taken
on conflict do nothing

-- name: mask_losers
-- What files still hold of the losers is not read any more.
insert into mask (bucket, customer_id, kind, created_at, rewrite_due_at)
select bucket, customer_id, 'merge', %(now)s, %(due)s from carried order by bucket, customer_id
on conflict (bucket, customer_id) do nothing

-- name: mark_carried
-- The history has followed.
update merge_task set copied_at = %(now)s
where loser_id in (select customer_id from carried) and copied_at is null

-- name: note_loss
-- Who gave up what of the history.
insert into audit (id, at, actor, action, subject, detail)
values (%(id)s, %(now)s, %(by)s, 'history_given_up', %(path)s, %(detail)s)
