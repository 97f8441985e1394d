-- Statements of conversing: whose mail it is, threads and their messages, bounces, strays.

-- name: find_customer
-- A customer as now: the winner after a merge; no row when erased or unknown.
select coalesce(w.customer_id, c.customer_id)
from customer as c
left join customer as w
    on w.bucket = (c.merged_into %% 1024)::int and w.customer_id = c.merged_into
where c.bucket = %(bucket)s and c.customer_id = %(customer_id)s
  and coalesce(w.erased_at, c.erased_at) is null;

-- name: find_sent_address
-- The address that one of our letters went to, or its hash when the letter is in the lake.
select address, null from message
where bucket = %(bucket)s and send_id = %(send_id)s and customer_id = %(customer_id)s
union all
select null, address_hash from message_past
where bucket = %(bucket)s and send_id = %(send_id)s and customer_id = %(customer_id)s;

-- name: find_by_address
-- Customers who are reached at an address; two are enough to know that it is not certain.
select customer_id from contact_point
where channel = 'email' and address_hash = %(hash)s
order by bucket, customer_id limit 2;

-- name: find_address
-- Where a customer is reached.
select address, address_hash from contact_point
where bucket = %(bucket)s and customer_id = %(customer_id)s and channel = 'email';

-- name: find_header
-- The message that a Message-ID belongs to.
select customer_id, thread_id, send_id from header_ref where header_id = any(%(ids)s)
order by array_position(%(ids)s, header_id) limit 1;

-- name: add_header
-- Remember whose a Message-ID is; the first to bring it keeps it.
insert into header_ref (header_id, bucket, customer_id, thread_id, send_id, at)
values (%(header_id)s, %(bucket)s, %(customer_id)s, %(thread_id)s, %(send_id)s, %(at)s)
on conflict (header_id) do nothing;

-- name: lock_conversation
-- One mail of a customer at a time, also when two workers route.
select pg_advisory_xact_lock(%(key)s);

-- name: find_send_kind
-- Whether the answered message was a campaign's, an answer of ours or a test.
select kind from send where id = %(send_id)s;

-- name: find_thread_of_send
-- The thread that an answer of ours stands in, else the latest that a send gave rise to.
select t.id
from thread as t
left join thread_message as m
    on m.bucket = t.bucket and m.customer_id = t.customer_id and m.thread_id = t.id
    and m.send_id = %(send_id)s
where t.bucket = %(bucket)s and t.customer_id = %(customer_id)s
  and (m.send_id is not null or t.origin_send_id = %(send_id)s)
order by (m.send_id is not null) desc, t.last_at desc limit 1;

-- name: list_recent_subjects
-- The customer's threads since a time, latest first.
select id, subject from thread
where bucket = %(bucket)s and customer_id = %(customer_id)s and last_at >= %(since)s
order by last_at desc, id;

-- name: thread_exists
-- Whether this thread is this customer's.
select 1 from thread
where bucket = %(bucket)s and customer_id = %(customer_id)s and id = %(id)s;

-- name: has_message
-- Whether this mail was kept before.
select 1 from thread_message
where bucket = %(bucket)s and customer_id = %(customer_id)s and id = %(id)s;

-- name: count_lately
-- How many mails came into a thread since a time.
select count(*) from thread_message
where bucket = %(bucket)s and customer_id = %(customer_id)s and thread_id = %(thread_id)s
  and direction = 'in' and at >= %(since)s;

-- name: open_thread
-- A new thread; it waits for nobody until a message makes it.
insert into thread
    (bucket, customer_id, id, subject, state, origin_send_id, opened_at, waiting_since, last_at)
values (%(bucket)s, %(customer_id)s, %(id)s, %(subject)s, 'closed', %(send_id)s, %(at)s, null,
        %(at)s)
on conflict (bucket, customer_id, id) do nothing;

-- name: wake_thread
-- An answer came: open, and waiting since the first unanswered one.
update thread
set state = 'open', waiting_since = coalesce(waiting_since, %(at)s), last_at = %(at)s
where bucket = %(bucket)s and customer_id = %(customer_id)s and id = %(id)s;

-- name: add_message
-- One message of a thread.
insert into thread_message
    (bucket, customer_id, thread_id, id, direction, kind, header_id, in_reply_to, reference_ids,
     from_address, is_other_sender, is_guess, subject, body_text, body_full, attachments, send_id,
     author, at)
