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
