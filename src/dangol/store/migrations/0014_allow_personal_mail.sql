-- Why: a member of the team may begin a conversation with one customer; it is a send of its own kind,
-- for it needs the consent that an answer does not.
-- Locks: send for a moment (one row per campaign and per answer). Reversible while there is none.

alter table send drop constraint send_kind_check;
alter table send add constraint send_kind_check
    check (kind in ('campaign', 'answer', 'personal', 'test', 'system'));
