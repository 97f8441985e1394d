-- name: find_mark
-- The practice shop of this installation, if there is one.
select value from installation where key = 'practice';

-- name: hold_mark
-- The same, and nobody changes it until the end of the transaction.
select value from installation where key = 'practice' for share;

-- name: set_mark
-- Remember what was made, so that it can be finished after a kill and taken away later.
insert into installation (key, value) values ('practice', %(value)s)
on conflict (key) do update set value = excluded.value;

-- name: delete_mark
-- There is no practice shop any more.
delete from installation where key = 'practice';

-- name: count_waiting
-- Whether intake has something of ours, and how many routed facts are not applied yet.
select exists (select 1 from intake where source = %(source)s),
       (select count(*) from inbox where source = %(source)s);

-- name: is_being_made
-- Whether a job works on it, or will.
select exists (select 1 from job where kind = 'practice' and state in ('waiting', 'running', 'paused'));

-- name: delete_intake
-- What a job that was given up had still to be heard; waits for those who are reading it.
delete from intake where source = %(source)s;

-- name: lock_identities
-- Nobody changes who is who meanwhile.
select pg_advisory_xact_lock(%(number)s);

-- name: create_practice_customers
-- Everyone whom the practice shop made, and who merged into them.
create temp table practice_customer on commit drop as
with known as (
    select bucket, customer_id from identity where kind = 'user' and value = any(%(ids)s)
)
select bucket, customer_id from known
union
select c.bucket, c.customer_id from customer c join known k on c.merged_into = k.customer_id;

-- name: lock_leases
-- Live's turns that are under way end first.
select 1 from lease order by partition for update;

-- name: lock_customers
-- Their rows, in key order.
select 1 from customer c where (c.bucket, c.customer_id) in (select * from practice_customer)
order by c.bucket, c.customer_id for update;

-- name: lock_contacts
-- And what the hand-off locks.
select 1 from contact_state s where (s.bucket, s.customer_id) in (select * from practice_customer)
order by s.bucket, s.customer_id, s.channel for update;

-- name: list_customer_tables
-- Every table with rows that belong to a customer.
select b.table_name::text
from information_schema.columns b
join information_schema.columns c on c.table_schema = b.table_schema
    and c.table_name = b.table_name and c.column_name = 'customer_id'
join information_schema.tables t on t.table_schema = b.table_schema
    and t.table_name = b.table_name and t.table_type = 'BASE TABLE'
where b.table_schema = 'public' and b.column_name = 'bucket'
    and b.table_name <> all(%(kept)s)
order by 1;

-- name: delete_mail
-- Practice mail to or from them.
delete from mailbox_message
where rcpt in (select address from contact_point where (bucket, customer_id) in
               (select * from practice_customer))
   or sender in (select address from contact_point where (bucket, customer_id) in
                 (select * from practice_customer));

-- name: delete_suppressions
-- Opt-outs of addresses that never existed.
delete from suppression s using contact_point p
where s.channel = p.channel and s.address_hash = p.address_hash
  and (p.bucket, p.customer_id) in (select * from practice_customer);

-- name: delete_rejects
-- What the practice import had refused.
delete from reject where source = %(source)s;

-- name: mask_customers
-- What files hold of them is not read from now on, and rewritten with the next compaction.
insert into mask (bucket, customer_id, kind, created_at, rewrite_due_at)
select bucket, customer_id, 'erase', %(now)s, %(now)s from practice_customer
order by bucket, customer_id
on conflict (bucket, customer_id) do update set kind = 'erase', rewrite_due_at = %(now)s;

-- name: clear_customers
-- The row stays as a number, so that what still arrives about it is refused.
update customer c set traits = '{}', trait_stamps = '{}', search = '', locale = null, zone = null,
    zone_source = null, country = null, erased_at = %(now)s
where (c.bucket, c.customer_id) in (select * from practice_customer);

-- name: count_others
-- Customers of one's own.
select count(*) from customer where erased_at is null;

-- name: forget_events
-- Names that only the practice shop had used.
delete from catalogue_event;

-- name: forget_properties
-- And their properties.
delete from catalogue_property;

-- name: forget_models
-- A rhythm learned from invented people.
delete from rhythm_model;

-- name: list_letters
-- Letters that came with the practice shop and that nobody changed or sent.
select l.id from letter l
where l.created_by = %(by)s and l.version = 1
  and not exists (select 1 from campaign c where c.letter_id = l.id)
  and not exists (select 1 from send s where s.letter_id = l.id);

-- name: delete_letter_versions
-- Their content.
delete from letter_version where letter_id = any(%(ids)s);

-- name: delete_letters
-- And they themselves.
delete from letter where id = any(%(ids)s);

-- name: list_drafts
-- Drafts of campaigns that came with the practice shop.
select id from campaign where created_by = %(by)s and state = 'draft';

-- name: list_segments
-- Segments that came with the practice shop, the latest first.
select id, version from segment where created_by = %(by)s and version = 1
order by created_at desc, name desc;

-- name: find_brand_author
-- Who set the brand as it is now.
select changed_by from setting where key = 'brand';

-- name: leave_segments
-- Who keeps the segments takes them out, without a word.
insert into segment_work (bucket, customer_id, event_id, name, recorded_at, cause, is_new)
select bucket, customer_id, gen_random_uuid(), '', %(now)s, 'merge', true from practice_customer
