-- name: add_moment
-- Something begins; the same id again changes nothing.
insert into moment (id, kind, words, area, since, until, created_at, created_by)
values (%(id)s, %(kind)s, %(words)s, %(area)s, %(since)s, %(until)s, %(now)s, %(by)s)
on conflict (id) do nothing

-- name: find_moment
-- One moment.
select id, kind, words, area, since, until, created_at, created_by, ended_at
from moment where id = %(id)s

-- name: list_moments
-- All of them, the latest first.
select id, kind, words, area, since, until, created_at, created_by, ended_at
from moment order by coalesce(ended_at, 'infinity') desc, since desc, id limit %(limit)s

-- name: list_open
-- What goes on at an instant.
select id, kind, words, area, since, until, created_at, created_by, ended_at
from moment where since <= %(now)s and (until is null or until > %(now)s)
    and (ended_at is null or ended_at > %(now)s)
order by since, id

-- name: end_moment
-- It is over, earlier than was thought.
update moment set ended_at = %(now)s
where id = %(id)s and ended_at is null and (until is null or until > %(now)s)
