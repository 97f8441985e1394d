-- Why: the guard asks how much contact somebody has room for, so the ledger is kept where the
-- hand-off counts: debited in the statement that counts the caps, raised by Live.
-- Locks: a moment on contact_state and message (columns with constant defaults). Reversible: drop
-- the columns; everybody then begins at rest again.

alter table contact_state
    add column attention float8 not null default 10,     -- as of attention_at
    add column attention_at timestamptz,                 -- null: at rest, nothing ever happened
    add column attention_locked_until timestamptz,       -- after a complaint
    add column visited_at timestamptz;                   -- the visit that was counted last

-- The share of its cost that came back by what the customer did with it.
alter table message add column returned real not null default 0;
