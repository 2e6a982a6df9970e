-- All sessions of an account end by one number, so that it costs the same however many there are: a session is live only if its
-- epoch is at least the account's session_epoch. Ended rows are deleted later, in batches.

-- The lowest epoch of sessions that are live. It moves to the account's epoch when all sessions end.
alter table auth.account add column session_epoch bigint not null default 0;
-- The account's epoch when the session was opened, or when all others ended and this one stayed. Null: opened before this
-- migration, which is lower than any epoch that session_epoch moves to.
alter table auth.session add column epoch bigint;
-- Access tokens of this session are good from this epoch on, although the account's epoch has moved. Null: only those of the
-- account's epoch.
alter table auth.session add column token_epoch bigint;

-- The previous release does not know the column when it opens a session. It holds a lock of the account meanwhile, so the epoch
-- cannot move.
create function auth.fill_session_epoch() returns trigger language plpgsql as $$
begin
    select a.epoch into new.epoch from auth.account a where a.id = new.account_id;
    return new;
end $$;
create trigger session_epoch before insert on auth.session
    for each row when (new.epoch is null) execute function auth.fill_session_epoch();

-- Accounts that may have sessions which ended with all others and are not deleted yet.
create table auth.session_sweep (
    account_id uuid        not null,
    -- When it is tried next.
    due_time   timestamptz not null,
    constraint session_sweep_pkey primary key (account_id)
);

create index session_sweep_due_time_idx on auth.session_sweep (due_time);

-- A deletion that cascades costs more the more sessions there are. Every statement joins the account, so sessions without one
-- have ended; the trigger lets them be deleted, whichever release deletes the account.
alter table auth.session drop constraint session_account_id_fkey;
create function auth.schedule_session_sweep() returns trigger language plpgsql as $$
begin
    insert into auth.session_sweep (account_id, due_time) values (old.id, '-infinity')
    on conflict on constraint session_sweep_pkey do update set due_time = excluded.due_time;
    return null;
end $$;
create trigger account_sessions after delete on auth.account
    for each row execute function auth.schedule_session_sweep();
