-- Statements of the rhythm: counts from relationship_day, models, stages.

-- name: count_histories
-- Customers alike, added up: how often they came back, and the days of the first and the last time.
select repeats, first_day, last_day, count(*) as weight
from (
    select count(*) - 1 as repeats, min(day) as first_day, max(day) as last_day
    from relationship_day
    where day <= {today}
    group by bucket, customer_id
) as one
group by repeats, first_day, last_day

-- name: count_amounts
-- Per customer the order days after the first of which every amount is known, and their sum.
select count(*) as orders, sum(revenue_minor)::bigint as total
from (
    select bucket, customer_id, revenue_minor, unrated,
           row_number() over (partition by bucket, customer_id order by day) as nth
    from relationship_day
    where day <= {today}
) as one
where nth > 1 and unrated = 0
group by bucket, customer_id

-- name: read_base
-- Everyone's history and known amounts after the first order, with the stage written down.
select d.bucket, d.customer_id, d.repeats, d.first_day, d.last_day, d.orders, d.total, s.stage
from (
    select bucket, customer_id, count(*) - 1 as repeats, min(day) as first_day, max(day) as last_day,
           count(*) filter (where nth > 1 and unrated = 0) as orders,
           coalesce(sum(revenue_minor) filter (where nth > 1 and unrated = 0), 0)::bigint as total
    from (
        select bucket, customer_id, day, revenue_minor, unrated,
               row_number() over (partition by bucket, customer_id order by day) as nth
        from relationship_day
        where day <= {today}
    ) as one
    group by bucket, customer_id
) as d
left join stage as s on s.bucket = d.bucket and s.customer_id = d.customer_id

-- name: read_window
-- Who ordered after one day up to and with another: last day, how often, and known amounts.
select customer_id, max(day) as last_day, count(*) as order_days,
       count(*) filter (where unrated = 0) as orders,
       coalesce(sum(revenue_minor) filter (where unrated = 0), 0)::bigint as total
from relationship_day
where day > {since} and day <= {until}
group by bucket, customer_id

-- name: days_of
-- One customer's order days with what they brought.
select day, revenue_minor, unrated from relationship_day
where bucket = %(bucket)s and customer_id = %(customer_id)s
order by day;

-- name: newest_model
-- The version in force.
select version, model, params, fitted_at, as_of, customers, repeaters, log_likelihood, thresholds,
       basis, calendar, covariance, spend, known_since
from rhythm_model
order by version desc
limit 1;

-- name: last_model
-- The newest version that anything was learned in.
select version, model, params, fitted_at, as_of, customers, repeaters, log_likelihood, thresholds,
       basis, calendar, covariance, spend, known_since
from rhythm_model
where model <> 'none'
order by version desc
limit 1;

-- name: model_of
-- One version.
select version, model, params, fitted_at, as_of, customers, repeaters, log_likelihood, thresholds,
       basis, calendar, covariance, spend, known_since
from rhythm_model
where version = %(version)s;

-- name: newest_basis
-- What the newest version was counted by; older versions did not keep it.
select basis from rhythm_model order by version desc limit 1;

-- name: add_model
-- A new version after the newest; two refits at once meet on the primary key.
insert into rhythm_model
    (version, model, params, fitted_at, as_of, customers, repeaters, log_likelihood, thresholds,
     basis, calendar, covariance, spend, known_since)
select coalesce(max(version), 0) + 1, %(model)s, %(params)s, %(fitted_at)s, %(as_of)s,
       %(customers)s, %(repeaters)s, %(log_likelihood)s, %(thresholds)s,
       %(basis)s, %(calendar)s, %(covariance)s, %(spend)s, %(known_since)s
from rhythm_model
returning version;

-- name: renew_none
-- Still too little to learn from: the newest version says how much there is today.
update rhythm_model
set fitted_at = %(fitted_at)s, as_of = %(as_of)s, customers = %(customers)s,
    repeaters = %(repeaters)s, basis = %(basis)s, known_since = %(known_since)s
where model = 'none' and version = (select max(version) from rhythm_model);

-- name: read_buckets
-- Facts and present stage of everyone in a range of buckets.
select d.bucket, d.customer_id, d.repeats, d.first_day, d.last_day,
       s.stage, s.repeats as seen_repeats, s.first_day as seen_first_day,
       s.last_day as seen_last_day, s.p, s.model_version, s.since, s.previous, s.cause
from (
    select bucket, customer_id, count(*) - 1 as repeats, min(day) as first_day, max(day) as last_day
    from relationship_day
    where bucket between {lo} and {hi}
    group by bucket, customer_id
) as d
left join stage as s on s.bucket = d.bucket and s.customer_id = d.customer_id

-- name: add_unknown
-- Nothing is said yet of who has days but no stage.
insert into stage (bucket, customer_id, stage, since, cause, repeats, first_day, last_day, scored_at)
select d.bucket, d.customer_id, 'unknown', %(now)s, 'history', count(*) - 1, min(d.day), max(d.day),
       %(now)s
