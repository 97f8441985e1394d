-- name: save_item
-- What is known of an item now.
insert into item (key, kind, title, url, tags, posted_at, changed_at)
values (%(key)s, %(kind)s, %(title)s, %(url)s, %(tags)s,
    coalesce(%(posted_at)s, %(now)s), %(now)s)
on conflict (key) do update
set kind = excluded.kind, title = excluded.title, url = excluded.url, tags = excluded.tags,
    posted_at = coalesce(%(posted_at)s, item.posted_at), changed_at = excluded.changed_at

-- name: find_items
-- Items by their ids.
select key, kind, title, url, tags, posted_at, changed_at from item where key = any(%(keys)s)

-- name: list_items
-- The latest first.
select key, kind, title, url, tags, posted_at, changed_at from item
where %(text)s = '' or position(%(text)s in lower(title || ' ' || key || ' ' || tags::text)) > 0
order by posted_at desc, key limit %(limit)s offset %(offset)s

-- name: count_items
-- How many of them.
select count(*) from item
where %(text)s = '' or position(%(text)s in lower(title || ' ' || key || ' ' || tags::text)) > 0

-- name: remove_item
-- Gone.
delete from item where key = %(key)s

-- name: list_all_items
-- What events can be about.
select key, url, tags from item where cardinality(tags) > 0

-- name: list_telling_names
-- Events that carry something which tells what they are about.
select distinct owner from catalogue_property
where owner <> '' and name = any(%(properties)s)

-- name: create_told
-- What the history says of some buckets, and in fresh_* what of it had been added when it was read.
create temp table if not exists interest_told (like interest) on commit delete rows

-- name: list_moved
-- Whom what was told changes: bucket and id.
select distinct bucket, customer_id from (
    select bucket, customer_id, tag, weight - fresh_weight as told from interest_told) t
full join (
    select bucket, customer_id, tag, weight, fresh_weight from interest
    where bucket between %(lo)s and %(hi)s) i using (bucket, customer_id, tag)
where abs(coalesce(t.told, 0) + coalesce(i.fresh_weight, 0) - coalesce(i.weight, 0))
    > 1e-9 * coalesce(i.weight, t.told)

-- name: drop_untold
-- What the history does not say any more, and nobody has said since it was read.
delete from interest i using (
    select i.bucket, i.customer_id, i.tag from interest i
    left join interest_told t on t.bucket = i.bucket and t.customer_id = i.customer_id and t.tag = i.tag
    where i.bucket between %(lo)s and %(hi)s and i.fresh_reads + i.fresh_clicks + i.fresh_buys
        + coalesce(t.reads - t.fresh_reads + t.clicks - t.fresh_clicks + t.buys - t.fresh_buys, 0) = 0
) gone
where i.bucket = gone.bucket and i.customer_id = gone.customer_id and i.tag = gone.tag

-- name: keep_told
-- What is new or has changed, with what was added after the history was read; people who are gone
-- have no interests.
insert into interest (bucket, customer_id, tag, weight, reads, clicks, buys, last_at,
    fresh_weight, fresh_reads, fresh_clicks, fresh_buys)
select t.bucket, t.customer_id, t.tag, t.weight, t.reads, t.clicks, t.buys, t.last_at,
    t.fresh_weight, t.fresh_reads, t.fresh_clicks, t.fresh_buys
from interest_told t
join customer c on c.bucket = t.bucket and c.customer_id = t.customer_id
left join interest i on i.bucket = t.bucket and i.customer_id = t.customer_id and i.tag = t.tag
where c.merged_into is null and c.erased_at is null
    and (i.tag is not null or t.reads + t.clicks + t.buys > 0)
order by t.bucket, t.customer_id, t.tag
on conflict (bucket, customer_id, tag) do update
set weight = excluded.weight + interest.fresh_weight - excluded.fresh_weight,
    reads = excluded.reads + interest.fresh_reads - excluded.fresh_reads,
    clicks = excluded.clicks + interest.fresh_clicks - excluded.fresh_clicks,
    buys = excluded.buys + interest.fresh_buys - excluded.fresh_buys,
    last_at = case when interest.fresh_weight = excluded.fresh_weight then excluded.last_at
        else greatest(interest.last_at, excluded.last_at) end,
    fresh_weight = interest.fresh_weight - excluded.fresh_weight,
    fresh_reads = interest.fresh_reads - excluded.fresh_reads,
    fresh_clicks = interest.fresh_clicks - excluded.fresh_clicks,
    fresh_buys = interest.fresh_buys - excluded.fresh_buys
