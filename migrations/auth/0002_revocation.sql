-- What voids access tokens before they expire: the feed that verifiers hold.
--
-- A row is written by whatever ends tokens, in the same transaction. Rows are never changed, and swept once every token
-- they void has expired.

create table auth.revocation (
    -- Its place in the feed. Grows with gaps, and rows can become visible in another order.
    sequence    bigint      not null generated always as identity,
    -- The numbers of tandem.auth.v1.RevocationKind.
    kind        smallint    not null,
    -- Id of a session or API key, of an account, or of a signing key.
    subject     text        not null,
    -- Of accounts: the lowest epoch that is still good.
    min_epoch   bigint      not null,
    create_time timestamptz not null,
    -- In whole seconds, as the digest of the feed has it.
    expire_time timestamptz not null,
    -- The transaction that wrote it. A reader that remembers the oldest transaction under way at its last look finds
    -- exactly what may have become visible since, whatever the order of sequences, commits and clocks.
    xact        bigint      not null default (pg_current_xact_id()::text::bigint),
    constraint revocation_pkey primary key (sequence),
    constraint revocation_kind_check check (kind in (1, 2, 3)),
    constraint revocation_expire_time_check check (expire_time = date_trunc('second', expire_time, 'UTC'))
);

-- For the reader that comes by many times a second.
create index revocation_xact_idx on auth.revocation (xact);
-- For the first look and the sweeper.
create index revocation_expire_time_idx on auth.revocation (expire_time);
