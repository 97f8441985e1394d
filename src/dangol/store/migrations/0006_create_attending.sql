-- Why: what a shopkeeper remembers beside the till: notes, what somebody likes, who brought whom,
--      and what goes on outside. Locks: none (new tables). Reversible: drop the tables.

-- A member's note about a customer.
create table note (
    bucket int not null,
    customer_id bigint not null,
    id uuid not null,
    text text not null,
    for_letters boolean not null default false,  -- whether letters and conditions may use it
    created_at timestamptz not null,
    created_by text not null,
    changed_at timestamptz not null,
    changed_by text not null,
    primary key (bucket, customer_id, id)
);

-- What can be read or bought: its tags tell what those who come near it like.
create table item (
    key text collate "C" primary key,            -- the sender's own id
    kind text collate "C" not null,              -- product | article | …
    title text not null,
    url text,
    tags text[] not null,                        -- as given
    posted_at timestamptz not null,
    changed_at timestamptz not null
);
create index item_url on item (url) where url is not null;
create index item_posted on item (posted_at desc, key);

-- What somebody likes, as acts tell it. `weight` is Σ worth·2^(t/90 days), t counted from 2020:
-- it changes with acts only, and the score of today follows from it.
create table interest (
    bucket int not null,
    customer_id bigint not null,
    tag text collate "C" not null,               -- folded
    weight double precision not null,
    reads int not null,
    clicks int not null,
    buys int not null,
    last_at timestamptz not null,
    primary key (bucket, customer_id, tag)
);

-- Something outside that concerns people in a place, for a while.
create table moment (
    id uuid primary key,
    kind text collate "C" not null,
    words text not null,
    area jsonb not null,                         -- {"circle": …} | {"polygon": …} | {"postcodes": …}
    since timestamptz not null,
    until timestamptz,
    created_at timestamptz not null,
    created_by text not null,
    ended_at timestamptz
);
create index moment_open on moment (since) where ended_at is null;

-- Who brought whom: one row per friend who came by somebody's link.
create table referral (
    bucket int not null,                         -- of the friend
    customer_id bigint not null,
    referrer_id bigint not null,
    source text collate "C" not null,            -- page | shop
    at timestamptz not null,
    primary key (bucket, customer_id)
);
create index referral_referrer on referral (referrer_id);