values (%(bucket)s, %(customer_id)s, %(thread_id)s, %(id)s, %(direction)s, %(kind)s,
        %(header_id)s, %(in_reply_to)s, %(reference_ids)s, %(from_address)s, %(is_other_sender)s,
        %(is_guess)s, %(subject)s, %(body_text)s, %(body_full)s, %(attachments)s, %(send_id)s,
        %(author)s, %(at)s)
on conflict (bucket, customer_id, thread_id, id) do nothing;

-- name: add_attachment
-- One file.
insert into thread_attachment (bucket, customer_id, message_id, position, name, content_type, data)
values (%(bucket)s, %(customer_id)s, %(message_id)s, %(position)s, %(name)s, %(content_type)s,
        %(data)s)
on conflict do nothing;

-- name: add_stray
-- Mail that is nobody's.
insert into stray_mail (id, at, from_address, subject, reason, raw)
values (%(id)s, %(at)s, %(from_address)s, %(subject)s, %(reason)s, %(raw)s)
on conflict (id) do nothing;

-- name: add_bounce
-- One failure; told once.
insert into bounce (bucket, customer_id, id, send_id, class, status, detail, address_hash, at)
values (%(bucket)s, %(customer_id)s, %(id)s, %(send_id)s, %(class)s, %(status)s, %(detail)s,
        %(address_hash)s, %(at)s)
on conflict (bucket, customer_id, id) do nothing;

-- name: find_answered_thread
-- The thread in which a send of ours is an answer.
select thread_id, subject from thread_message
where bucket = %(bucket)s and customer_id = %(customer_id)s and send_id = %(send_id)s
  and direction = 'out';

-- name: list_failures
-- Failures of one class at an address since a time.
select at from bounce
where address_hash = %(address_hash)s and class = %(class)s and at >= %(since)s
order by at;

-- name: last_sign_of_life
-- When somebody last wrote to us from there: mail reaches them.
select max(m.at)
from contact_point as p
join thread_message as m on m.bucket = p.bucket and m.customer_id = p.customer_id
where p.channel = 'email' and p.address_hash = %(address_hash)s
  and m.direction = 'in' and m.kind = 'message';

-- name: threads
-- Threads with their customer's name and the last that the customer wrote: the part that every
-- list of threads shares.
select t.bucket, t.customer_id, t.id, t.subject, t.state, t.is_complaint, t.origin_send_id,
       t.assignee_id, t.opened_at, t.waiting_since, t.last_at,
       coalesce(c.traits->>'name', ''), coalesce(m.body_text, ''), coalesce(m.from_address, ''),
       coalesce(m.is_other_sender, false), coalesce(m.is_guess, false)
from thread as t
left join customer as c on c.bucket = t.bucket and c.customer_id = t.customer_id
left join lateral (
    select body_text, from_address, is_other_sender, is_guess
    from thread_message as x
    where x.bucket = t.bucket and x.customer_id = t.customer_id and x.thread_id = t.id
      and x.direction = 'in'
    order by x.at desc, x.id limit 1
) as m on true

-- name: that_wait
-- Whose last word is the customer's, longest waiting first.
where t.waiting_since is not null
order by t.waiting_since, t.id
limit %(limit)s;

-- name: of_customer
-- One customer's, or one of them, latest first.
where t.bucket = %(bucket)s and t.customer_id = %(customer_id)s
  and (%(id)s::uuid is null or t.id = %(id)s)
order by t.last_at desc, t.id;

-- name: latest
-- All, latest first, for the list of what was answered.
order by t.last_at desc, t.id
limit %(limit)s;

-- name: count_waiting
-- The length of that list.
select count(*) from thread where waiting_since is not null;

-- name: list_messages
-- One thread from its beginning; of ours also what became of it.
select m.id, m.direction, m.kind, m.header_id, m.in_reply_to, m.reference_ids, m.from_address,
       m.is_other_sender, m.is_guess, m.subject, m.body_text, m.body_full, m.attachments,
       m.send_id, m.author, m.at, s.state as delivery, s.reason as delivery_reason
from thread_message as m
left join message as s
    on s.bucket = m.bucket and s.customer_id = m.customer_id and s.send_id = m.send_id
    and m.direction = 'out'
where m.bucket = %(bucket)s and m.customer_id = %(customer_id)s and m.thread_id = %(id)s
order by m.at, m.id;

-- name: wake_unsent
-- Threads whose last word is an answer of ours that was not and will not be sent.
update thread as t set waiting_since = %(now)s
from thread_message as m
join message as s
    on s.bucket = m.bucket and s.customer_id = m.customer_id and s.send_id = m.send_id
