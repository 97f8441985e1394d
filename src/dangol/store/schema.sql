CREATE TABLE public.api_key (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    scope text NOT NULL COLLATE pg_catalog."C",
    secret_hash bytea NOT NULL,
    origins text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT api_key_scope_check CHECK ((scope = ANY (ARRAY['track'::text, 'api'::text])))
);
CREATE TABLE public.audit (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL
);
CREATE TABLE public.blob (
    id uuid NOT NULL,
    sha256 bytea NOT NULL,
    name text NOT NULL,
    content_type text NOT NULL,
    size bigint NOT NULL,
    data bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);
CREATE TABLE public.bounce (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    id uuid NOT NULL,
    send_id bigint NOT NULL,
    class text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL,
    address_hash bytea NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE TABLE public.campaign (
    id uuid NOT NULL,
    name text NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    segment_id uuid,
    segment_version integer,
    letter_id uuid,
    letter_version integer,
    send_id bigint,
    schedule jsonb NOT NULL,
    holdout_share real DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    starts_at timestamp with time zone,
    launched_at timestamp with time zone,
    planned_at timestamp with time zone,
    finished_at timestamp with time zone,
    state_reason text,
    CONSTRAINT campaign_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'scheduled'::text, 'planning'::text, 'running'::text, 'paused'::text, 'done'::text, 'cancelled'::text])))
);
CREATE TABLE public.campaign_bucket (
    bucket integer NOT NULL,
    send_id bigint NOT NULL,
    planned_at timestamp with time zone NOT NULL
);
CREATE TABLE public.catalogue_event (
    name text NOT NULL COLLATE pg_catalog."C",
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    count bigint NOT NULL
);
CREATE TABLE public.catalogue_property (
    owner text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL,
    example text,
    last_at timestamp with time zone NOT NULL
);
CREATE TABLE public.channel_config (
    id uuid NOT NULL,
    channel text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    config jsonb NOT NULL,
    secret bytea,
    active boolean DEFAULT false NOT NULL,
    verified_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL
);
CREATE TABLE public.consent (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    id uuid NOT NULL,
    channel text NOT NULL COLLATE pg_catalog."C",
    topic text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    "time" timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL
);
CREATE TABLE public.contact_point (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    channel text NOT NULL COLLATE pg_catalog."C",
    address text NOT NULL COLLATE pg_catalog."C",
    address_hash bytea NOT NULL,
    stamp text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.contact_state (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    channel text NOT NULL COLLATE pg_catalog."C",
    consent text DEFAULT 'unknown'::text NOT NULL COLLATE pg_catalog."C",
    consent_time timestamp with time zone,
    consent_version bigint DEFAULT 0 NOT NULL,
    topics jsonb DEFAULT '{}'::jsonb NOT NULL,
    objected_at timestamp with time zone,
    paused_until timestamp with time zone,
    handed_at timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    soft_bounces integer DEFAULT 0 NOT NULL,
    first_soft_bounce_at timestamp with time zone,
    attention double precision DEFAULT 10 NOT NULL,
    attention_at timestamp with time zone,
    attention_locked_until timestamp with time zone,
    visited_at timestamp with time zone
)
WITH (fillfactor='70');
CREATE TABLE public.customer (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    traits jsonb DEFAULT '{}'::jsonb NOT NULL,
    trait_stamps jsonb DEFAULT '{}'::jsonb NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    locale text COLLATE pg_catalog."C",
    zone text COLLATE pg_catalog."C",
    zone_source text COLLATE pg_catalog."C",
    country text COLLATE pg_catalog."C",
    search text DEFAULT ''::text NOT NULL,
    merged_into bigint,
    erased_at timestamp with time zone
);
CREATE TABLE public.customer_block (
    only_row boolean DEFAULT true NOT NULL,
    next_id bigint NOT NULL,
    CONSTRAINT customer_block_only_row_check CHECK (only_row)
);
CREATE TABLE public.dispatcher (
    id text NOT NULL COLLATE pg_catalog."C",
    host text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    status jsonb DEFAULT '{}'::jsonb NOT NULL
);
CREATE TABLE public.erasure (
    id uuid NOT NULL,
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    requested_by text NOT NULL,
    cleared_at timestamp with time zone,
    rewritten_at timestamp with time zone,
    certificate jsonb
);
CREATE TABLE public.event_recent (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    "time" timestamp with time zone NOT NULL,
    event_id uuid NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    received_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    utc_offset_min smallint,
    props jsonb NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    effect text NOT NULL COLLATE pg_catalog."C",
    cause text NOT NULL COLLATE pg_catalog."C",
    origin text COLLATE pg_catalog."C",
    depth smallint DEFAULT 0 NOT NULL
);
CREATE TABLE public.header_ref (
    header_id text NOT NULL COLLATE pg_catalog."C",
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    thread_id uuid,
    send_id bigint,
    at timestamp with time zone NOT NULL
);
CREATE TABLE public.identity (
    kind text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    linked_at timestamp with time zone NOT NULL,
    CONSTRAINT identity_kind_check CHECK ((kind = ANY (ARRAY['user'::text, 'anon'::text, 'email'::text])))
);
CREATE TABLE public.imap_checkpoint (
    mailbox text NOT NULL COLLATE pg_catalog."C",
    uid_validity bigint NOT NULL,
    uid bigint NOT NULL
);
CREATE TABLE public.import_run (
    id uuid NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    file_name text NOT NULL,
    options jsonb NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    rows_read bigint DEFAULT 0 NOT NULL,
    rows_rejected bigint DEFAULT 0 NOT NULL,
    rows_new bigint DEFAULT 0 NOT NULL,
    rows_known bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    finished_at timestamp with time zone,
    error text
);
CREATE TABLE public.import_seen (
    key uuid NOT NULL
);
CREATE TABLE public.inbox (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    event_id uuid NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    "time" timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    utc_offset_min smallint,
    props jsonb NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    effect text NOT NULL COLLATE pg_catalog."C",
    cause text NOT NULL COLLATE pg_catalog."C",
    origin text COLLATE pg_catalog."C",
    depth smallint DEFAULT 0 NOT NULL
);
CREATE TABLE public.installation (
    key text NOT NULL COLLATE pg_catalog."C",
    value jsonb NOT NULL
);
CREATE TABLE public.intake (
    id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    meta jsonb DEFAULT '{}'::jsonb NOT NULL,
    body bytea NOT NULL
);
ALTER TABLE ONLY public.intake ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE public.intake ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.intake_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.interest (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    tag text NOT NULL COLLATE pg_catalog."C",
    weight double precision NOT NULL,
    reads integer NOT NULL,
    clicks integer NOT NULL,
    buys integer NOT NULL,
    last_at timestamp with time zone NOT NULL,
    fresh_weight double precision DEFAULT 0 NOT NULL,
    fresh_reads integer DEFAULT 0 NOT NULL,
    fresh_clicks integer DEFAULT 0 NOT NULL,
    fresh_buys integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.item (
    key text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL,
    url text,
    tags text[] NOT NULL,
    posted_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL
);
CREATE TABLE public.job (
    id uuid NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    args jsonb NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    progress jsonb DEFAULT '{}'::jsonb NOT NULL,
    result jsonb,
    error text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    holder text,
    lease_until timestamp with time zone,
    attempts smallint DEFAULT 0 NOT NULL,
    CONSTRAINT job_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'paused'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE public.lake_file (
    id uuid NOT NULL,
    level smallint NOT NULL,
    path text NOT NULL,
    bucket_lo integer NOT NULL,
    bucket_hi integer NOT NULL,
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    min_time timestamp with time zone NOT NULL,
    max_time timestamp with time zone NOT NULL,
    format_version integer NOT NULL,
    typed_columns jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    removed_at timestamp with time zone,
    kind text DEFAULT 'event'::text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.lease (
    partition integer NOT NULL,
    bucket_lo integer NOT NULL,
    bucket_hi integer NOT NULL,
    holder text,
    token bigint DEFAULT 0 NOT NULL,
    expires_at timestamp with time zone
);
CREATE TABLE public.letter (
    id uuid NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    archived_at timestamp with time zone
);
CREATE TABLE public.letter_version (
    letter_id uuid NOT NULL,
    version integer NOT NULL,
    content jsonb NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL
);
CREATE TABLE public.login_link (
    token_hash bytea NOT NULL,
    member_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);
CREATE TABLE public.mailbox_message (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    rcpt text NOT NULL COLLATE pg_catalog."C",
    sender text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL,
    raw bytea NOT NULL
);
CREATE TABLE public.mask (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    rewrite_due_at timestamp with time zone NOT NULL,
    rewritten_at timestamp with time zone,
    CONSTRAINT mask_kind_check CHECK ((kind = ANY (ARRAY['merge'::text, 'erase'::text])))
);
CREATE TABLE public.member (
    id uuid NOT NULL,
    email text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    role text NOT NULL COLLATE pg_catalog."C",
    password_hash text,
    locale text DEFAULT 'en'::text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT member_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'marketer'::text, 'support'::text, 'viewer'::text])))
);
CREATE TABLE public.merge_task (
    loser_id bigint NOT NULL,
    winner_id bigint NOT NULL,
    reason text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    copied_at timestamp with time zone
);
CREATE TABLE public.message (
    bucket integer NOT NULL,
    send_id bigint NOT NULL,
    customer_id bigint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    reason text COLLATE pg_catalog."C",
    seen jsonb,
    due_at timestamp with time zone NOT NULL,
    planned_at timestamp with time zone NOT NULL,
    locale text COLLATE pg_catalog."C",
    address text COLLATE pg_catalog."C",
    handed_at timestamp with time zone,
    send_by timestamp with time zone,
    dispatcher text COLLATE pg_catalog."C",
    attempts smallint DEFAULT 0 NOT NULL,
    finished_at timestamp with time zone,
    response text,
    returned real DEFAULT 0 NOT NULL
)
WITH (fillfactor='60');
CREATE TABLE public.message_past (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    send_id bigint NOT NULL,
    handed_at timestamp with time zone NOT NULL,
    locale text COLLATE pg_catalog."C",
    address_hash bytea
);
CREATE TABLE public.message_tally (
    send_id bigint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    messages bigint NOT NULL
);
CREATE TABLE public.migration (
    number integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.moment (
    id uuid NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    words text NOT NULL,
    area jsonb NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    ended_at timestamp with time zone
);
CREATE TABLE public.note (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    id uuid NOT NULL,
    text text NOT NULL,
    for_letters boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL
);
CREATE TABLE public.segment (
    id uuid NOT NULL,
    name text NOT NULL,
    definition jsonb NOT NULL,
    version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    archived_at timestamp with time zone
);
CREATE VIEW public.property_in_use AS
 WITH active AS (
         SELECT segment.definition
           FROM public.segment
          WHERE (segment.archived_at IS NULL)
        ), required AS (
         SELECT jsonb_path_query(active.definition, '$.**."where"[*]'::jsonpath) AS item
           FROM active
        UNION ALL
         SELECT jsonb_path_query(active.definition, '$.**."has"[*]'::jsonpath) AS jsonb_path_query
           FROM active
        ), asked AS (
         SELECT (required.item -> 'name'::text) AS name,
            (required.item ->> 'type'::text) AS type
           FROM required
        UNION ALL
         SELECT (m.m -> 'property'::text),
            'number'::text
           FROM active,
            LATERAL jsonb_path_query(active.definition, '$.**?(@."kind" == "measure")'::jsonpath) m(m)
        UNION ALL
         SELECT n.n,
            kind.kind
           FROM active,
            LATERAL jsonb_path_query(active.definition, '$.**."same"[*]'::jsonpath) n(n),
            unnest(ARRAY['text'::text, 'number'::text]) kind(kind)
        UNION ALL
         SELECT COALESCE((required.item -> key.key), to_jsonb(key.key)) AS "coalesce",
                CASE key.key
                    WHEN 'postcode'::text THEN 'text'::text
                    ELSE 'number'::text
                END AS "case"
           FROM required,
            unnest(ARRAY['latitude'::text, 'longitude'::text, 'postcode'::text]) key(key)
          WHERE (required.item ? 'kind'::text)
        )
 SELECT DISTINCT (name #>> '{}'::text[]) AS name,
    (type COLLATE "C") AS type
   FROM asked
  WHERE ((jsonb_typeof(name) = 'string'::text) AND (type IS NOT NULL));
CREATE TABLE public.referral (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    referrer_id bigint NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL
);
CREATE TABLE public.reject (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL,
    line bigint,
    item text NOT NULL
);
CREATE TABLE public.relationship_day (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    day date NOT NULL,
    events integer NOT NULL,
    revenue_minor bigint NOT NULL,
    unrated integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.retention (
    kind text NOT NULL COLLATE pg_catalog."C",
    days integer,
    action text NOT NULL COLLATE pg_catalog."C",
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL,
    CONSTRAINT retention_action_check CHECK ((action = ANY (ARRAY['keep'::text, 'lake'::text, 'delete'::text]))),
    CONSTRAINT retention_check CHECK (((days IS NULL) = (action = 'keep'::text))),
    CONSTRAINT retention_days_check CHECK ((days >= 0))
);
CREATE TABLE public.rhythm_model (
    version integer NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    params jsonb NOT NULL,
    fitted_at timestamp with time zone NOT NULL,
    as_of date NOT NULL,
    customers bigint NOT NULL,
    repeaters bigint NOT NULL,
    log_likelihood double precision NOT NULL,
    thresholds jsonb NOT NULL,
    basis jsonb DEFAULT '{}'::jsonb NOT NULL,
    calendar jsonb DEFAULT '{}'::jsonb NOT NULL,
    covariance jsonb,
    spend jsonb DEFAULT '{}'::jsonb NOT NULL,
    known_since date
);
CREATE TABLE public.route_week (
    only_row boolean DEFAULT true NOT NULL,
    week date NOT NULL,
    CONSTRAINT route_week_only_row_check CHECK (only_row)
);
CREATE TABLE public.schedule (
    name text NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL,
    next_at timestamp with time zone NOT NULL,
    last_started_at timestamp with time zone,
    last_finished_at timestamp with time zone,
    last_error text
);
CREATE TABLE public.seen (
    week date NOT NULL,
    key uuid NOT NULL
)
PARTITION BY RANGE (week);
CREATE TABLE public.segment_change (
    segment_id uuid NOT NULL,
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    entered boolean NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    cause text NOT NULL COLLATE pg_catalog."C",
    version integer NOT NULL
);
CREATE TABLE public.segment_member (
    segment_id uuid NOT NULL,
    bucket integer NOT NULL,
    definition bytea NOT NULL,
    version integer NOT NULL,
    base bytea NOT NULL,
    flips bytea NOT NULL,
    people integer NOT NULL,
    evaluated_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70');
CREATE TABLE public.segment_size (
    segment_id uuid NOT NULL,
    day date NOT NULL,
    people bigint NOT NULL,
    entered bigint NOT NULL,
    exited bigint NOT NULL,
    counted_at timestamp with time zone NOT NULL
);
CREATE TABLE public.segment_tally (
    segment_id uuid NOT NULL,
    version integer NOT NULL,
    entered bigint NOT NULL,
    exited bigint NOT NULL
);
CREATE TABLE public.segment_version (
    segment_id uuid NOT NULL,
    version integer NOT NULL,
    definition jsonb NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL
);
CREATE TABLE public.segment_work (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    event_id uuid NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    recorded_at timestamp with time zone NOT NULL,
    cause text NOT NULL COLLATE pg_catalog."C",
    origin text COLLATE pg_catalog."C",
    depth smallint DEFAULT 0 NOT NULL,
    is_new boolean DEFAULT false NOT NULL,
    traits text[],
    loser_id bigint
);
CREATE TABLE public.send (
    id bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    message_kind text NOT NULL COLLATE pg_catalog."C",
    topic text DEFAULT '*'::text NOT NULL COLLATE pg_catalog."C",
    letter_id uuid,
    letter_version integer,
    holdout_share real DEFAULT 0 NOT NULL,
    state text DEFAULT 'open'::text NOT NULL COLLATE pg_catalog."C",
    expires_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    moved_at timestamp with time zone,
    CONSTRAINT send_kind_check CHECK ((kind = ANY (ARRAY['campaign'::text, 'answer'::text, 'personal'::text, 'test'::text, 'system'::text]))),
    CONSTRAINT send_state_check CHECK ((state = ANY (ARRAY['open'::text, 'paused'::text, 'closed'::text])))
);
CREATE TABLE public.send_address (
    send_id bigint NOT NULL,
    address_hash bytea NOT NULL,
    bucket integer NOT NULL,
    customer_id bigint NOT NULL
);
CREATE TABLE public.send_block (
    only_row boolean DEFAULT true NOT NULL,
    next_id bigint NOT NULL,
    CONSTRAINT send_block_only_row_check CHECK (only_row)
);
CREATE TABLE public.send_link (
    send_id bigint NOT NULL,
    link integer NOT NULL,
    url text NOT NULL
);
CREATE TABLE public.session (
    token_hash bytea NOT NULL,
    member_id uuid NOT NULL,
    csrf_token text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.setting (
    key text NOT NULL COLLATE pg_catalog."C",
    value jsonb NOT NULL,
    version integer NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL
);
CREATE TABLE public.setting_change (
    key text NOT NULL COLLATE pg_catalog."C",
    version integer NOT NULL,
    value jsonb NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL
);
CREATE TABLE public.source_count (
    source text NOT NULL COLLATE pg_catalog."C",
    events bigint NOT NULL,
    last_at timestamp with time zone NOT NULL
);
CREATE TABLE public.stage (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    stage text NOT NULL COLLATE pg_catalog."C",
    since timestamp with time zone NOT NULL,
    previous text COLLATE pg_catalog."C",
    cause text NOT NULL COLLATE pg_catalog."C",
    repeats integer NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    gap_days double precision,
    horizon_days double precision,
    p double precision,
    p_alive double precision,
    silence double precision,
    model_version integer,
    scored_at timestamp with time zone NOT NULL
);
CREATE TABLE public.stray_mail (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    from_address text NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    raw bytea NOT NULL
);
CREATE TABLE public.suppression (
    address_hash bytea NOT NULL,
    channel text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    covers text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL,
    detail text DEFAULT ''::text NOT NULL,
    lifted_at timestamp with time zone
);
CREATE TABLE public.thread (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    id uuid NOT NULL,
    subject text NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    is_complaint boolean DEFAULT false NOT NULL,
    origin_send_id bigint,
    assignee_id uuid,
    opened_at timestamp with time zone NOT NULL,
    waiting_since timestamp with time zone,
    last_at timestamp with time zone NOT NULL,
    is_begun boolean DEFAULT false NOT NULL,
    CONSTRAINT thread_state_check CHECK ((state = ANY (ARRAY['open'::text, 'closed'::text])))
);
CREATE TABLE public.thread_attachment (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    message_id uuid NOT NULL,
    "position" smallint NOT NULL,
    name text NOT NULL,
    content_type text NOT NULL,
    data bytea NOT NULL
);
CREATE TABLE public.thread_message (
    bucket integer NOT NULL,
    customer_id bigint NOT NULL,
    thread_id uuid NOT NULL,
    id uuid NOT NULL,
    direction text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    header_id text COLLATE pg_catalog."C",
    in_reply_to text COLLATE pg_catalog."C",
    reference_ids text[] DEFAULT '{}'::text[] NOT NULL,
    from_address text NOT NULL,
    is_other_sender boolean DEFAULT false NOT NULL,
    is_guess boolean DEFAULT false NOT NULL,
    subject text NOT NULL,
    body_text text NOT NULL,
    body_full text NOT NULL,
    attachments jsonb DEFAULT '[]'::jsonb NOT NULL,
    send_id bigint,
    author text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT thread_message_direction_check CHECK ((direction = ANY (ARRAY['in'::text, 'out'::text])))
);
CREATE TABLE public.timing_model (
    version integer NOT NULL,
    told_at timestamp with time zone NOT NULL,
    people bigint NOT NULL,
    acts bigint NOT NULL,
    kappa double precision NOT NULL,
    everyone double precision[] NOT NULL,
    zones jsonb NOT NULL,
    week double precision[] NOT NULL
);
CREATE TABLE public.worker (
    id text NOT NULL COLLATE pg_catalog."C",
    seen_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_secret_hash_key UNIQUE (secret_hash);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.blob
    ADD CONSTRAINT blob_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.bounce
    ADD CONSTRAINT bounce_pkey PRIMARY KEY (bucket, customer_id, id);
ALTER TABLE ONLY public.campaign_bucket
    ADD CONSTRAINT campaign_bucket_pkey PRIMARY KEY (bucket, send_id);
ALTER TABLE ONLY public.campaign
    ADD CONSTRAINT campaign_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.catalogue_event
    ADD CONSTRAINT catalogue_event_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.catalogue_property
    ADD CONSTRAINT catalogue_property_pkey PRIMARY KEY (owner, name, type);
ALTER TABLE ONLY public.channel_config
    ADD CONSTRAINT channel_config_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_pkey PRIMARY KEY (bucket, customer_id, id);
ALTER TABLE ONLY public.contact_point
    ADD CONSTRAINT contact_point_pkey PRIMARY KEY (bucket, customer_id, channel);
ALTER TABLE ONLY public.contact_state
    ADD CONSTRAINT contact_state_pkey PRIMARY KEY (bucket, customer_id, channel);
ALTER TABLE ONLY public.customer_block
    ADD CONSTRAINT customer_block_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (bucket, customer_id);
ALTER TABLE ONLY public.dispatcher
    ADD CONSTRAINT dispatcher_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.erasure
    ADD CONSTRAINT erasure_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.event_recent
    ADD CONSTRAINT event_recent_pkey PRIMARY KEY (bucket, customer_id, "time", event_id);
ALTER TABLE ONLY public.header_ref
    ADD CONSTRAINT header_ref_pkey PRIMARY KEY (header_id);
ALTER TABLE ONLY public.identity
    ADD CONSTRAINT identity_pkey PRIMARY KEY (kind, value);
ALTER TABLE ONLY public.imap_checkpoint
    ADD CONSTRAINT imap_checkpoint_pkey PRIMARY KEY (mailbox);
ALTER TABLE ONLY public.import_run
    ADD CONSTRAINT import_run_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.import_seen
    ADD CONSTRAINT import_seen_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (bucket, received_at, customer_id, event_id);
ALTER TABLE ONLY public.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.intake
    ADD CONSTRAINT intake_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.interest
    ADD CONSTRAINT interest_pkey PRIMARY KEY (bucket, customer_id, tag);
ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lake_file
    ADD CONSTRAINT lake_file_path_key UNIQUE (path);
ALTER TABLE ONLY public.lake_file
    ADD CONSTRAINT lake_file_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (partition);
ALTER TABLE ONLY public.letter
    ADD CONSTRAINT letter_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.letter_version
    ADD CONSTRAINT letter_version_pkey PRIMARY KEY (letter_id, version);
ALTER TABLE ONLY public.login_link
    ADD CONSTRAINT login_link_pkey PRIMARY KEY (token_hash);
ALTER TABLE ONLY public.mailbox_message
    ADD CONSTRAINT mailbox_message_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.mask
    ADD CONSTRAINT mask_pkey PRIMARY KEY (bucket, customer_id);
ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_email_key UNIQUE (email);
ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.merge_task
    ADD CONSTRAINT merge_task_pkey PRIMARY KEY (loser_id);
ALTER TABLE ONLY public.message_past
    ADD CONSTRAINT message_past_pkey PRIMARY KEY (bucket, customer_id, send_id);
ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (bucket, send_id, customer_id);
ALTER TABLE ONLY public.message_tally
    ADD CONSTRAINT message_tally_pkey PRIMARY KEY (send_id, state, reason);
ALTER TABLE ONLY public.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.moment
    ADD CONSTRAINT moment_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.note
    ADD CONSTRAINT note_pkey PRIMARY KEY (bucket, customer_id, id);
ALTER TABLE ONLY public.referral
    ADD CONSTRAINT referral_pkey PRIMARY KEY (bucket, customer_id);
ALTER TABLE ONLY public.reject
    ADD CONSTRAINT reject_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.relationship_day
    ADD CONSTRAINT relationship_day_pkey PRIMARY KEY (bucket, customer_id, day);
ALTER TABLE ONLY public.retention
    ADD CONSTRAINT retention_pkey PRIMARY KEY (kind);
ALTER TABLE ONLY public.rhythm_model
    ADD CONSTRAINT rhythm_model_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.route_week
    ADD CONSTRAINT route_week_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.seen
    ADD CONSTRAINT seen_pkey PRIMARY KEY (week, key);
ALTER TABLE ONLY public.segment_change
    ADD CONSTRAINT segment_change_pkey PRIMARY KEY (bucket, customer_id, segment_id, at);
ALTER TABLE ONLY public.segment_member
    ADD CONSTRAINT segment_member_pkey PRIMARY KEY (segment_id, bucket);
ALTER TABLE ONLY public.segment
    ADD CONSTRAINT segment_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.segment_size
    ADD CONSTRAINT segment_size_pkey PRIMARY KEY (segment_id, day);
ALTER TABLE ONLY public.segment_tally
    ADD CONSTRAINT segment_tally_pkey PRIMARY KEY (segment_id, version);
ALTER TABLE ONLY public.segment_version
    ADD CONSTRAINT segment_version_pkey PRIMARY KEY (segment_id, version);
ALTER TABLE ONLY public.segment_work
    ADD CONSTRAINT segment_work_pkey PRIMARY KEY (bucket, customer_id, event_id);
ALTER TABLE ONLY public.send_address
    ADD CONSTRAINT send_address_pkey PRIMARY KEY (send_id, address_hash);
ALTER TABLE ONLY public.send_block
    ADD CONSTRAINT send_block_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.send_link
    ADD CONSTRAINT send_link_pkey PRIMARY KEY (send_id, link);
ALTER TABLE ONLY public.send
    ADD CONSTRAINT send_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (token_hash);
ALTER TABLE ONLY public.setting_change
    ADD CONSTRAINT setting_change_pkey PRIMARY KEY (key, version);
ALTER TABLE ONLY public.setting
    ADD CONSTRAINT setting_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.source_count
    ADD CONSTRAINT source_count_pkey PRIMARY KEY (source);
ALTER TABLE ONLY public.stage
    ADD CONSTRAINT stage_pkey PRIMARY KEY (bucket, customer_id);
ALTER TABLE ONLY public.stray_mail
    ADD CONSTRAINT stray_mail_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.suppression
    ADD CONSTRAINT suppression_pkey PRIMARY KEY (channel, address_hash, reason);
ALTER TABLE ONLY public.thread_attachment
    ADD CONSTRAINT thread_attachment_pkey PRIMARY KEY (bucket, customer_id, message_id, "position");
ALTER TABLE ONLY public.thread_message
    ADD CONSTRAINT thread_message_pkey PRIMARY KEY (bucket, customer_id, thread_id, id);
ALTER TABLE ONLY public.thread
    ADD CONSTRAINT thread_pkey PRIMARY KEY (bucket, customer_id, id);
ALTER TABLE ONLY public.timing_model
    ADD CONSTRAINT timing_model_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (id);
CREATE INDEX audit_at ON public.audit USING btree (at DESC);
CREATE INDEX bounce_address ON public.bounce USING btree (address_hash, at);
CREATE INDEX campaign_starting ON public.campaign USING btree (starts_at) WHERE (state = ANY (ARRAY['scheduled'::text, 'planning'::text]));
CREATE INDEX contact_point_address ON public.contact_point USING btree (channel, address_hash);
CREATE INDEX customer_gone ON public.customer USING btree (bucket, customer_id) WHERE ((merged_into IS NOT NULL) OR (erased_at IS NOT NULL));
CREATE INDEX identity_customer ON public.identity USING btree (bucket, customer_id);
CREATE INDEX item_posted ON public.item USING btree (posted_at DESC, key);
CREATE INDEX item_url ON public.item USING btree (url) WHERE (url IS NOT NULL);
CREATE INDEX job_open ON public.job USING btree (created_at) WHERE (state = ANY (ARRAY['waiting'::text, 'running'::text, 'paused'::text]));
CREATE INDEX mailbox_message_at ON public.mailbox_message USING btree (at DESC);
CREATE INDEX mailbox_message_rcpt ON public.mailbox_message USING btree (rcpt, at DESC);
CREATE INDEX merge_task_winner ON public.merge_task USING btree (winner_id);
CREATE INDEX message_customer ON public.message USING btree (bucket, customer_id);
CREATE INDEX message_handed ON public.message USING btree (send_id, send_by) WHERE (state = 'handed'::text);
CREATE INDEX message_open ON public.message USING btree (send_id, due_at, bucket, customer_id) WHERE (state = ANY (ARRAY['queued'::text, 'deferred'::text]));
CREATE INDEX moment_open ON public.moment USING btree (since) WHERE (ended_at IS NULL);
CREATE INDEX referral_referrer ON public.referral USING btree (referrer_id);
CREATE INDEX reject_at ON public.reject USING btree (at DESC);
CREATE INDEX reject_source ON public.reject USING btree (source, at DESC);
CREATE INDEX segment_change_left ON public.segment_change USING btree (recorded_at) WHERE (NOT entered);
CREATE INDEX segment_change_recorded ON public.segment_change USING btree (segment_id, recorded_at);
CREATE INDEX send_open ON public.send USING btree (id) WHERE (state = 'open'::text);
CREATE INDEX stage_unjudged ON public.stage USING btree (bucket) WHERE ((stage = 'unknown'::text) AND (previous IS NULL));
CREATE INDEX thread_answered ON public.thread USING btree (last_at) WHERE ((state = 'open'::text) AND (waiting_since IS NULL));
CREATE INDEX thread_waiting ON public.thread USING btree (waiting_since) WHERE (waiting_since IS NOT NULL);
ALTER TABLE ONLY public.campaign
    ADD CONSTRAINT campaign_letter_id_fkey FOREIGN KEY (letter_id) REFERENCES public.letter(id);
ALTER TABLE ONLY public.campaign
    ADD CONSTRAINT campaign_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES public.segment(id);
ALTER TABLE ONLY public.campaign
    ADD CONSTRAINT campaign_send_id_fkey FOREIGN KEY (send_id) REFERENCES public.send(id);
ALTER TABLE ONLY public.letter_version
    ADD CONSTRAINT letter_version_letter_id_fkey FOREIGN KEY (letter_id) REFERENCES public.letter(id);
ALTER TABLE ONLY public.login_link
    ADD CONSTRAINT login_link_member_id_fkey FOREIGN KEY (member_id) REFERENCES public.member(id);
ALTER TABLE ONLY public.segment_size
    ADD CONSTRAINT segment_size_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES public.segment(id);
ALTER TABLE ONLY public.segment_version
    ADD CONSTRAINT segment_version_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES public.segment(id);
ALTER TABLE ONLY public.send_link
    ADD CONSTRAINT send_link_send_id_fkey FOREIGN KEY (send_id) REFERENCES public.send(id);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_member_id_fkey FOREIGN KEY (member_id) REFERENCES public.member(id);
