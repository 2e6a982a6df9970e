-- Whoever serves may read the list of migrations, not change it. Roles are made outside (deploy/postgres/roles.sql), so this
-- takes from whoever has been given more; the owner stays as it is.
do $$
declare
    given record;
begin
    for given in
        select distinct case a.grantee when 0 then 'public' else a.grantee::regrole::text end as grantee
        from pg_class c, aclexplode(c.relacl) a
        where c.oid = to_regclass('tasks._sqlx_migrations') and a.grantee <> c.relowner
    loop
        execute format('revoke insert, update, delete, truncate on tasks._sqlx_migrations from %s', given.grantee);
    end loop;
end $$;