where t.state = 'open' and t.waiting_since is null and t.last_at >= %(since)s
  and m.bucket = t.bucket and m.customer_id = t.customer_id and m.thread_id = t.id
  and m.direction = 'out' and m.at = t.last_at
  and s.state in ('failed', 'silent', 'uncertain');

-- name: count_begun
-- How many conversations the team has begun with a customer.
select count(*) from thread
where bucket = %(bucket)s and customer_id = %(customer_id)s and is_begun;

-- name: begin_thread
-- A conversation of ours; no row where it was begun before.
insert into thread
    (bucket, customer_id, id, subject, state, is_begun, opened_at, waiting_since, last_at)
values (%(bucket)s, %(customer_id)s, %(id)s, %(subject)s, 'open', true, %(at)s, null, %(at)s)
on conflict (bucket, customer_id, id) do nothing
returning id;

-- name: find_answer
-- What a send of ours says.
select m.subject, m.body_full, m.header_id, m.in_reply_to, m.reference_ids
from thread_message as m
where m.bucket = %(bucket)s and m.customer_id = %(customer_id)s and m.send_id = %(send_id)s
  and m.direction = 'out';

-- name: find_attachment
-- One file.
select name, content_type, data from thread_attachment
where bucket = %(bucket)s and customer_id = %(customer_id)s and message_id = %(message_id)s
  and position = %(position)s;

-- name: lock_thread
-- One thread, held until the end of the transaction.
select subject, waiting_since from thread
where bucket = %(bucket)s and customer_id = %(customer_id)s and id = %(id)s
for update;

-- name: end_waiting
-- The team has the last word.
update thread set state = 'open', waiting_since = null, last_at = %(at)s
where bucket = %(bucket)s and customer_id = %(customer_id)s and id = %(id)s;

-- name: close_thread
-- Nothing more to say.
update thread set state = 'closed', waiting_since = null
where bucket = %(bucket)s and customer_id = %(customer_id)s and id = %(id)s;

-- name: mark_complaint
-- Whether it is a complaint: as long as it is open, no marketing goes to this person.
update thread set is_complaint = %(is_complaint)s
where bucket = %(bucket)s and customer_id = %(customer_id)s and id = %(id)s;

-- name: assign
-- Who of the team takes care.
update thread set assignee_id = %(member_id)s
where bucket = %(bucket)s and customer_id = %(customer_id)s and id = %(id)s;

-- name: list_strays
-- Mail that is nobody's, latest first.
select id, at, from_address, subject, reason from stray_mail
order by at desc, id limit %(limit)s;

-- name: copy_in_table
-- Rows of a merged customer, written again in the winner's bucket: a row never changes its bucket.
insert into {table}
select (jsonb_populate_record(
    x, jsonb_build_object('bucket', %(to_bucket)s::int, 'customer_id', %(to_id)s::bigint))).*
from {table} as x
where x.bucket = %(bucket)s and x.customer_id = %(customer_id)s
on conflict do nothing;

-- name: move_headers
-- Message-IDs are found by themselves; only what they point to changes.
update header_ref set bucket = %(to_bucket)s, customer_id = %(to_id)s
where bucket = %(bucket)s and customer_id = %(customer_id)s;

-- name: drop_in_table
-- The originals of what was written again.
delete from {table} where bucket = %(bucket)s and customer_id = %(customer_id)s;

-- name: list_mailbox
-- The sandbox mailbox, latest first; of one recipient, or of all.
select id, at, rcpt, sender, subject from mailbox_message
where (%(rcpt)s::text is null or rcpt = %(rcpt)s)
order by at desc, id limit %(limit)s;

-- name: get_mailbox
-- One mail of the sandbox.
select id, at, rcpt, sender, subject, raw from mailbox_message where id = %(id)s;

-- name: count_mailbox
-- How many there are.
select count(*) from mailbox_message;

-- name: clear_mailbox
-- Empty the sandbox.
delete from mailbox_message;

-- name: trim_mailbox
-- Practice mail past its time.
delete from mailbox_message where at < %(before)s;

-- name: imap_checkpoint
-- How far a mailbox was read.
select uid_validity, uid from imap_checkpoint where mailbox = %(mailbox)s;

-- name: save_checkpoint
-- Read up to here; in the same transaction as what was read.
insert into imap_checkpoint (mailbox, uid_validity, uid)
values (%(mailbox)s, %(uid_validity)s, %(uid)s)
on conflict (mailbox) do update set uid_validity = excluded.uid_validity, uid = excluded.uid;
