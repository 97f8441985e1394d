-- What customers' pages look up.

-- name: find_recipient
-- Who a token names: the message, its send, and the person as they are known now. Of a message
-- that is in the lake, where it went is known by the hash only; the address is told when it is
-- still theirs.
select s.id, s.kind, s.topic, s.letter_id, s.letter_version,
       coalesce(c.merged_into, c.customer_id), c.erased_at is not null,
       coalesce(m.address, (select p.address from contact_point p
            where p.bucket = (coalesce(c.merged_into, c.customer_id) %% 1024)::int
                and p.customer_id = coalesce(c.merged_into, c.customer_id)
                and p.address_hash = k.address_hash limit 1)),
       coalesce(m.locale, k.locale), c.locale,
       case when m.address is null then coalesce(k.address_hash, (select a.address_hash from send_address a
            where a.send_id = s.id and a.bucket = %(bucket)s and a.customer_id = %(customer_id)s
            limit 1)) end
from send s
left join message m on m.send_id = s.id and m.bucket = %(bucket)s
    and m.customer_id = %(customer_id)s
left join message_past k on k.send_id = s.id and k.bucket = %(bucket)s
    and k.customer_id = %(customer_id)s
left join customer c on c.bucket = %(bucket)s and c.customer_id = %(customer_id)s
where s.id = %(send_id)s

-- name: hold_confirming_send
-- The send of today's confirmation letters; held so that two visitors do not make two.
select value from installation where key = 'confirming' for update

-- name: keep_confirming_send
-- From now on confirmation letters belong to this send.
insert into installation (key, value) values ('confirming', %(value)s)
on conflict (key) do update set value = excluded.value

-- name: find_asked
-- The address that a confirmation letter went to.
select m.address, m.locale, m.planned_at from message m join send s on s.id = m.send_id
where m.bucket = %(bucket)s and m.send_id = %(send_id)s and m.customer_id = %(customer_id)s
    and s.created_by = 'page:subscribe' and m.planned_at >= %(since)s
