-- Why: stays in segments that are over leave for the lake, as messages do; counts of what an edit
-- did stay. Locks: segment_change for as long as the index takes (a second for each million rows).
-- Reversible while nothing was moved: drop table and index, put the rule back to 'keep'.

update retention set days = 30, action = 'lake' where kind = 'membership' and action = 'keep';

-- Which exits were found out long ago.
create index segment_change_left on segment_change (recorded_at) where not entered;

-- How many entries and exits by an edit are in the lake.
create table segment_tally (
    segment_id uuid not null,
    version int not null,
    entered bigint not null,
    exited bigint not null,
    primary key (segment_id, version)
);
