-- Wrong passwords, counted for all replicas together. One row for an address of mail that passwords were tried for, whether
-- or not it has an account, and one for a known device that tried wrong ones; an attempt that is right writes nothing.

create table auth.throttle (
    -- The hash of an address of mail, as in auth.account, or of a session's id: nobody is named here.
    key         bytea       not null,
    -- Since the window began.
    failures    bigint      not null,
    -- When the window ends and the row means nothing any more.
    expire_time timestamptz not null,
    constraint throttle_pkey primary key (key),
    constraint throttle_key_check check (octet_length(key) = 32),
    constraint throttle_failures_check check (failures > 0)
)
-- Within a window only `failures` changes, which has no index: those updates are heap-only.
with (fillfactor = 70);

-- For the sweeper.
create index throttle_expire_time_idx on auth.throttle (expire_time);
