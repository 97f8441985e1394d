-- name: take_send_id
-- Hand out the next number of a send; the row lock serialises takers.
update send_block set next_id = next_id + 1 returning next_id - 1

-- name: insert_send
-- A send: what is said, the same for all its messages.
insert into send (id, kind, message_kind, topic, letter_id, letter_version, holdout_share,
    expires_at, created_at, created_by)
values (%(id)s, %(kind)s, %(message_kind)s, %(topic)s, %(letter_id)s, %(letter_version)s,
    %(holdout_share)s, %(expires_at)s, %(now)s, %(by)s)

-- name: find_send
-- One send.
select id, kind, message_kind, topic, letter_id, letter_version, holdout_share, state, expires_at
from send where id = %(id)s

-- name: set_send_state
-- Open, pause or close a send. A hand-off holds the row for share, so this waits for it.
update send set state = %(state)s where id = %(id)s and state = any(%(from)s) returning id

-- name: insert_message
-- One message that waits for its hand-off.
insert into message (bucket, send_id, customer_id, state, due_at, planned_at, locale, address)
values (%(bucket)s, %(send_id)s, %(customer_id)s, 'queued', %(due_at)s, %(now)s, %(locale)s,
    %(address)s)
on conflict (bucket, send_id, customer_id) do nothing returning send_id

-- name: ensure_contact_state
-- A row that the hand-off can lock.
insert into contact_state (bucket, customer_id, channel) values (%(bucket)s, %(customer_id)s, 'email')
on conflict (bucket, customer_id, channel) do nothing

-- name: silence_customer
-- End a customer's waiting messages, because the customer is gone or merged.
update message set state = 'silent', reason = %(reason)s, finished_at = %(now)s
where bucket = %(bucket)s and customer_id = %(customer_id)s and state in ('queued', 'deferred')
