-- Accounts that were deleted, whose rows have to go. The auth service says which; the place up to which its list was read is kept
-- here, beside what was read, so that neither a restart nor a restored backup of this schema loses a deletion.

create table tasks.deleted_account (
    user_id uuid primary key,
    -- When this service learned of it.
    record_time timestamptz not null,
    -- When rows of this user were removed for the first time so that none was left; null until then.
    purge_time timestamptz,
    -- When to look for rows again. A call that was under way may have written one after the last look.
    next_purge_time timestamptz not null
);

-- Whose turn it is.
create index deleted_account_next_purge_time on tasks.deleted_account (next_purge_time);

-- One row: the last deletion that was read.
create table tasks.deletions_read (
    singleton boolean primary key default true check (singleton),
    -- The history of the auth service that the sequence belongs to.
    incarnation text not null,
    sequence bigint not null
);