from relationship_day as d
where d.bucket between %(lo)s and %(hi)s
  and not exists (
      select from stage as s where s.bucket = d.bucket and s.customer_id = d.customer_id
  )
group by d.bucket, d.customer_id
on conflict (bucket, customer_id) do nothing;

-- name: read_unjudged
-- Facts of those of whom nothing was ever said.
select s.bucket, s.customer_id, count(*) - 1 as repeats, min(r.day) as first_day,
       max(r.day) as last_day, s.stage, s.repeats as seen_repeats, s.first_day as seen_first_day,
       s.last_day as seen_last_day, s.p, s.model_version, s.since, s.previous, s.cause
from stage as s
join relationship_day as r on r.bucket = s.bucket and r.customer_id = s.customer_id
where s.bucket between {lo} and {hi} and s.stage = 'unknown' and s.previous is null
group by s.bucket, s.customer_id

-- name: read_unjudged_days
-- And every day on which they came.
select r.customer_id, r.day
from stage as s
join relationship_day as r on r.bucket = s.bucket and r.customer_id = s.customer_id
where s.bucket between {lo} and {hi} and s.stage = 'unknown' and s.previous is null

-- name: list_unjudged
-- Where somebody waits.
select distinct bucket from stage where stage = 'unknown' and previous is null order by bucket;

-- name: create_asked
-- Whose stage is asked for; lives as long as the connection.
create temp table if not exists stage_asked (
    bucket int not null, customer_id bigint not null, cause text not null
) on commit delete rows;

-- name: lock_asked
-- Their stages, in key order like every writer: what is read next stays true until the commit.
select count(*) from (
    select 1 from stage as s
    join stage_asked as a on a.bucket = s.bucket and a.customer_id = s.customer_id
    order by s.bucket, s.customer_id for update of s
) as locked;

-- name: read_asked
-- Facts and present stage of those in stage_asked, with the cause they came with.
select d.bucket, d.customer_id, d.repeats, d.first_day, d.last_day,
       s.stage, s.repeats as seen_repeats, s.first_day as seen_first_day,
       s.last_day as seen_last_day, s.p, s.model_version, s.since, s.previous, d.cause
from (
    select r.bucket, r.customer_id, a.cause, count(*) - 1 as repeats,
           min(r.day) as first_day, max(r.day) as last_day
    from stage_asked as a
    join relationship_day as r on r.bucket = a.bucket and r.customer_id = a.customer_id
    group by r.bucket, r.customer_id, a.cause
) as d
left join stage as s on s.bucket = d.bucket and s.customer_id = d.customer_id

-- name: create_fresh
-- Stages to be written, with what was seen when they were decided; lives as the connection.
create temp table if not exists stage_fresh (
    like stage, seen_stage text, seen_repeats int, seen_first_day date, seen_last_day date
) on commit delete rows;

-- name: clear_fresh
-- Nothing of an earlier call in the same transaction may be written again.
delete from stage_fresh;

-- name: clear_asked
-- The same for those asked for.
delete from stage_asked;

-- name: lock_fresh
-- Rows to be written, in key order, so that two writers wait for each other and never cross.
select count(*) from (
    select 1 from stage as s
    join stage_fresh as f on f.bucket = s.bucket and f.customer_id = s.customer_id
    order by s.bucket, s.customer_id for update of s
) as locked;

-- name: update_stages
-- Write where the row still is what was seen; whoever changed it in between knows more.
update stage as s
set stage = f.stage, since = f.since, previous = f.previous, cause = f.cause,
    repeats = f.repeats, first_day = f.first_day, last_day = f.last_day,
    gap_days = f.gap_days, horizon_days = f.horizon_days, p = f.p, p_alive = f.p_alive,
    silence = f.silence, model_version = f.model_version, scored_at = f.scored_at
from stage_fresh as f
where s.bucket = f.bucket and s.customer_id = f.customer_id
  and s.stage = f.seen_stage and s.repeats = f.seen_repeats
  and s.first_day = f.seen_first_day and s.last_day = f.seen_last_day
returning s.customer_id;

-- name: insert_stages
-- Write those that had no row; whoever wrote one in between knows more.
insert into stage
    (bucket, customer_id, stage, since, previous, cause, repeats, first_day, last_day,
     gap_days, horizon_days, p, p_alive, silence, model_version, scored_at)
select bucket, customer_id, stage, since, previous, cause, repeats, first_day, last_day,
       gap_days, horizon_days, p, p_alive, silence, model_version, scored_at
from stage_fresh
where seen_stage is null
on conflict (bucket, customer_id) do nothing
returning customer_id;

-- name: delete_orphans
-- Stages of customers without any relationship day left: merged or erased.
delete from stage as s
where s.bucket between %(lo)s and %(hi)s
  and not exists (
      select from relationship_day as d
      where d.bucket = s.bucket and d.customer_id = s.customer_id
  );

-- name: find_stage
-- One customer's stage.
select bucket, customer_id, stage, since, previous, cause, repeats, first_day, last_day, p,
       model_version, scored_at
from stage
where bucket = %(bucket)s and customer_id = %(customer_id)s;
