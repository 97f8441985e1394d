-- name: begin_run
-- One import; the same id again is the same import, taken up after its worker died. How many facts
-- it brought until then (what Route refused of them is found again) stays counted.
insert into import_run (id, kind, file_name, options, state, created_at, created_by)
values (%(id)s, %(kind)s, %(file_name)s, %(options)s, 'reading', %(now)s, %(by)s)
on conflict (id) do update set state = 'reading', error = null, finished_at = null,
    rows_read = 0, rows_rejected = 0, rows_known = 0, rows_new = greatest(0, import_run.rows_new
        - ((select count(*) from reject where source = %(source)s) - import_run.rows_rejected))
returning rows_new

-- name: find_unfinished
-- Imports of the same file in the same way that did not come to an end, the latest first.
select id from import_run
where state = 'reading' and kind = %(kind)s and file_name = %(file_name)s and options = %(options)s
    and created_by = %(by)s
order by created_at desc, id limit 10

-- name: hold_run
-- Whether nobody else works on it; it is this session's from then on.
select pg_try_advisory_lock(%(key)s)

-- name: forget_refusals
-- What an earlier attempt at the same import refused is found again.
delete from reject where source = %(source)s

-- name: count_refused
-- More was refused while the file is read.
update import_run set rows_rejected = rows_rejected + %(refused)s where id = %(id)s

-- name: find_known
-- Which of these rows were imported before.
select key from import_seen where key = any(%(keys)s::uuid[])

-- name: count_run
-- How far it is.
update import_run set rows_read = %(rows_read)s, rows_new = %(rows_new)s,
    rows_known = %(rows_known)s, rows_rejected = %(rows_rejected)s, state = %(state)s
where id = %(id)s

-- name: count_waiting
-- Parts of this import that Route has not taken yet.
select count(*) from intake where source = %(source)s

-- name: is_applying
-- Whether anything of this import is still on its way.
select exists (select from intake where source = %(source)s)
    or exists (select from inbox where source = %(source)s)

-- name: end_run
-- It is over; what Route refused counts as refused, not as new.
update import_run r set state = %(state)s, error = %(error)s, finished_at = %(now)s,
    rows_rejected = f.refused, rows_new = greatest(0, r.rows_new - (f.refused - r.rows_rejected))
from (select count(*) as refused from reject where source = %(source)s) f
where r.id = %(id)s
returning r.rows_read, r.rows_new, r.rows_known, r.rows_rejected

-- name: list_refusals
-- What was refused, in the order of the file.
select line, item, reason, detail from reject where source = %(source)s
order by line nulls last, at

-- name: list_runs
-- Imports, latest first.
select id, kind, file_name, options, state, rows_read, rows_rejected, rows_new, rows_known,
    created_at, created_by, finished_at, error
from import_run order by created_at desc limit %(limit)s
