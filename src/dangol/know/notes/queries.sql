-- name: add_note
-- A new note; the same id again changes nothing.
insert into note (bucket, customer_id, id, text, created_at, created_by, changed_at, changed_by)
values (%(bucket)s, %(customer_id)s, %(id)s, %(text)s, %(now)s, %(by)s, %(now)s, %(by)s)
on conflict (bucket, customer_id, id) do nothing

-- name: list_notes
-- All notes about a customer, the latest first.
select id, text, for_letters, created_at, created_by, changed_at, changed_by from note
where bucket = %(bucket)s and customer_id = %(customer_id)s order by created_at desc, id

-- name: change_note
-- Another text, or another use.
update note set text = %(text)s, for_letters = %(for_letters)s, changed_at = %(now)s,
    changed_by = %(by)s
where bucket = %(bucket)s and customer_id = %(customer_id)s and id = %(id)s

-- name: remove_note
-- Gone.
delete from note
where bucket = %(bucket)s and customer_id = %(customer_id)s and id = %(id)s

-- name: move_notes
-- Notes follow a merge.
with moved as (
    delete from note where bucket = %(loser_bucket)s and customer_id = %(loser_id)s returning *
)
insert into note (bucket, customer_id, id, text, for_letters, created_at, created_by, changed_at,
    changed_by)
select %(winner_bucket)s, %(winner_id)s, id, text, for_letters, created_at, created_by,
    changed_at, changed_by
from moved on conflict (bucket, customer_id, id) do nothing
