-- SQL of backup and restore.

-- name: find_state
-- The database's version and its last migration.
select current_setting('server_version'), (select max(number) from migration)

-- name: is_empty
-- Whether nothing of ours is in this database.
select to_regclass('migration') is null

-- name: find_hold
-- Since when a restored installation waits for its owner.
select value from installation where key = 'restored'

-- name: release
-- The owner has confirmed.
delete from installation where key = 'restored'

-- name: silence_waiting
-- What waited in the backup may have gone out since.
update message set state = 'silent', reason = 'restored', finished_at = %(now)s
where state in ('planned', 'queued', 'deferred')

-- name: note_release
-- Who let it speak again.
insert into audit (id, at, actor, action, subject, detail)
values (%(id)s, %(now)s, %(by)s, 'restore.confirmed', 'installation', %(detail)s)

-- name: export_snapshot
-- A name under which pg_dump can look at the database as this transaction does.
select pg_export_snapshot()
