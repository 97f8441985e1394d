-- Why: who each customer is, what they allowed, where the relationship stands.
-- Locks: none (new tables). Reversible: drop the tables.

-- kind: user (the sender's own id), anon (a browser's or device's id), email (only where a
-- sender named nobody otherwise). Not co-located with customer: look up first, then join.
create table identity (
    kind text collate "C" not null check (kind in ('user', 'anon', 'email')),
    value text collate "C" not null,
    bucket int not null,
    customer_id bigint not null,
    linked_at timestamptz not null,
    primary key (kind, value)
);
create index identity_customer on identity (bucket, customer_id);

-- Customer ids are handed out in dense blocks from here.
create table customer_block (
    only_row boolean primary key default true check (only_row),
    next_id bigint not null
);
insert into customer_block (next_id) values (1);

-- The profile: a fold of Profile Updated events, the later statement of each trait winning.
-- trait_stamps holds per trait the stamp (time and event id, as sortable text) that won.
create table customer (
    bucket int not null,
    customer_id bigint not null,
    traits jsonb not null default '{}',
    trait_stamps jsonb not null default '{}',
    first_seen_at timestamptz not null,  -- earliest event time
    last_seen_at timestamptz not null,   -- latest event time of the customer's own doing
    created_at timestamptz not null,
    locale text collate "C",
    zone text collate "C",               -- IANA name
    zone_source text collate "C",        -- customer | trait | country | brand
    country text collate "C",            -- ISO 3166-1 alpha-2
    search text not null default '',     -- name, e-mail, phone digits, Hangul initials, lower case
    merged_into bigint,
    erased_at timestamptz,
    primary key (bucket, customer_id)
);

-- The few whose events belong to somebody else now, or to nobody.
create index customer_gone on customer (bucket, customer_id)
    where merged_into is not null or erased_at is not null;

-- Where a person can be reached. address_hash is HMAC-SHA256 of channel and address.
create table contact_point (
    bucket int not null,
    customer_id bigint not null,
    channel text collate "C" not null,
    address text collate "C" not null,
    address_hash bytea not null,
    stamp text collate "C" not null,     -- of the statement that set it; the later wins
    primary key (bucket, customer_id, channel)
);
create index contact_point_address on contact_point (channel, address_hash);

-- The consent ledger: append-only.
create table consent (
    bucket int not null,
    customer_id bigint not null,
    id uuid not null,
    channel text collate "C" not null,
    topic text collate "C" not null,
    state text collate "C" not null,
    time timestamptz not null,
    recorded_at timestamptz not null,
    actor text not null,
    source text collate "C" not null,
    evidence jsonb not null default '{}',
    primary key (bucket, customer_id, id)
);

-- What the hand-off locks and reads: the current answer, pause, and what was handed lately.
create table contact_state (
    bucket int not null,
    customer_id bigint not null,
    channel text collate "C" not null,
    consent text collate "C" not null default 'unknown',
    consent_time timestamptz,            -- time of the statement that won
    consent_version bigint not null default 0,
    topics jsonb not null default '{}',  -- {"topic": {"state": …, "time": …}}
    objected_at timestamptz,
    paused_until timestamptz,
    handed_at timestamptz[] not null default '{}',  -- marketing messages of the last 31 days
    soft_bounces int not null default 0,
    first_soft_bounce_at timestamptz,
    primary key (bucket, customer_id, channel)
) with (fillfactor = 70);                -- every hand-off updates it, within its page

-- Addresses never to be written to, whoever owns them; kept without the address itself.
create table suppression (
    address_hash bytea not null,
    channel text collate "C" not null,
    reason text collate "C" not null,    -- opt_out | bounce | complaint | erased | manual
    covers text collate "C" not null,    -- marketing | everything
    at timestamptz not null,
    detail text not null default '',
    lifted_at timestamptz,
    primary key (channel, address_hash, reason)
);

-- Days with a relationship event: the sufficient statistics of every rhythm model.
create table relationship_day (
    bucket int not null,
    customer_id bigint not null,
    day date not null,                   -- in the brand's zone
    events int not null,
    revenue_minor bigint not null,       -- in the brand's currency; what has no rate is counted apart
    unrated int not null default 0,
    primary key (bucket, customer_id, day)
);

create table rhythm_model (
    version int primary key,
    model text collate "C" not null,     -- mbg | bg
    params jsonb not null,               -- r, alpha (weeks), a, b
    fitted_at timestamptz not null,
    as_of date not null,
    customers bigint not null,
    repeaters bigint not null,
    log_likelihood double precision not null,
    thresholds jsonb not null
);
create table stage (
    bucket int not null,
    customer_id bigint not null,
    stage text collate "C" not null,
    since timestamptz not null,
    previous text collate "C",
    cause text collate "C" not null,
    repeats int not null,                -- x
    first_day date not null,
    last_day date not null,
    gap_days double precision,           -- G, the shrunk own gap
    horizon_days double precision,       -- H
    p double precision,                  -- P(at least one event within H)
    p_alive double precision,
    silence double precision,            -- S, how surprising the silence is
    model_version int,
    scored_at timestamptz not null,
    primary key (bucket, customer_id)
);

create table segment (
    id uuid primary key,
    name text not null,
    definition jsonb not null,
    version int not null,
    created_at timestamptz not null,
    created_by text not null,
    changed_at timestamptz not null,
    archived_at timestamptz
);
create table segment_version (
    segment_id uuid not null references segment (id),
    version int not null,
    definition jsonb not null,
    changed_at timestamptz not null,
    changed_by text not null,
    primary key (segment_id, version)
);

-- Merge tasks: the identity has moved, the history follows; and erasures with their certificate.
create table merge_task (
    loser_id bigint primary key,
    winner_id bigint not null,
    reason text not null,
    created_at timestamptz not null,
    copied_at timestamptz
);
create index merge_task_winner on merge_task (winner_id);
create table erasure (
    id uuid primary key,
    bucket int not null,
    customer_id bigint not null,
    requested_at timestamptz not null,
    requested_by text not null,
    cleared_at timestamptz,              -- database rows gone
    rewritten_at timestamptz,            -- files rewritten
    certificate jsonb
);
