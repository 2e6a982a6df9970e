-- Accounts, their sessions, and the record of what happened to them.
--
-- The schema itself is made by the migrator. Every name is qualified, so that nothing depends on a search path.

create table auth.account (
    id            uuid        not null,
    -- As it was written, after NFC; shown to its owner, never looked up.
    email         text        not null,
    -- Hash of the canonical form: one fixed-size key, unique without regard to case, and the column that an
    -- account can be distributed by.
    email_hash    bytea       not null,
    -- PHC string: algorithm, parameters, salt and hash in one, so that parameters can change one account at a time.
    password_hash text        not null,
    display_name  text        not null,
    -- The numbers of tandem.auth.v1.AccountRole and AccountState.
    role          smallint    not null,
    state         smallint    not null,
    -- Tokens of an older epoch are void. An integer, since instants need clocks that agree.
    epoch         bigint      not null,
    -- What the etag shows.
    revision      bigint      not null,
    create_time   timestamptz not null,
    update_time   timestamptz not null,
    constraint account_pkey primary key (id),
    constraint account_email_hash_key unique (email_hash),
    constraint account_email_hash_check check (octet_length(email_hash) = 32),
    constraint account_role_check check (role in (1, 2)),
    constraint account_state_check check (state in (1, 2))
);

-- One row for each signed-in device, however often it refreshes: nothing accumulates, nothing is pruned but dead
-- sessions.
create table auth.session (
    id                uuid        not null,
    account_id        uuid        not null,
    -- How often it has been refreshed; the refresh token carries the same number.
    generation        bigint      not null,
    -- SHA-256 of the secret inside the refresh token. With the key ring out of reach, a copy of this table holds nothing
    -- that can be presented.
    secret_hash       bytea       not null,
    -- SHA-256 of the attempt tag that the last refresh came with, never the tag itself: whoever reads this table must
    -- not be able to pass for the device.
    attempt_tag       bytea,
    -- Once true, the session is never again given the benefit of the short window.
    declares_tag      boolean     not null,
    device_label      text        not null,
    user_agent        text        not null,
    ip                text,
    create_time       timestamptz not null,
    rotate_time       timestamptz not null,
    idle_deadline     timestamptz not null,
    absolute_deadline timestamptz not null,
    revoke_time       timestamptz,
    revoke_reason     smallint,
    constraint session_pkey primary key (id),
    -- An update of a session does not check it again, since account_id never changes.
    constraint session_account_id_fkey foreign key (account_id) references auth.account (id) on delete cascade,
    constraint session_secret_hash_check check (octet_length(secret_hash) = 32),
    constraint session_attempt_tag_check check (octet_length(attempt_tag) = 32),
    constraint session_revoke_check check ((revoke_time is null) = (revoke_reason is null))
)
-- Every refresh rewrites its row: room for the new version on the same page, and indexes only on columns that a refresh
-- leaves alone, make it a heap-only update, without a single index write.
with (fillfactor = 70);

create index session_account_id_idx on auth.session (account_id);
-- For the sweeper; fixed when the session begins.
create index session_absolute_deadline_idx on auth.session (absolute_deadline);

-- What happened to accounts. Only ever appended to, and kept when the account goes: so no foreign key, and no address.
-- An ordinary refresh writes nothing here.
create table auth.audit_event (
    -- UUIDv7: the order of the primary key is the order of time.
    id         uuid        not null,
    time       timestamptz not null,
    kind       text        not null,
    account_id uuid        not null,
    session_id uuid,
    ip         text,
    user_agent text        not null,
    constraint audit_event_pkey primary key (id)
);
