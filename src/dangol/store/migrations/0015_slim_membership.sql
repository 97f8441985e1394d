-- Why: under load entries and exits come by the ten thousand. Each paid for a look at its segment
-- and for two indexes where one key does; who writes them locks the segments once instead.
-- Locks: segment_change and segment_member exclusively while the key is built, about a second for
-- a million rows. Reversible: the key in the old order, the index, and the references again.
alter table segment_change
    drop constraint segment_change_segment_id_fkey,
    drop constraint segment_change_pkey,
    add primary key (bucket, customer_id, segment_id, at);
drop index segment_change_customer;
alter table segment_member drop constraint segment_member_segment_id_fkey;
