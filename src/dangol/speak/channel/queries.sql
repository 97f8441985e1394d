-- name: insert_config
-- A channel as it was set up.
insert into channel_config (id, channel, kind, config, secret, created_at, changed_at, changed_by)
values (%(id)s, 'email', %(kind)s, %(config)s, %(secret)s, %(now)s, %(now)s, %(by)s)

-- name: change_config
-- Another set-up of the same channel; it must be verified again. No new secret keeps the old one.
update channel_config set kind = %(kind)s, config = %(config)s, verified_at = null,
    secret = coalesce(%(secret)s, secret), changed_at = %(now)s, changed_by = %(by)s
where id = %(id)s returning id

-- name: list_configs
-- All channels, the one in use first.
select id, kind, config, secret, active, verified_at, changed_at from channel_config
where channel = 'email' order by active desc, changed_at desc

-- name: find_config
-- One channel.
select id, kind, config, secret, active, verified_at, changed_at from channel_config
where id = %(id)s

-- name: set_verified
-- The provider let us in.
update channel_config set verified_at = %(now)s where id = %(id)s

-- name: choose_config
-- Use one channel and none of the others.
update channel_config set active = (id = %(id)s),
    changed_at = case when active <> (id = %(id)s) then %(now)s else changed_at end,
    changed_by = case when active <> (id = %(id)s) then %(by)s else changed_by end
where channel = 'email'
