-- Why: how long each kind of thing is kept is data, and messages that are final leave for the lake.
-- Locks: a moment on send and lake_file (columns with constant defaults). Reversible while nothing
-- was moved: drop the tables and the columns; afterwards the files hold what the database gave up.

-- How long each kind of thing is kept, and what becomes of it then.
create table retention (
    kind text collate "C" primary key,   -- store.retention.Kind
    days int check (days >= 0),          -- null: for ever
    action text collate "C" not null check (action in ('keep', 'lake', 'delete')),
    changed_at timestamptz not null,
    changed_by text not null,
    check ((days is null) = (action = 'keep'))
);
insert into retention (kind, days, action, changed_at, changed_by)
select kind, days, action, now(), 'dangol' from (values
    ('message', 30, 'lake'),
    ('session', 0, 'delete'),
    ('reject', 30, 'delete'),
    ('practice_mail', 30, 'delete'),
    ('job', 90, 'delete'),
    ('unconfirmed', 8, 'delete'),
    ('upload', 1, 'delete'),
    ('event', null, 'keep'),
    ('membership', null, 'keep'),
    ('thread', null, 'keep'),
    ('bounce', null, 'keep'),
    ('audit', null, 'keep'),
    ('consent', null, 'keep'),
    ('suppression', null, 'keep'),
    ('erasure', null, 'keep')
) as t (kind, days, action);

-- The manifest names files of every kind.
alter table lake_file add column kind text collate "C" not null default 'event';

-- When everything of a send that is final had left for the lake.
alter table send add column moved_at timestamptz;

-- How many messages of a send are in the lake, by where they ended.
create table message_tally (
    send_id bigint not null,
    state text collate "C" not null,
    reason text collate "C" not null,    -- '' for none
    messages bigint not null,
    primary key (send_id, state, reason)
);

-- What stays of a message that arrived and is in the lake: its links must work for ever.
create table message_past (
    bucket int not null,
    customer_id bigint not null,
    send_id bigint not null,
    handed_at timestamptz not null,
    locale text collate "C",             -- in which it was written
    address_hash bytea,                  -- of where it went
    primary key (bucket, customer_id, send_id)
);
