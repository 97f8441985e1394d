-- name: lock_segments
-- One change of segments at a time, so that two edits cannot make a circle together.
lock table segment in share row exclusive mode;

-- name: insert_segment
-- A new segment at version 1.
insert into segment (id, name, definition, version, created_at, created_by, changed_at)
values (%(id)s, %(name)s, %(definition)s, 1, %(now)s, %(by)s, %(now)s);

-- name: insert_version
-- What a segment is defined as from this version on; kept for ever.
insert into segment_version (segment_id, version, definition, changed_at, changed_by)
values (%(id)s, %(version)s, %(definition)s, %(now)s, %(by)s);

-- name: wake_followers
-- The engine looks at once.
select pg_notify('inbox', '')

-- name: update_segment
-- The next version, where the caller saw the current one.
update segment
set name = %(name)s, definition = %(definition)s, version = version + 1, changed_at = %(now)s
where id = %(id)s and version = %(version)s and archived_at is null
returning version;

-- name: archive_segment
-- Out of the lists; its versions stay for "why".
update segment set archived_at = %(now)s, changed_at = %(now)s, version = version + 1
where id = %(id)s and version = %(version)s and archived_at is null
returning version;

-- name: lock_segment
-- Who writes entries and exits ends first, and then writes none.
select 1 from segment where id = %(id)s for update;

-- name: delete_kept
-- All that was kept of a segment that nothing ever used.
with sizes as (delete from segment_size where segment_id = %(id)s),
changes as (delete from segment_change where segment_id = %(id)s),
counts as (delete from segment_tally where segment_id = %(id)s)
delete from segment_member where segment_id = %(id)s;

-- name: delete_versions
-- All that a segment ever was.
delete from segment_version where segment_id = %(id)s;

-- name: delete_segment
-- Gone for good.
delete from segment where id = %(id)s and version = %(version)s;

-- name: find_segment
-- One segment, archived or not.
select id, name, definition, version, created_at, created_by, changed_at, archived_at
from segment where id = %(id)s;

-- name: find_version
-- A segment's definition as it was at a version.
select definition from segment_version where segment_id = %(id)s and version = %(version)s;

-- name: list_segments
-- All segments that are not archived, by name.
select id, name, definition, version, created_at, created_by, changed_at, archived_at
from segment where archived_at is null order by lower(name), id;

-- name: list_definitions
-- What every segment is defined as; archived ones may still be named by others.
select id, definition from segment;

-- name: list_choosable
-- The same of those that a new definition may name.
select id, definition from segment where archived_at is null;

-- name: list_campaigns_of
-- Campaigns that write to a segment; only the open ones when asked.
select name from campaign
where segment_id = %(id)s and (not %(open)s or state not in ('done', 'cancelled'))
order by created_at, id;

-- name: list_heard_events
-- Names of events that have been heard.
select name from catalogue_event;

-- name: list_heard_properties
-- Traits (owner '') and properties with the types they were heard with.
select owner, name, type from catalogue_property;

-- name: list_sends
-- Which sends carried a letter, belonged to a campaign, or were about a topic.
select 'letter', letter_id::text, id from send where letter_id = any(%(letters)s::uuid[])
union all
select 'campaign', id::text, send_id from campaign
where id = any(%(campaigns)s::uuid[]) and send_id is not null
union all
select 'topic', topic, id from send where topic = any(%(topics)s::text[])
order by 1, 2, 3

-- name: list_names
-- How those are called that a condition may name by their ids.
select id, name from segment where id = any(%(ids)s)
union all
select id, name from letter where id = any(%(ids)s)
union all
select id, name from campaign where id = any(%(ids)s)
union all
select id, words from moment where id = any(%(ids)s)
