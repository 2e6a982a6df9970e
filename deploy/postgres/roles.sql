-- The roles of a database. One owns the schemas and migrates them. Each service has one that can only read and write the rows of
-- its own schema. Run this as a superuser in each database of Tandem, before the first migration or at any time after it. Running
-- it again changes nothing:
--
--     psql --set ON_ERROR_STOP=1 --file deploy/postgres/roles.sql postgres://postgres@localhost/tandem
--
-- Then let each role log in: with `\password tandem_auth`, a client certificate, or `peer`. tandem_migrate logs in only to
-- migrate.

begin;
set local client_min_messages = warning;
-- Roles belong to the whole server. The lock keeps two databases from creating them at the same time.
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
        -- The services set these for each connection too. Here they apply to psql and PgBouncer.
        if name <> 'tandem_migrate' then
            execute format('alter role %I set statement_timeout = ''10s''', name);
            execute format('alter role %I set idle_in_transaction_session_timeout = ''10s''', name);
        end if;
    end loop;
    -- No other role can connect, and none can create temporary tables.
    execute format('revoke all on database %I from public', current_database());
end $$;

-- Enough for two releases at the same time: 2 x replicas x (lanes + 2). docs/database.md has the calculation.
alter role tandem_auth connection limit 120;
alter role tandem_task connection limit 120;
alter role tandem_migrate connection limit 10;

create schema if not exists auth authorization tandem_migrate;
create schema if not exists tasks authorization tandem_migrate;

-- In a database that was created without these roles, the schemas, tables and functions get their owner here.
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
    for found in
        select p.oid::regprocedure as name from pg_proc p
        where p.pronamespace in (to_regnamespace('auth'), to_regnamespace('tasks'))
          and p.proowner <> 'tandem_migrate'::regrole
    loop
        execute format('alter function %s owner to tandem_migrate', found.name);
    end loop;
end $$;

-- Each service reads and writes the rows of its own schema, also those of future tables. It has no DDL, no TRUNCATE and no access
-- to the other schema. Identity columns need no grant.
revoke all on schema auth, tasks from public;
grant usage on schema auth to tandem_auth;
grant usage on schema tasks to tandem_task;
grant select, insert, update, delete on all tables in schema auth to tandem_auth;
grant select, insert, update, delete on all tables in schema tasks to tandem_task;
alter default privileges for role tandem_migrate in schema auth
    grant select, insert, update, delete on tables to tandem_auth;
alter default privileges for role tandem_migrate in schema tasks
    grant select, insert, update, delete on tables to tandem_task;

-- Some tables are exceptions: rows are only added to the audit log and to the record of deleted accounts, and the list of migrations is only read. A migration sets the
-- same for tables that have the privileges above.
do $$
begin
    if to_regclass('auth.audit_event') is not null then
        revoke update, delete on auth.audit_event from tandem_auth;
    end if;
    if to_regclass('auth.account_deletion') is not null then
        revoke update, delete on auth.account_deletion from tandem_auth;
    end if;
    if to_regclass('auth._sqlx_migrations') is not null then
        revoke insert, update, delete on auth._sqlx_migrations from tandem_auth;
    end if;
    if to_regclass('tasks._sqlx_migrations') is not null then
        revoke insert, update, delete on tasks._sqlx_migrations from tandem_task;
    end if;
end $$;

commit;
