-- Why: letters, campaigns, and one durable row per person and message.
-- Locks: none (new tables). Reversible: drop the tables.

create table letter (
    id uuid primary key,
    name text not null,
    version int not null,
    created_at timestamptz not null,
    created_by text not null,
    changed_at timestamptz not null,
    archived_at timestamptz
);
create table letter_version (
    letter_id uuid not null references letter (id),
    version int not null,
    content jsonb not null,              -- speak.letter.content.Letter: kind, topic, advertises, variants by locale
    changed_at timestamptz not null,
    changed_by text not null,
    primary key (letter_id, version)
);

-- Everything that goes out belongs to a send: a campaign, one answer, one test.
create table send (
    id bigint primary key,               -- dense, handed out by send_block
    kind text collate "C" not null check (kind in ('campaign', 'answer', 'test', 'system')),
    message_kind text collate "C" not null,
    topic text collate "C" not null default '*',
    letter_id uuid,
    letter_version int,
    holdout_share real not null default 0,
    state text collate "C" not null default 'open' check (state in ('open', 'paused', 'closed')),
    expires_at timestamptz,              -- what was not handed over by then stays silent
    created_at timestamptz not null,
    created_by text not null
);
create index send_open on send (id) where state = 'open';
create table send_block (
    only_row boolean primary key default true check (only_row),
    next_id bigint not null
);
insert into send_block (next_id) values (1);

-- Tracked links of a send: a token names (send, customer, link), never an address.
create table send_link (
    send_id bigint not null references send (id),
    link int not null,
    url text not null,
    primary key (send_id, link)
);

create table campaign (
    id uuid primary key,
    name text not null,
    state text collate "C" not null check (state in
        ('draft', 'scheduled', 'planning', 'running', 'paused', 'done', 'cancelled')),
    segment_id uuid references segment (id),
    segment_version int,
    letter_id uuid references letter (id),
    letter_version int,
    send_id bigint references send (id),
    schedule jsonb not null,             -- {"at": null | instant} or {"local_time": "09:00", "date": …}
    holdout_share real not null default 0,
    created_at timestamptz not null,
    created_by text not null,
    changed_at timestamptz not null,
    starts_at timestamptz,               -- when its first message may fall due
    launched_at timestamptz,
    planned_at timestamptz,              -- when everyone had a row
    finished_at timestamptz,
    state_reason text
);
create index campaign_starting on campaign (starts_at) where state in ('scheduled', 'planning');
-- Which buckets of a campaign are planned: planning is one transaction per bucket, resumable.
create table campaign_bucket (
    bucket int not null,
    send_id bigint not null,
    planned_at timestamptz not null,
    primary key (bucket, send_id)
);

-- Addresses that several customers of an audience share: the first of them in the plan is written to.
create table send_address (
    send_id bigint not null,
    address_hash bytea not null,
    bucket int not null,
    customer_id bigint not null,
    primary key (send_id, address_hash)
);

create table message (
    bucket int not null,
    send_id bigint not null,
    customer_id bigint not null,
    state text collate "C" not null,
    reason text collate "C",             -- SilentReason | DeferReason | delivery class
    seen jsonb,                          -- the values the verdict saw
    due_at timestamptz not null,
    planned_at timestamptz not null,
    locale text collate "C",
    address text collate "C",            -- set at hand-off, cleared when personal data may go
    handed_at timestamptz,
    send_by timestamptz,
    dispatcher text collate "C",
    attempts smallint not null default 0,
    finished_at timestamptz,
    response text,                       -- the server's own words, cut to 300 characters
    primary key (bucket, send_id, customer_id)
) with (fillfactor = 60);
create index message_open on message (send_id, due_at, bucket, customer_id)
    where state in ('queued', 'deferred');
create index message_handed on message (send_id, send_by) where state = 'handed';
create index message_customer on message (bucket, customer_id);

-- Senders, providers and their limits; secrets encrypted with the keyring.
create table channel_config (
    id uuid primary key,
    channel text collate "C" not null,
    kind text collate "C" not null,      -- sandbox | smtp
    config jsonb not null,
    secret bytea,
    active boolean not null default false,
    verified_at timestamptz,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    changed_by text not null
);

-- Living dispatchers; what a dead one had handed over becomes uncertain.
create table dispatcher (
    id text collate "C" primary key,
    host text not null,
    started_at timestamptz not null,
    seen_at timestamptz not null,
    status jsonb not null default '{}'   -- rate, connections, what the provider refused
);
