-- What customers' pages look up.

-- name: find_recipient
-- Who a token names: the message, its send, and the person as they are known now.
select s.id, s.kind, s.topic, s.letter_id, s.letter_version,
       coalesce(c.merged_into, c.customer_id), c.erased_at is not null,
       m.address, m.locale, c.locale,
       (select a.address_hash from send_address a
        where a.send_id = s.id and a.bucket = %(bucket)s and a.customer_id = %(customer_id)s
        limit 1)
from send s
left join message m on m.send_id = s.id and m.bucket = %(bucket)s
    and m.customer_id = %(customer_id)s
left join customer c on c.bucket = %(bucket)s and c.customer_id = %(customer_id)s
where s.id = %(send_id)s
