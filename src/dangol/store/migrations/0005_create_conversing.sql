-- Why: answers reach a person of the team and the customer's timeline; the sandbox mailbox.
-- Locks: none (new tables). Reversible: drop the tables.

create table thread (
    bucket int not null,
    customer_id bigint not null,
    id uuid not null,
    subject text not null,
    state text collate "C" not null check (state in ('open', 'closed')),
    is_complaint boolean not null default false,
    origin_send_id bigint,
    assignee_id uuid,
    opened_at timestamptz not null,
    waiting_since timestamptz,           -- null when the team has the last word
    last_at timestamptz not null,
    primary key (bucket, customer_id, id)
);
create index thread_waiting on thread (waiting_since) where waiting_since is not null;

-- Answered and not closed: those whose answer could not be sent wait again.
create index thread_answered on thread (last_at) where state = 'open' and waiting_since is null;

create table thread_message (
    bucket int not null,
    customer_id bigint not null,
    thread_id uuid not null,
    id uuid not null,
    direction text collate "C" not null check (direction in ('in', 'out')),
    kind text collate "C" not null,      -- message | auto | stop | returned
    header_id text collate "C",          -- RFC 5322 Message-ID
    in_reply_to text collate "C",
    reference_ids text[] not null default '{}',  -- oldest first, for the answer's References
    from_address text not null,
    is_other_sender boolean not null default false,
    is_guess boolean not null default false,
    subject text not null,
    body_text text not null,             -- the answer alone
    body_full text not null,             -- with what was quoted
    attachments jsonb not null default '[]',
    send_id bigint,                      -- out: the send that carries it
    author text not null,                -- customer | member:<id>
    at timestamptz not null,
    primary key (bucket, customer_id, thread_id, id)
);
-- Files that came with an answer; thread_message.attachments names them.
create table thread_attachment (
    bucket int not null,
    customer_id bigint not null,
    message_id uuid not null,
    position smallint not null,
    name text not null,
    content_type text not null,
    data bytea not null,
    primary key (bucket, customer_id, message_id, position)
);

-- Failed deliveries as told by mail; what follows for the address is a suppression.
create table bounce (
    bucket int not null,
    customer_id bigint not null,
    id uuid not null,
    send_id bigint not null,
    class text collate "C" not null,     -- hard | soft | route | content | block
    status text collate "C" not null,    -- enhanced status code, or empty
    detail text not null,
    address_hash bytea not null,
    at timestamptz not null,
    primary key (bucket, customer_id, id)
);
create index bounce_address on bounce (address_hash, at);

-- How far each mailbox that is polled by IMAP has been read.
create table imap_checkpoint (
    mailbox text collate "C" primary key,
    uid_validity bigint not null,
    uid bigint not null
);

-- Which message an answer's In-Reply-To names, for mail whose token got lost.
create table header_ref (
    header_id text collate "C" primary key,
    bucket int not null,
    customer_id bigint not null,
    thread_id uuid,
    send_id bigint,
    at timestamptz not null
);

-- Mail that belongs to nobody we know.
create table stray_mail (
    id uuid primary key,
    at timestamptz not null,
    from_address text not null,
    subject text not null,
    reason text collate "C" not null,
    raw bytea not null
);

-- The sandbox mailbox: where practice mail arrives, readable in the desk.
create table mailbox_message (
    id uuid primary key,
    at timestamptz not null,
    rcpt text collate "C" not null,
    sender text collate "C" not null,
    subject text not null,
    raw bytea not null
);
create index mailbox_message_at on mailbox_message (at desc);
create index mailbox_message_rcpt on mailbox_message (rcpt, at desc);