where excluded.fresh_weight <> 0
    or (interest.weight - interest.fresh_weight, interest.reads - interest.fresh_reads,
        interest.clicks - interest.fresh_clicks, interest.buys - interest.fresh_buys)
    is distinct from (excluded.weight, excluded.reads, excluded.clicks, excluded.buys)
    or (interest.fresh_weight = 0 and interest.last_at is distinct from excluded.last_at)

-- name: create_said
-- What the events of one batch say that they are about, in their own words.
create temp table if not exists interest_said (
    bucket int, customer_id bigint, event_id uuid, time timestamptz, kind text, said text
) on commit delete rows

-- name: stage_said
-- Categories and tags of the event or of the things that it lists, and the tags of known items that
-- these name.
insert into interest_said (bucket, customer_id, event_id, time, kind, said)
select h.bucket, h.customer_id, h.event_id, h.time,
    case when h.name = any(%(buys)s) then 'buy' when h.name = 'Message Clicked' then 'click'
        else 'read' end, about.said
from heard h
cross join lateral (
    select h.props as thing
    union all
    select jsonb_array_elements(h.props -> 'products')
    where jsonb_typeof(h.props -> 'products') = 'array') as things
cross join lateral (
    select things.thing ->> 'category' as said
    union all
    select jsonb_array_elements_text(things.thing -> 'categories')
    where jsonb_typeof(things.thing -> 'categories') = 'array'
    union all
    select jsonb_array_elements_text(things.thing -> 'tags')
    where jsonb_typeof(things.thing -> 'tags') = 'array'
    union all
    select unnest(i.tags) from unnest(%(named)s::text[]) n join item i on i.key = things.thing ->> n
    union all
    select unnest(i.tags) from unnest(%(named)s::text[]) n join item i on i.url = things.thing ->> n
) as about
where h.name = any(%(names)s) and h.time <= %(until)s and length(about.said) between 1 and 200

-- name: list_said
-- The different words.
select distinct said from interest_said

-- name: fold_said
-- Each event counts once for a tag; what it adds also stands apart until the history is told.
insert into interest (bucket, customer_id, tag, weight, reads, clicks, buys, last_at,
    fresh_weight, fresh_reads, fresh_clicks, fresh_buys)
select bucket, customer_id, tag, weight, reads, clicks, buys, last_at, weight, reads, clicks, buys
from (
    select bucket, customer_id, tag,
        sum(case kind when 'buy' then %(buy)s::float8 when 'click' then %(click)s::float8
            else %(read)s::float8 end
            * power(2::float8, extract(epoch from time - %(origin)s)::float8 / %(half_life)s::float8)
            order by time, event_id) as weight,
        (count(*) filter (where kind = 'read'))::int as reads,
        (count(*) filter (where kind = 'click'))::int as clicks,
        (count(*) filter (where kind = 'buy'))::int as buys,
        max(time) as last_at
    from (
        select distinct s.bucket, s.customer_id, s.event_id, s.time, s.kind, f.tag
        from interest_said s
        join unnest(%(said)s::text[], %(tags)s::text[]) as f (said, tag) on f.said = s.said
        where f.tag <> '') each
    group by bucket, customer_id, tag) told
order by bucket, customer_id, tag
on conflict (bucket, customer_id, tag) do update
set weight = interest.weight + excluded.weight, reads = interest.reads + excluded.reads,
    clicks = interest.clicks + excluded.clicks, buys = interest.buys + excluded.buys,
    last_at = greatest(interest.last_at, excluded.last_at),
    fresh_weight = interest.fresh_weight + excluded.fresh_weight,
    fresh_reads = interest.fresh_reads + excluded.fresh_reads,
    fresh_clicks = interest.fresh_clicks + excluded.fresh_clicks,
    fresh_buys = interest.fresh_buys + excluded.fresh_buys

-- name: list_interests
-- What one customer likes, the strongest first.
select tag, weight, reads, clicks, buys, last_at from interest
where bucket = %(bucket)s and customer_id = %(customer_id)s
order by weight desc, tag limit %(limit)s

-- name: list_tags
-- Every tag that somebody likes, and by how many.
select tag, count(*) from interest group by tag order by 2 desc, tag limit %(limit)s
