-- Which accounts were deleted, for services that keep data of accounts: they read what is new and remove it. Rows are only added,
-- and kept for ever: a row is small and names nobody, and a service that was away for any time, or was restored from an old
-- backup, finds in it what it has to remove.

create table auth.account_deletion (
    -- The order of the deletions, without gaps.
    sequence    bigint      not null,
    account_id  uuid        not null,
    delete_time timestamptz not null,
    constraint account_deletion_pkey primary key (sequence)
);

-- The last sequence that was given; no row before the first. Whoever deletes locks this row until the commit, so sequences
-- become visible in their order: a reader that has one has all before it.
create table auth.account_deletion_head (
    head      bigint  not null,
    singleton boolean not null default true,
    constraint account_deletion_head_pkey primary key (singleton),
    constraint account_deletion_head_check check (singleton)
);

create function auth.record_account_deletion() returns trigger language plpgsql as $$
begin
    with next as (
        insert into auth.account_deletion_head as h (head) values (1)
        on conflict (singleton) do update set head = h.head + 1
        returning head
    )
    insert into auth.account_deletion (sequence, account_id, delete_time) select head, old.id, now() from next;
    return null;
end $$;

-- A trigger, so that no way to delete an account forgets the record: neither the release before this one, while both run, nor an
-- administrator with psql. It fires at the commit, so that the lock is short.
create constraint trigger account_deletion after delete on auth.account
    deferrable initially deferred for each row execute function auth.record_account_deletion();

-- Accounts that were deleted before. The trigger exists already, so none is missed in between.
insert into auth.account_deletion (sequence, account_id, delete_time)
select row_number() over (order by id), account_id, time
from auth.audit_event where kind = 'account_deleted' and account_id is not null;
insert into auth.account_deletion_head (head) select max(sequence) from auth.account_deletion having count(*) > 0;

-- Whoever serves may add to the record but not change it, as with the audit log (0006).
do $$
declare
    given record;
begin
    for given in
        select distinct case a.grantee when 0 then 'public' else a.grantee::regrole::text end as grantee
        from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'auth.account_deletion'::regclass and a.grantee <> c.relowner
    loop
        execute format('revoke update, delete, truncate on auth.account_deletion from %s', given.grantee);
    end loop;
end $$;
