-- Tasks, each owned by one user. user_id leads every key, so that the schema can be distributed by it, and so that no
-- statement finds a task without saying whose it is. The bounds of the contract stand here too: a row that breaks one
-- was not written by this service.

create table tasks.task (
    user_id uuid not null,
    -- UUIDv7 of create_time: the primary key is also the order of creation, and no other index is needed.
    id uuid not null,
    title text not null check (char_length(title) between 1 and 200),
    description text not null check (char_length(description) <= 2000),
    -- TaskStatus and TaskPriority of the contract, without their zero.
    status smallint not null check (status between 1 and 3),
    priority smallint not null check (priority between 1 and 3),
    labels text[] not null check (cardinality(labels) <= 20 and array_position(labels, null) is null),
    due_time timestamptz,
    -- To the millisecond: exactly the time in the id.
    create_time timestamptz not null check (create_time = date_trunc('milliseconds', create_time)),
    update_time timestamptz not null,
    complete_time timestamptz,
    delete_time timestamptz,
    purge_time timestamptz,
    revision bigint not null check (revision > 0),
    primary key (user_id, id),
    constraint task_complete_time_of_completed check ((complete_time is not null) = (status = 3)),
    constraint task_purge_time_of_deleted check ((purge_time is null) = (delete_time is null)),
    constraint task_purge_after_delete check (purge_time >= delete_time)
)
-- Updates touch no indexed column; with room on the page they stay on it and write no index entry.
with (fillfactor = 85);

-- What is counted for each user. Every change of a task changes this row in the same statement, which makes revisions
-- unique and growing for a user without a sequence, and the quota exact.
create table tasks.owner (
    user_id uuid primary key,
    -- The last change number given to a task of this user.
    revision bigint not null check (revision > 0),
    -- Tasks that are not deleted; held against the quota.
    live_count integer not null check (live_count >= 0),
    -- When something of this user's has to be removed next; null when nothing has.
    next_purge_time timestamptz
)
with (fillfactor = 50);

-- The one question that is not about one user: whose turn is it to be purged.
create index owner_next_purge_time on tasks.owner (next_purge_time) where next_purge_time is not null;

-- Requests that were answered, so that a client that lost the answer can ask again for 24 hours (AIP-155).
create table tasks.request (
    user_id uuid not null,
    request_id uuid not null,
    -- SHA-256 of the method's name and the request without its request id: the same id with another request is refused.
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    -- The answered task, as the contract encodes it; null only inside the transaction that works on the request.
    answer bytea,
    create_time timestamptz not null,
    primary key (user_id, request_id)
);
