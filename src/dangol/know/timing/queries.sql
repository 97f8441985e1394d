-- name: add_model
-- Everybody's hours as of tonight.
insert into timing_model (version, told_at, people, acts, kappa, everyone, zones, week)
select coalesce(max(version), 0) + 1, %(told_at)s, %(people)s, %(acts)s, %(kappa)s, %(everyone)s,
    %(zones)s, %(week)s
from timing_model

-- name: forget_models
-- Ten are enough to see what changed.
delete from timing_model where version <= (select max(version) - 10 from timing_model)

-- name: find_model
-- The newest.
select told_at, people, acts, kappa, everyone, zones, week from timing_model
order by version desc limit 1

-- name: find_week
-- The newest, as far as pages show it.
select told_at, acts, week from timing_model order by version desc limit 1

-- name: find_zone
-- Where one customer's clock stands.
select zone from customer where bucket = %(bucket)s and customer_id = %(customer_id)s
