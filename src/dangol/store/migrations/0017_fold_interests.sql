-- Why: an act moves an interest in the turn that hears it. What was added since an interest was last
-- told from the whole history stands beside it, so that a telling, which looks at an older instant,
-- loses nothing of it and counts nothing twice.
-- Locks: interest for a moment. Reversible: drop the columns after a telling.
alter table interest
    add column fresh_weight double precision not null default 0,
    add column fresh_reads int not null default 0,
    add column fresh_clicks int not null default 0,
    add column fresh_buys int not null default 0;
