-- Whoever serves may add to the audit log but not change it, and may read the list of migrations. Roles are made outside
-- (deploy/postgres/roles.sql), so this takes from whoever has been given more; the owner stays as it is.
do $$
declare
    given record;
begin
    for given in
        select distinct c.oid::regclass as relation, c.relname,
               case a.grantee when 0 then 'public' else a.grantee::regrole::text end as grantee
        from pg_class c, aclexplode(c.relacl) a
        where c.oid in (to_regclass('auth.audit_event'), to_regclass('auth._sqlx_migrations')) and a.grantee <> c.relowner
    loop
        execute format('revoke update, delete, truncate on %s from %s', given.relation, given.grantee);
        if given.relname = '_sqlx_migrations' then
            execute format('revoke insert on %s from %s', given.relation, given.grantee);
        end if;
    end loop;
end $$;
