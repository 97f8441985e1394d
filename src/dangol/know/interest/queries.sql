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
-- What the history says of one range of buckets.
create temp table if not exists interest_told (like interest) on commit delete rows

-- name: drop_untold
-- What the history does not say any more.
delete from interest i
where i.bucket between %(lo)s and %(hi)s and not exists (
    select from interest_told t where t.bucket = i.bucket and t.customer_id = i.customer_id
        and t.tag = i.tag)

-- name: keep_told
-- What is new or has changed; people who are gone have no interests.
insert into interest (bucket, customer_id, tag, weight, reads, clicks, buys, last_at)
select t.bucket, t.customer_id, t.tag, t.weight, t.reads, t.clicks, t.buys, t.last_at
from interest_told t
join customer c on c.bucket = t.bucket and c.customer_id = t.customer_id
where c.merged_into is null and c.erased_at is null
order by t.bucket, t.customer_id, t.tag
on conflict (bucket, customer_id, tag) do update
set weight = excluded.weight, reads = excluded.reads, clicks = excluded.clicks,
    buys = excluded.buys, last_at = excluded.last_at
where (interest.weight, interest.reads, interest.clicks, interest.buys, interest.last_at)
    is distinct from (excluded.weight, excluded.reads, excluded.clicks, excluded.buys,
        excluded.last_at)

-- name: list_interests
-- What one customer likes, the strongest first.
select tag, weight, reads, clicks, buys, last_at from interest
where bucket = %(bucket)s and customer_id = %(customer_id)s
order by weight desc, tag limit %(limit)s

-- name: list_tags
-- Every tag that somebody likes, and by how many.
select tag, count(*) from interest group by tag order by 2 desc, tag limit %(limit)s
