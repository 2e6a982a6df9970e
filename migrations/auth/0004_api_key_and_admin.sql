-- API keys, and what administration reads.

create table auth.api_key (
    -- Part of the key itself, so that it is found by its primary key; the `sid` of the tokens it is exchanged for.
    id            uuid        not null,
    account_id    uuid        not null,
    -- SHA-256 of the key's secret. It is 32 random bytes, which nobody can guess: a slow hash would protect nothing.
    secret_hash   bytea       not null,
    display_name  text        not null,
    -- As its tokens say it: separated by spaces (RFC 8693 section 4.2).
    scope         text        not null,
    create_time   timestamptz not null,
    -- In whole seconds, as tokens count them.
    expire_time   timestamptz not null,
    -- To the hour: a key in use is written at most once an hour.
    last_use_time timestamptz,
    revoke_time   timestamptz,
    constraint api_key_pkey primary key (id),
    constraint api_key_account_id_fkey foreign key (account_id) references auth.account (id) on delete cascade,
    constraint api_key_secret_hash_check check (octet_length(secret_hash) = 32),
    constraint api_key_scope_check check (scope <> '')
);

create index api_key_account_id_idx on auth.api_key (account_id);
-- For the sweeper: when a key ended or will; null is no time here.
create index api_key_end_idx on auth.api_key (least(expire_time, revoke_time));

-- Some events concern no account, such as those of signing keys.
alter table auth.audit_event alter column account_id drop not null;
-- Who did it, when not the account itself: the id of an administrator's account, or `cli`.
alter table auth.audit_event add column actor text;
-- The log of one account, the newest first: ids are in the order of time.
create index audit_event_account_id_idx on auth.audit_event (account_id, id);
