-- Why: everybody's hours, learned once a night, are what one person's best hour is held against.
-- Locks: none (new table). Reversible: drop the table.

create table timing_model (
    version int primary key,
    told_at timestamptz not null,
    people bigint not null,              -- with at least one act
    acts bigint not null,
    kappa double precision not null,     -- how much the hours of all weigh beside a person's own
    everyone double precision[] not null,   -- share of each of 24 local hours
    zones jsonb not null,                -- {"Asia/Seoul": [24 shares], …}
    week double precision[] not null     -- weight of each of 168 local hours, Monday 0:00 first
);
