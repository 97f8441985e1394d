-- Why: what every part needs before the loop can turn: settings, people of the team, keys,
--      leases, jobs, files. Locks: none (new tables). Reversible: drop the tables.

create table installation (
    key text collate "C" primary key,
    value jsonb not null
);

-- What the team may change; the current value here, every earlier one in setting_change.
create table setting (
    key text collate "C" primary key,
    value jsonb not null,
    version int not null,
    changed_at timestamptz not null,
    changed_by text not null
);
create table setting_change (
    key text collate "C" not null,
    version int not null,
    value jsonb not null,
    changed_at timestamptz not null,
    changed_by text not null,
    primary key (key, version)
);

create table member (
    id uuid primary key,
    email text collate "C" not null unique,
    name text not null,
    role text collate "C" not null check (role in ('owner', 'marketer', 'support', 'viewer')),
    password_hash text,
    locale text collate "C" not null default 'en',
    created_at timestamptz not null,
    disabled_at timestamptz
);
create table session (
    token_hash bytea primary key,
    member_id uuid not null references member (id),
    csrf_token text not null,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at timestamptz not null
);
create table login_link (
    token_hash bytea primary key,
    member_id uuid not null references member (id),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create table api_key (
    id text collate "C" primary key,
    name text not null,
    scope text collate "C" not null check (scope in ('track', 'api')),
    secret_hash bytea not null unique,
    origins text[] not null default '{}',
    created_at timestamptz not null,
    created_by text not null,
    revoked_at timestamptz
);
create table audit (
    id uuid primary key,
    at timestamptz not null,
    actor text not null,
    action text collate "C" not null,
    subject text not null,
    detail jsonb not null default '{}'
);
create index audit_at on audit (at desc);

create table blob (
    id uuid primary key,
    sha256 bytea not null,
    name text not null,
    content_type text not null,
    size bigint not null,
    data bytea not null,
    created_at timestamptz not null,
    created_by text not null
);

-- One row per partition: a contiguous range of buckets, and who works on it.
create table lease (
    partition int primary key,
    bucket_lo int not null,
    bucket_hi int not null,           -- inclusive
    holder text,
    token bigint not null default 0,  -- fencing: a new holder takes token + 1
    expires_at timestamptz
);

-- Living engines: partitions are shared out among those seen lately.
create table worker (
    id text collate "C" primary key,
    seen_at timestamptz not null
);

-- Long work that a person started or waits for: visible, resumable, with a result.
create table job (
    id uuid primary key,
    kind text collate "C" not null,
    args jsonb not null,
    state text collate "C" not null
        check (state in ('waiting', 'running', 'paused', 'done', 'failed', 'cancelled')),
    progress jsonb not null default '{}',
    result jsonb,
    error text,
    created_at timestamptz not null,
    created_by text not null,
    started_at timestamptz,
    finished_at timestamptz,
    holder text,
    lease_until timestamptz,
    attempts smallint not null default 0
);
create index job_open on job (created_at) where state in ('waiting', 'running', 'paused');

-- When each thing that runs by itself ran last; the table of what runs is engine/schedule.py.
create table schedule (
    name text collate "C" primary key,
    description text not null,
    next_at timestamptz not null,
    last_started_at timestamptz,
    last_finished_at timestamptz,
    last_error text
);
