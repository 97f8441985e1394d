-- name: list_claims
-- Who of the batch says that a friend sent them: by our own page, or in a trait.
select bucket, customer_id, time, effect, depth, coalesce(props->>'by', ''),
    coalesce(props->>'referral_code', '')
from heard
where name = %(used)s or (name = %(stated)s and props ? 'referral_code')
order by bucket, customer_id, time

-- name: keep_referral
-- A friend is new, is somebody else, and is brought by one person only: the first who says so.
-- A merged referrer is the winner.
insert into referral (bucket, customer_id, referrer_id, source, at)
select %(bucket)s, %(customer_id)s, coalesce(r.merged_into, r.customer_id), %(source)s, %(at)s
from customer r
where r.bucket = %(referrer_bucket)s and r.customer_id = %(referrer_id)s and r.erased_at is null
    and coalesce(r.merged_into, r.customer_id) <> %(customer_id)s
    and not exists (select from relationship_day d where d.bucket = %(bucket)s
        and d.customer_id = %(customer_id)s and d.day < (%(at)s)::date)
on conflict (bucket, customer_id) do nothing
returning referrer_id

-- name: tell_joined
-- The one who brought a friend hears of it.
insert into inbox (bucket, customer_id, event_id, name, time, received_at, props, source, effect,
    cause, depth)
values (mod(%(referrer_id)s, 1024), %(referrer_id)s, %(event_id)s, %(name)s, %(time)s, %(now)s,
    %(props)s, 'dangol', %(effect)s, 'behaviour', %(depth)s)
on conflict (bucket, received_at, customer_id, event_id) do nothing

-- name: has_referrals
-- Whether anybody ever brought a friend.
select exists (select from referral)

-- name: tell_orders
-- And of every order of the friend; `order` counts the friend's orders so far.
insert into inbox (bucket, customer_id, event_id, name, time, received_at, props, source, effect,
    cause, depth)
select mod(coalesce(c.merged_into, r.referrer_id), 1024), coalesce(c.merged_into, r.referrer_id),
    md5('friend ordered ' || h.event_id)::uuid, %(name)s, h.time, %(now)s,
    jsonb_build_object('friend_id', h.customer_id, 'order', (
        select sum(d.events) from relationship_day d
        where d.bucket = h.bucket and d.customer_id = h.customer_id)),
    'dangol', h.effect, 'behaviour', h.depth + 1
from heard h
join referral r on r.bucket = h.bucket and r.customer_id = h.customer_id
join customer c on c.bucket = mod(r.referrer_id, 1024) and c.customer_id = r.referrer_id
where h.name = %(event)s and h.time >= r.at and c.erased_at is null
on conflict (bucket, received_at, customer_id, event_id) do nothing

-- name: list_friends
-- Whom a customer brought, the latest first.
select customer_id, at from referral where referrer_id = %(customer_id)s order by at desc
limit %(limit)s

-- name: find_referrer
-- Who brought a customer.
select referrer_id from referral where bucket = %(bucket)s and customer_id = %(customer_id)s

-- name: ask_referral
-- Somebody who has not confirmed an address yet came by a friend's link.
insert into referral (bucket, customer_id, referrer_id, source, at)
values (%(bucket)s, %(customer_id)s, %(referrer_id)s, 'asked', %(now)s)
on conflict (bucket, customer_id) do update
set referrer_id = excluded.referrer_id, at = excluded.at

-- name: take_asked
-- The address is confirmed: from here on the fact itself says who brought them.
delete from referral
where bucket = %(bucket)s and customer_id = %(customer_id)s and source = 'asked'
returning referrer_id

-- name: forget_asked
-- Addresses that were never confirmed.
delete from referral where source = 'asked' and at < %(before)s

-- name: move_referrals
-- After a merge: whom the loser brought, and who brought the loser.
update referral set referrer_id = %(winner_id)s where referrer_id = %(loser_id)s
    and not (bucket = %(winner_bucket)s and customer_id = %(winner_id)s)

-- name: move_friend
-- The winner was brought by whoever brought the loser, unless somebody had brought the winner.
with moved as (
    delete from referral where bucket = %(loser_bucket)s and customer_id = %(loser_id)s returning *
)
insert into referral (bucket, customer_id, referrer_id, source, at)
select %(winner_bucket)s, %(winner_id)s, referrer_id, source, at from moved
where referrer_id <> %(winner_id)s
on conflict (bucket, customer_id) do nothing

-- name: chosen_sends
-- Letters to a customer on a topic that the customer chose.
select m.send_id from (
    select bucket, customer_id, send_id from message
    where bucket = %(bucket)s and customer_id = %(customer_id)s and state = 'accepted'
    union all
    select bucket, customer_id, send_id from message_past
    where bucket = %(bucket)s and customer_id = %(customer_id)s) m
join send s on s.id = m.send_id
join contact_state c on c.bucket = m.bucket and c.customer_id = m.customer_id
where m.bucket = %(bucket)s and m.customer_id = %(customer_id)s
    and s.topic <> '*' and c.topics->s.topic->>'state' = 'granted'

-- name: find_fans
-- Which segment says who is a fan.
select (value->>'segment_id')::uuid from installation where key = 'fans'

-- name: name_fans
-- From now on this one; the first to say so decides.
insert into installation (key, value) values ('fans', jsonb_build_object('segment_id', %(id)s::text))
on conflict (key) do nothing
