-- Why: a stage can be recomputed from what is stored with its model: the days that did not count,
-- how sure the four numbers are, what an order is worth; and when nothing can be learned any more
-- (model 'none'), that is a version too, with what there was of each thing it takes.
-- Locks: rhythm_model for an instant. Reversible: drop the columns and the rows of model 'none'.

alter table rhythm_model
    add column basis jsonb not null default '{}',      -- relationship event, opening days as the owner said
    add column calendar jsonb not null default '{}',   -- the closed days that follow, some years ahead
    add column covariance jsonb,                       -- of ln r, ln alpha, ln a, ln b
    add column spend jsonb not null default '{}',      -- Gamma-Gamma, or why there is none
    add column known_since date;                       -- day of the first relationship event of all
