-- Why: a conversation that begins with a mail of ours is told from one that a customer began, so that
-- the same beginning, asked for twice, happens once.
-- Locks: thread for a moment (a column with a constant default). Reversible: drop the column.

alter table thread add column is_begun boolean not null default false;
