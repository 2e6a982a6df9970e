-- Records of the audit log are kept for a set time and then deleted. The role of the service still cannot delete any: this function
-- runs as the owner, and never deletes one of the last 30 days, whatever it is asked for.
create function auth.sweep_audit_events(before uuid, batch bigint, skip bigint) returns bigint
language sql security definer set search_path = '' as $$
    with old as (
        select id from auth.audit_event
        where id < before and time < now() - interval '30 days'
        order by id
        limit batch offset skip
        for update skip locked
    ), deleted as (
        delete from auth.audit_event e using old where e.id = old.id returning e.id
    )
    select count(*) from deleted
$$;
