-- Why: who is in which segment, since when and why; kept current by the engine.
-- Locks: none (new tables). Reversible: drop the tables; the engine makes them anew, but not
-- the past that they tell.

-- Members of a segment in a bucket: roaring bitmaps of customer_id / 1024. Members are those in
-- base or in flips, but not in both.
create table segment_member (
    segment_id uuid not null references segment (id),
    bucket int not null,
    definition bytea not null,           -- digest of the resolved condition that they were found by
    version int not null,                -- of the segment
    base bytea not null,
    flips bytea not null,
    people int not null,
    evaluated_at timestamptz not null,   -- of the last change here
    primary key (segment_id, bucket)
) with (fillfactor = 70);

-- Every entry and exit. cause: behaviour | time | history | refit | merge | definition.
create table segment_change (
    segment_id uuid not null references segment (id),
    bucket int not null,
    customer_id bigint not null,
    at timestamptz not null,             -- when it was so
    entered boolean not null,
    recorded_at timestamptz not null,    -- when it was found out
    cause text collate "C" not null,
    version int not null,
    primary key (segment_id, bucket, customer_id, at)
);
create index segment_change_recorded on segment_change (segment_id, recorded_at);
create index segment_change_customer on segment_change (bucket, customer_id);

-- People of whom something changed that an active segment looks at: work that waits.
create table segment_work (
    bucket int not null,
    customer_id bigint not null,
    event_id uuid not null,
    name text collate "C" not null,      -- of the event that says so
    recorded_at timestamptz not null,
    cause text collate "C" not null,
    origin text collate "C",
    depth smallint not null default 0,
    is_new boolean not null default false,  -- a person never met before
    traits text[],                       -- what a Profile Updated stated
    loser_id bigint,                     -- of a merge: waits until the history has followed
    primary key (bucket, customer_id, event_id)
);

-- How many a segment had at the end of each day, and at the last count of this one.
create table segment_size (
    segment_id uuid not null references segment (id),
    day date not null,                   -- in the brand's zone
    people bigint not null,
    entered bigint not null,
    exited bigint not null,
    counted_at timestamptz not null,
    primary key (segment_id, day)
);
