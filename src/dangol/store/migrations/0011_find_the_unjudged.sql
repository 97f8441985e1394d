-- Why: who is known by past orders only waits to be judged as of every week of that past; this finds
-- whether anybody waits without reading everybody's stage.
-- Locks: writes to stage wait while the index is built. Reversible: drop it.

create index stage_unjudged on stage (bucket) where stage = 'unknown' and previous is null;
