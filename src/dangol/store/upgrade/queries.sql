-- name: list_tables
-- Every table that holds rows of its own.
select n.nspname, c.relname
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname <> 'information_schema' and n.nspname not like 'pg\_%'
order by 1, 2

-- name: list_sequences
-- Where each counter of numbers stands.
select schemaname || '.' || sequencename, coalesce(last_value, 0) from pg_sequences order by 1

-- name: list_migrations
-- What was applied to the database.
select number, name from migration order by number

-- name: list_foreign_databases
-- Databases that somebody else put beside ours.
select datname from pg_database
where not datistemplate and datname not in (current_database(), 'postgres')
order by 1
