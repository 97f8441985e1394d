-- Why: everything heard passes intake -> inbox -> event_recent -> lake, each step one
--      transaction that deletes what it took. Locks: none (new tables). Reversible: drop.

-- As heard: one row per request or group commit, deleted by Route.
create table intake (
    id bigint generated always as identity primary key,
    received_at timestamptz not null,
    kind text collate "C" not null,    -- track | import | hit | mail | form | system
    source text collate "C" not null,  -- track: api_key id; import: import id; else the part's name
    meta jsonb not null default '{}',
    body bytea not null
);
alter table intake alter column body set storage external;  -- compressing costs more than it saves: rows live for seconds

-- Heard already: 128-bit keys by week; this week and the last are kept, so 7 to 14 days. Route
-- holds route_week for share while it works, so two workers always agree on the week and meet on
-- the same primary key.
create table seen (
    week date not null,               -- its Monday
    key uuid not null,
    primary key (week, key)
) partition by range (week);
create table route_week (
    only_row boolean primary key default true check (only_row),
    week date not null
);

-- Rows of imports, for ever: a second run of the same file changes nothing.
create table import_seen (
    key uuid primary key
);
create table import_run (
    id uuid primary key,
    kind text collate "C" not null,    -- customers | events
    file_name text not null,
    options jsonb not null,
    state text collate "C" not null,   -- reading | applying | done | failed
    rows_read bigint not null default 0,
    rows_rejected bigint not null default 0,
    rows_new bigint not null default 0,
    rows_known bigint not null default 0,
    created_at timestamptz not null,
    created_by text not null,
    finished_at timestamptz,
    error text
);

create table reject (
    id uuid primary key,
    at timestamptz not null,
    source text collate "C" not null,
    reason text collate "C" not null,
    detail text not null,
    line bigint,
    item text not null                 -- what was refused, cut to 4 kB
);
create index reject_at on reject (at desc);
create index reject_source on reject (source, at desc);

-- How much each sender has sent, and when last: one row per key or part.
create table source_count (
    source text collate "C" primary key,
    events bigint not null,
    last_at timestamptz not null
);

-- What has been heard of: the events and properties that conditions and letters may name.
create table catalogue_event (
    name text collate "C" primary key,
    first_at timestamptz not null,
    last_at timestamptz not null,
    count bigint not null
);
create table catalogue_property (
    owner text collate "C" not null,   -- event name, or '' for customer traits
    name text collate "C" not null,
    type text collate "C" not null,    -- text | number | time | boolean | list | object
    count bigint not null,
    example text,
    last_at timestamptz not null,
    in_use boolean not null default false,
    primary key (owner, name, type)
);

-- Routed, to be applied by the holder of the bucket; deleted by Live.
create table inbox (
    bucket int not null,
    customer_id bigint not null,
    event_id uuid not null,
    name text collate "C" not null,
    time timestamptz not null,
    received_at timestamptz not null,
    utc_offset_min smallint,
    props jsonb not null,
    source text collate "C" not null,
    effect text collate "C" not null,
    cause text collate "C" not null,
    origin text collate "C",
    depth smallint not null default 0,
    primary key (bucket, received_at, customer_id, event_id)
);

-- Applied; moved to the lake by the mover.
create table event_recent (
    bucket int not null,
    customer_id bigint not null,
    time timestamptz not null,
    event_id uuid not null,
    name text collate "C" not null,
    received_at timestamptz not null,
    recorded_at timestamptz not null,
    utc_offset_min smallint,
    props jsonb not null,
    source text collate "C" not null,
    effect text collate "C" not null,
    cause text collate "C" not null,
    origin text collate "C",
    depth smallint not null default 0,
    primary key (bucket, customer_id, time, event_id)
);

-- The lake's manifest. A file is part of the truth while removed_at is null.
create table lake_file (
    id uuid primary key,
    level smallint not null,           -- 0: one per move; 1: compacted, one range of buckets
    path text not null unique,         -- relative to the lake's folder
    bucket_lo int not null,
    bucket_hi int not null,            -- inclusive
    rows bigint not null,
    bytes bigint not null,
    min_time timestamptz not null,
    max_time timestamptz not null,
    format_version int not null,
    typed_columns jsonb not null,      -- {"column": {"property": …, "type": …}}
    created_at timestamptz not null,
    removed_at timestamptz
);

-- Customers whose rows in files and event_recent are not to be read: merged or erased.
create table mask (
    bucket int not null,
    customer_id bigint not null,
    kind text collate "C" not null check (kind in ('merge', 'erase')),
    created_at timestamptz not null,
    rewrite_due_at timestamptz not null,
    rewritten_at timestamptz,
    primary key (bucket, customer_id)
);
