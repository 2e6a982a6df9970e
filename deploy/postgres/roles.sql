-- The roles of a database: one that migrates and owns, and one for each service that may only read and write rows of its own
-- schema. Run as a superuser in each database of Tandem, before the first migration or at any time after; running it again
-- changes nothing:
--
--     psql --set ON_ERROR_STOP=1 --file deploy/postgres/roles.sql postgres://postgres@localhost/tandem
--
-- Then give each role a way in: `\password tandem_auth`, a client certificate, or `peer`. tandem_migrate needs one only
-- while it migrates.

begin;
set local client_min_messages = warning;
-- Roles belong to the whole server: two databases that are set up at once take turns.
lock table pg_authid in share row exclusive mode;

do $$
declare
    name text;
begin
    foreach name in array array['tandem_migrate', 'tandem_auth', 'tandem_task'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I', name);
        end if;
        execute format('alter role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit', name);
        execute format('grant connect on database %I to %I', current_database(), name);
        -- What the services set for each connection too; here for those that come another way (psql, PgBouncer).
        if name <> 'tandem_migrate' then
            execute format('alter role %I set statement_timeout = ''10s''', name);
            execute format('alter role %I set idle_in_transaction_session_timeout = ''10s''', name);
        end if;
    end loop;
    -- Nobody else comes in, and nobody makes temporary tables.
    execute format('revoke all on database %I from public', current_database());
end $$;

-- Room for two releases side by side: replicas x (lanes + 1), twice. docs/database.md has the sum.
alter role tandem_auth connection limit 120;
alter role tandem_task connection limit 120;
alter role tandem_migrate connection limit 10;

create schema if not exists auth authorization tandem_migrate;
create schema if not exists tasks authorization tandem_migrate;

-- A database that began without these roles: its schemas and tables get their owner.
do $$
declare
    found record;
begin
    for found in
        select nspname from pg_namespace where nspname in ('auth', 'tasks') and nspowner <> 'tandem_migrate'::regrole
    loop
        execute format('alter schema %I owner to tandem_migrate', found.nspname);
    end loop;
    for found in
        select c.oid::regclass as name from pg_class c
        where c.relnamespace in (to_regnamespace('auth'), to_regnamespace('tasks'))
          and c.relkind in ('r', 'p', 'v', 'm') and c.relowner <> 'tandem_migrate'::regrole
    loop
        execute format('alter table %s owner to tandem_migrate', found.name);
    end loop;
end $$;

-- Each service reads and writes the rows of its own schema, of tables to come as well, and nothing else: no DDL, no
-- TRUNCATE, no look at the other schema. Identity columns need no grant of their own.
revoke all on schema auth, tasks from public;
grant usage on schema auth to tandem_auth;
grant usage on schema tasks to tandem_task;
grant select, insert, update, delete on all tables in schema auth to tandem_auth;
grant select, insert, update, delete on all tables in schema tasks to tandem_task;
alter default privileges for role tandem_migrate in schema auth
    grant select, insert, update, delete on tables to tandem_auth;
alter default privileges for role tandem_migrate in schema tasks
    grant select, insert, update, delete on tables to tandem_task;

-- But for two: the audit log is only added to, and the list of migrations only read. A migration does the same for tables
-- that it finds with the privileges above.
do $$
begin
    if to_regclass('auth.audit_event') is not null then
        revoke update, delete on auth.audit_event from tandem_auth;
    end if;
    if to_regclass('auth._sqlx_migrations') is not null then
        revoke insert, update, delete on auth._sqlx_migrations from tandem_auth;
    end if;
    if to_regclass('tasks._sqlx_migrations') is not null then
        revoke insert, update, delete on tasks._sqlx_migrations from tandem_task;
    end if;
end $$;

commit;
