-- SQL of forgetting. Each clear_* statement is one place that holds something of a person; they
-- work on the temporary tables of create_person.

-- name: find_survivor
-- Who this customer is now.
select coalesce(merged_into, customer_id) from customer
where bucket = %(bucket)s and customer_id = %(customer_id)s

-- name: lock_request
-- Two requests for one person wait for each other.
select 1 from customer where bucket = %(bucket)s and customer_id = %(customer_id)s for update

-- name: lock_contacts
-- What the hand-off locks; see decide.campaign.
select 1 from contact_state where bucket = %(bucket)s and customer_id = %(customer_id)s
order by channel for update

-- name: silence_messages
-- Nothing that waits goes out.
update message set state = 'silent', reason = 'erased', finished_at = %(now)s
where bucket = %(bucket)s and customer_id = %(customer_id)s
  and state in ('planned', 'queued', 'deferred')

-- name: find_request
-- A request for the same person that is there already.
select id from erasure where bucket = %(bucket)s and customer_id = %(customer_id)s

-- name: add_request
-- A person asks to be forgotten.
insert into erasure (id, bucket, customer_id, requested_at, requested_by)
values (%(id)s, %(bucket)s, %(customer_id)s, %(now)s, %(by)s)

-- name: list_requests
-- All requests, the latest first.
select id, customer_id, requested_at, requested_by, cleared_at, rewritten_at, certificate
from erasure order by requested_at desc, id

-- name: get_request
-- One request.
select id, customer_id, requested_at, requested_by, cleared_at, rewritten_at, certificate
from erasure where id = %(id)s

-- name: list_open
-- Requests with something left to do, the oldest first.
select id, customer_id, requested_at, requested_by, cleared_at, rewritten_at, certificate
from erasure where rewritten_at is null order by requested_at, id

-- name: has_drained
-- Whether everything that was heard before the request has been routed.
select not exists (select 1 from intake where received_at <= %(at)s)

-- name: list_same
-- The customers who merged into this one.
select customer_id from customer where merged_into = %(customer_id)s order by customer_id

-- name: lock_identities
-- Nobody changes who is who meanwhile.
select pg_advisory_xact_lock(%(number)s)

-- name: create_person
-- The person's customers.
create temp table person (bucket int, customer_id bigint) on commit drop

-- name: create_values
-- What names the person directly: identifiers and addresses.
create temp table person_value (value text collate "C") on commit drop

-- name: fill_person
-- All customers that are this person.
insert into person select (id %% 1024)::int, id from unnest(%(ids)s::bigint[]) as t (id)

-- name: lock_leases
-- The turns of Live that are under way end first.
select 1 from lease
where exists (select 1 from person p where p.bucket between bucket_lo and bucket_hi)
order by partition for update

-- name: lock_person
-- The person's rows, in key order.
select 1 from customer c where (c.bucket, c.customer_id) in (select * from person)
order by c.bucket, c.customer_id for update

-- name: lock_person_contacts
-- And what the hand-off locks.
select 1 from contact_state s where (s.bucket, s.customer_id) in (select * from person)
order by s.bucket, s.customer_id, s.channel for update

-- name: list_identifiers
-- Ids, addresses and phone numbers under which the person is or was known in the database.
select i.value, i.kind = 'email' from identity i
where (i.bucket, i.customer_id) in (select * from person)
union
select a.address, true from contact_point a
where (a.bucket, a.customer_id) in (select * from person)
union
select m.address, true from message m
where (m.bucket, m.customer_id) in (select * from person) and m.address is not null
union
select t.value, t.key = 'email' from customer c, jsonb_each_text(c.traits) t
where (c.bucket, c.customer_id) in (select * from person) and t.key in ('email', 'phone')
    and t.value is not null
union
select t.value, t.key = 'email' from event_recent e, jsonb_each_text(e.props) t
where (e.bucket, e.customer_id) in (select * from person) and e.name = 'Profile Updated'
    and t.key in ('email', 'phone') and t.value is not null

-- name: fill_values
-- The values to look for.
insert into person_value select * from unnest(%(values)s::text[])

-- name: suppress_addresses
-- The addresses, as keyed hashes, keep their opt-out.
insert into suppression (address_hash, channel, reason, covers, at)
select hash, 'email', 'erased', 'marketing', %(now)s from unnest(%(hashes)s::bytea[]) as t (hash)
on conflict (channel, address_hash, reason) do update
set at = excluded.at, covers = excluded.covers, lifted_at = null

-- name: forget_details
-- A server's own words about a suppressed address may name it.
update suppression set detail = '' where address_hash = any(%(hashes)s::bytea[]) and detail <> ''

-- name: clear_inbox
-- Heard, not yet applied.
delete from inbox t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_event_recent
-- The history that is not in files yet.
delete from event_recent t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_contact_point
-- Addresses.
delete from contact_point t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_contact_state
-- Answers in force.
delete from contact_state t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_consent
-- The ledger of answers, with its evidence.
delete from consent t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_relationship_day
-- Days and amounts of orders.
delete from relationship_day t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_stage
-- Where the relationship stood.
delete from stage t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_note
-- What the team wrote down about them.
delete from note t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_interest
-- What they like.
delete from interest t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_referral
-- Who brought them, and whom they brought.
delete from referral t where (t.bucket, t.customer_id) in (select * from person)
    or t.referrer_id in (select customer_id from person)

