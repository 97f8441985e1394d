-- SQL of the table that says how long things are kept.

-- name: list_rules
-- Every kind.
select kind, days, action, changed_at, changed_by from retention order by kind

-- name: find_days
-- Of one kind; null: for ever.
select days from retention where kind = %(kind)s

-- name: change_days
-- Another number of days; returned is the one before.
update retention r set days = %(days)s, changed_at = %(now)s, changed_by = %(by)s
from (select kind, days from retention where kind = %(kind)s for update) before
where r.kind = before.kind and r.action <> 'keep' returning before.days
