-- name: count_members
-- How many members there are, disabled ones included.
select count(*) from member

-- name: find_owner
-- The oldest owner who may sign in.
select id from member where role = 'owner' and disabled_at is null order by created_at, id limit 1

-- name: add_member
-- A new member; nothing happens when the address is taken.
insert into member (id, email, name, role, locale, created_at)
values (%(id)s, %(email)s, %(name)s, %(role)s, %(locale)s, %(now)s)
on conflict (email) do nothing returning id

-- name: list_members
-- Everyone of the team, those who may sign in first.
select id, email, name, role, locale, password_hash is not null as has_password, created_at, disabled_at
from member order by disabled_at nulls first, created_at, id

-- name: find_member
-- One member.
select id, email, name, role, locale, password_hash is not null as has_password, created_at, disabled_at
from member where id = %(id)s

-- name: find_password
-- What signing in by password compares with.
select id, password_hash from member where email = %(email)s and disabled_at is null

-- name: set_password
-- A new password hash.
update member set password_hash = %(hash)s where id = %(id)s

-- name: set_profile
-- What members change about themselves.
update member set name = %(name)s, email = %(email)s, locale = %(locale)s where id = %(id)s

-- name: set_locale
-- The language of one member's desk.
update member set locale = %(locale)s where id = %(id)s

-- name: set_role
-- Role and access of one member.
update member set role = %(role)s, disabled_at = %(disabled_at)s where id = %(id)s

-- name: lock_owners
-- The owners who may sign in, locked, so that two changes cannot remove the last two at once.
select id from member where role = 'owner' and disabled_at is null order by id for update

-- name: add_link
-- A one-time way in.
insert into login_link (token_hash, member_id, created_at, expires_at)
values (%(hash)s, %(member)s, %(now)s, %(expires)s)

-- name: use_link
-- Take the link, once: of two who press it together one gets the row.
update login_link set used_at = %(now)s
from member
where token_hash = %(hash)s and used_at is null and expires_at > %(now)s
  and member.id = login_link.member_id and member.disabled_at is null
returning member_id

-- name: is_link_open
-- Whether the link still works.
select exists (select from login_link join member on member.id = member_id
where token_hash = %(hash)s and used_at is null and expires_at > %(now)s and disabled_at is null)

-- name: add_session
-- A new session.
insert into session (token_hash, member_id, csrf_token, created_at, last_seen_at, expires_at)
values (%(hash)s, %(member)s, %(csrf)s, %(now)s, %(now)s, %(expires)s)

-- name: find_session
-- The session with its member, while both may be used.
select member_id, member.email, member.name, member.role, member.locale, csrf_token, last_seen_at
from session join member on member.id = session.member_id
where token_hash = %(hash)s and session.expires_at > %(now)s
  and last_seen_at > %(idle_since)s and disabled_at is null

-- name: touch_session
-- Seen again; written at most every few minutes.
update session set last_seen_at = %(now)s where token_hash = %(hash)s

-- name: end_session
-- Signed out.
delete from session where token_hash = %(hash)s

-- name: end_sessions_of
-- Every session of a member, except the one at hand.
delete from session where member_id = %(member)s and token_hash is distinct from %(except_hash)s

-- name: end_links_of
-- Unused links of a member stop working.
delete from login_link where member_id = %(member)s and used_at is null

-- name: sweep
-- Sessions and links that can no longer be used.
with gone as (delete from login_link where expires_at < %(before)s)
delete from session where expires_at < %(before)s

-- name: count_attempts
-- Sign-ins tried lately for one address and from one caller.
select count(*) filter (where subject = %(email)s and detail ->> 'ip' = %(ip)s),
       count(*) filter (where detail ->> 'ip' = %(ip)s),
       count(*) filter (where subject = %(email)s)
from audit where at > %(since)s and action = 'sign_in_tried'

-- name: add_audit
-- Who did what.
insert into audit (id, at, actor, action, subject, detail)
values (%(id)s, %(at)s, %(actor)s, %(action)s, %(subject)s, %(detail)s)

-- name: list_audit
-- What was done lately.
select at, coalesce(member.name, actor) as actor, action, subject, detail
from audit left join member on actor = 'member:' || member.id::text
order by at desc, audit.id limit %(limit)s

-- name: is_first_session
-- Whether a member has no password and no other session.
select (select password_hash is null from member where id = %(member)s)
   and (select count(*) = 1 from session where member_id = %(member)s)