-- name: clear_segment_change
-- When they came into a segment, and left it.
delete from segment_change t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_segment_work
-- What segments had still to look at.
delete from segment_work t where (t.bucket, t.customer_id) in (select * from person)

-- name: leave_segments
-- Who keeps the segments takes them out, without a word: a number that waits.
insert into segment_work (bucket, customer_id, event_id, name, recorded_at, cause, is_new)
select bucket, customer_id, gen_random_uuid(), '', %(now)s, 'merge', true from person

-- name: clear_message
-- Messages stay as numbers: no address, no values, no server's words; also those that went to the
-- person's address before it was a customer's (tests, confirmations of a subscription).
update message t set address = null, seen = null, response = null, locale = null,
    state = case when state in ('planned', 'queued', 'deferred') then 'silent' else state end,
    reason = case when state in ('planned', 'queued', 'deferred') then 'erased' else reason end
where (t.bucket, t.customer_id) in (select * from person)
   or ((t.customer_id = 0 or t.customer_id >= 1152921504606846976)
       and lower(t.address) in (select lower(value) from person_value))

-- name: list_hashes
-- Of addresses that letters of long ago went to.
select distinct k.address_hash from message_past k
where (k.bucket, k.customer_id) in (select * from person) and k.address_hash is not null

-- name: clear_message_past
-- Letters of long ago whose links work no more.
delete from message_past t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_send_address
-- Hashes of addresses per send.
delete from send_address t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_bounce
-- What came back.
delete from bounce t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_thread_attachment
-- Files they sent.
delete from thread_attachment t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_thread_message
-- What they wrote, and what was written to them.
delete from thread_message t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_thread
-- Conversations.
delete from thread t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_header_ref
-- Message-IDs of their mail.
delete from header_ref t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_merge_task
-- Histories that were still to follow.
delete from merge_task t where t.loser_id in (select customer_id from person)

-- name: clear_identity
-- The ids under which senders know them.
delete from identity t where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_customer
-- The profile; the row stays as a number.
update customer t set traits = '{}', trait_stamps = '{}', search = '', locale = null, zone = null,
    zone_source = null, country = null, erased_at = %(now)s
where (t.bucket, t.customer_id) in (select * from person)

-- name: clear_reject
-- Refused items that name them.
delete from reject t where exists (
    select 1 from person_value v where position(v.value in t.item || ' ' || t.detail) > 0)

-- name: clear_mailbox_message
-- Practice mail to or from them.
delete from mailbox_message t
where lower(t.rcpt) in (select lower(value) from person_value)
   or lower(t.sender) in (select lower(value) from person_value)

-- name: clear_stray_mail
-- Mail of theirs that belonged to nobody.
delete from stray_mail t where lower(t.from_address) in (select lower(value) from person_value)

-- name: clear_catalogue_property
-- Examples of values.
update catalogue_property t set example = null
where exists (select 1 from person_value v where position(v.value in t.example) > 0)

-- name: mask_person
-- What files hold of the person is not read from now on, and gone by `due`.
insert into mask (bucket, customer_id, kind, created_at, rewrite_due_at)
select bucket, customer_id, 'erase', %(now)s, %(due)s from person order by bucket, customer_id
on conflict (bucket, customer_id) do update
set kind = 'erase', rewrite_due_at = least(mask.rewrite_due_at, excluded.rewrite_due_at)

-- name: mark_cleared
-- The database is done.
update erasure set cleared_at = %(now)s, certificate = %(certificate)s where id = %(id)s

-- name: save_certificate
-- The certificate as it stands.
update erasure set certificate = %(certificate)s, rewritten_at = %(rewritten_at)s where id = %(id)s

-- name: find_rewritten
-- When the last of the person's masks was rewritten; null while one is not. Files that left the
-- manifest until then may still be on the disk.
select case when bool_and(rewritten_at is not null) then max(rewritten_at) end,
       exists (select 1 from lake_file where removed_at is not null)
from mask where customer_id = any(%(ids)s)

-- name: list_text_columns
-- Every column of every table in which a name could stand.
select c.table_name::text, array_agg(c.column_name::text order by c.ordinal_position)
from information_schema.columns c
join information_schema.tables t on t.table_schema = c.table_schema
    and t.table_name = c.table_name and t.table_type = 'BASE TABLE'
where c.table_schema = 'public' and c.data_type in ('text', 'jsonb', 'ARRAY')
group by c.table_name order by c.table_name

-- name: create_journaled
-- What the journal says, one row per address and reason: the latest.
create temp table journaled (
    channel text collate "C", address_hash bytea, reason text collate "C",
    covers text collate "C", at timestamptz, lifted boolean
) on commit drop

-- name: replay_suppressions
-- Blocks that this database does not know, or knows an older state of.
insert into suppression (address_hash, channel, reason, covers, at, detail, lifted_at)
select address_hash, channel, reason, covers, at, 'journal', case when lifted then at end
from journaled
on conflict (channel, address_hash, reason) do update
set at = excluded.at, covers = excluded.covers, detail = excluded.detail,
    lifted_at = excluded.lifted_at
where greatest(suppression.at, suppression.lifted_at) < excluded.at

-- name: list_returned
-- Customers who had been erased and are back from a backup.
select customer_id from customer
where customer_id = any(%(ids)s) and erased_at is null and merged_into is null
order by customer_id
