-- Counted links of a send.

-- name: insert_link
-- One counted link; a second launch of the same send writes the same row.
insert into send_link (send_id, link, url) values (%(send_id)s, %(link)s, %(url)s)
on conflict (send_id, link) do nothing

-- name: list_links
-- The counted links of a send in order.
select url from send_link where send_id = %(send_id)s order by link

-- name: find_link
-- Where one counted link leads.
select url from send_link where send_id = %(send_id)s and link = %(link)s

-- name: find_send_letter
-- Which letter a send carries.
select letter_id, letter_version, kind, topic from send where id = %(send_id)s

-- name: find_handed
-- When messages were handed over, for the hits on them.
select m.send_id, m.customer_id, m.handed_at
from unnest(%(buckets)s::int[], %(sends)s::bigint[], %(customers)s::bigint[])
    as hit (bucket, send_id, customer_id)
join message m on m.bucket = hit.bucket and m.send_id = hit.send_id
    and m.customer_id = hit.customer_id
where m.handed_at is not null
union all
select k.send_id, k.customer_id, k.handed_at
from unnest(%(buckets)s::int[], %(sends)s::bigint[], %(customers)s::bigint[])
    as hit (bucket, send_id, customer_id)
join message_past k on k.bucket = hit.bucket and k.customer_id = hit.customer_id
    and k.send_id = hit.send_id

-- name: find_sends
-- The kinds of sends.
select id, kind from send where id = any(%(sends)s)

-- name: find_urls
-- Where many links lead.
select l.send_id, l.link, l.url
from unnest(%(sends)s::bigint[], %(links)s::int[]) as hit (send_id, link)
join send_link l on l.send_id = hit.send_id and l.link = hit.link

-- name: find_clicks_before
-- Clicks of the same people in the seconds before, applied or about to be.
select (e.props ->> 'send_id')::bigint, e.customer_id, (e.props ->> 'link')::int, e.time
from unnest(%(buckets)s::int[], %(customers)s::bigint[]) as hit (bucket, customer_id)
join inbox e on e.bucket = hit.bucket and e.customer_id = hit.customer_id
    and e.received_at >= %(since)s
where e.name = 'Message Clicked' and e.time >= %(since)s
union all
select (e.props ->> 'send_id')::bigint, e.customer_id, (e.props ->> 'link')::int, e.time
from unnest(%(buckets)s::int[], %(customers)s::bigint[]) as hit (bucket, customer_id)
join event_recent e on e.bucket = hit.bucket and e.customer_id = hit.customer_id
    and e.time >= %(since)s
where e.name = 'Message Clicked'
