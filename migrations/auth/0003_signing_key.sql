-- The keys that sign access tokens. A key is NEXT, then ACTIVE, then RETIRED, as its times tell; each step is one
-- conditional update, whichever replica makes it.

create table auth.signing_key (
    -- Thumbprint of the public key (RFC 7638); the `kid` of the tokens it signs.
    kid                text        not null,
    public_key         bytea       not null,
    -- Which key-encryption key of the configuration sealed the private key.
    key_encryption_key smallint    not null,
    -- AES-256-GCM over the seed, with the kid as associated data: nonce, ciphertext, tag. Gone once the key signs no
    -- more, so that a key-encryption key is needed for no longer than what it seals.
    sealed_private_key bytea,
    create_time        timestamptz not null,
    -- When a replica first told verifiers about it.
    publish_time       timestamptz,
    activate_time      timestamptz,
    retire_time        timestamptz,
    -- A killed key is never published again, whatever its other times.
    kill_time          timestamptz,
    constraint signing_key_pkey primary key (kid),
    constraint signing_key_public_key_check check (octet_length(public_key) = 32),
    constraint signing_key_sealed_private_key_check check (octet_length(sealed_private_key) = 60),
    constraint signing_key_signs_check
        check (sealed_private_key is not null or retire_time is not null or kill_time is not null),
    constraint signing_key_order_check check (
        (activate_time is null or publish_time is not null) and (retire_time is null or activate_time is not null)
    )
);

-- At most one key signs, and at most one is about to.
create unique index signing_key_active_key on auth.signing_key ((true))
    where activate_time is not null and retire_time is null and kill_time is null;
create unique index signing_key_next_key on auth.signing_key ((true))
    where activate_time is null and kill_time is null;

-- The replicas of the service that are alive: a new key must not sign before each of them has published it and the
-- verifiers connected to it have acknowledged it.
create table auth.signing_replica (
    id           uuid        not null,
    seen_time    timestamptz not null,
    -- The NEXT key that all verifiers connected to the replica have acknowledged.
    acknowledged text,
    constraint signing_replica_pkey primary key (id)
)
with (fillfactor = 50);

-- What happens to signing keys happens to no account.
alter table auth.audit_event alter column account_id drop not null;
