//! Statements over tasks of several owners. Each row is found by an owner and an id that belong together: `k` lists them, and its first
//! column is the owners.
//!
//! An array is bound as `(select $1)`, so that PostgreSQL plans for some elements, not for those of the first calls: it then keeps
//! one plan.
//!
//! A statement that changes tasks locks those that fit, then the counters of their owners, and skips what another transaction has locked.
//! It joins the two with `full join … offset 0`, because PostgreSQL expects one row of each and would otherwise compare every one with
//! every other.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Create, Delete, Key, Undelete, Update};
use crate::{
    error::Error,
    quota::Quota,
    tasks::{
        domain::Task,
        sql::tasks,
        values::{Description, Due, Labels, Status, Title},
    },
};

/// Separates the labels of a task in an array of texts. No label contains a control character.
const SEPARATOR: &str = "\u{1f}";

/// The tasks with these keys, live or deleted, also if their purge time has passed.
pub(super) async fn find(conn: &mut PgConnection, units: &[Key]) -> Result<Vec<Task>, Error> {
    let (owners, ids) = columns(units);
    let rows = tasks!(
        "
        select " COLUMNS " from unnest((select $1::uuid[]), (select $2::uuid[])) as k (owner, task)
        join tasks.task on user_id = k.owner and id = k.task
        ",
        &owners,
        &ids,
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Stores new tasks with the next revisions of their owners: for each owner the first ones, as many as the quota allows. Owners without
/// counters, or whose tasks were never counted, are left out.
#[expect(clippy::too_many_lines, reason = "one statement and its values")]
pub(super) async fn insert(
    conn: &mut PgConnection,
    units: &[&Create],
    quota: Quota,
) -> Result<Vec<Task>, Error> {
    let tasks: Vec<&Task> = units.iter().map(|unit| &unit.task).collect();
    let keys = units.iter().map(|unit| (unit.owner, unit.task.id));
    let (owners, ids) = columns(&keys.collect::<Vec<_>>());
    let rows = tasks!(
        "
        with call as (
            select *, row_number() over (partition by owner order by number) as place
            from unnest((select $1::uuid[]), (select $2::uuid[]), (select $3::text[]), (select $4::text[]),
                (select $5::smallint[]), (select $6::smallint[]), (select $7::text[]), (select $8::timestamptz[]),
                (select $9::timestamptz[]), (select $10::timestamptz[]))
            with ordinality as k (owner, task, title, description, status, priority, labels, due_time, create_time, complete_time, number)
        ), room as (
            select k.owner, least(k.calls, $11 - o.live_count, $12 - o.stored_count) as added
            from (select owner, count(*)::integer as calls from call group by owner) k
            join tasks.owner o on o.user_id = k.owner and o.stored_count is not null
            for no key update of o skip locked
        ), counted as (
            update tasks.owner o set
                revision = o.revision + k.added,
                live_count = o.live_count + k.added,
                stored_count = o.stored_count + k.added
            from room k where o.user_id = k.owner and k.added > 0
            returning o.user_id as whose, o.revision - k.added as before, k.added
        )
        insert into tasks.task (
            user_id, id, title, description, status, priority, labels, due_time, create_time, update_time, complete_time,
            revision
        )
        select owner, task, title, description, status, priority, string_to_array(labels, chr(31)), due_time, create_time,
            create_time, complete_time, before + place
        from (select * from call full join counted on whose = owner offset 0) k where place <= added
        returning " COLUMNS,
        &owners,
        &ids,
        &each(&tasks, |task| &*task.title) as _,
        &each(&tasks, |task| &*task.description) as _,
        &each(&tasks, |task| task.status as i16),
        &each(&tasks, |task| task.priority as i16),
        &each(&tasks, |task| task.labels.join(SEPARATOR)),
        &each(&tasks, |task| task.due_time) as _,
        &each(&tasks, |task| task.create_time),
        &each(&tasks, |task| task.complete_time) as _,
        quota.live,
        quota.stored,
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Changes live tasks, those at the revision that is given, if one is.
#[expect(clippy::too_many_lines, reason = "one statement and its values")]
pub(super) async fn update(conn: &mut PgConnection, units: &[&Update]) -> Result<Vec<Task>, Error> {
    let (owners, ids) = columns(&each(units, Update::key));
    let changes = each(units, |unit| &unit.command.changes);
    let rows = tasks!(
        "
        with target as (
            select k.*
            from unnest((select $1::uuid[]), (select $2::uuid[]), (select $3::bigint[]), (select $4::text[]), (select $5::text[]),
                (select $6::smallint[]), (select $7::smallint[]), (select $8::text[]), (select $9::boolean[]),
                (select $10::timestamptz[]), (select $11::timestamptz[]))
            with ordinality as k (owner, task, expected, new_title, new_description, new_status, new_priority, new_labels, sets_due,
                new_due_time, now, number)
            join tasks.task t on t.user_id = k.owner and t.id = k.task
            where t." LIVE " and (k.expected is null or t.revision = k.expected)
            for no key update of t skip locked
        ), free as (
            select k.owner, k.changes
            from (select owner, count(*) as changes from target group by owner) k
            join tasks.owner o on o.user_id = k.owner
            for no key update of o skip locked
        ), counted as (
            update tasks.owner o set revision = o.revision + k.changes from free k where o.user_id = k.owner
            returning o.user_id as whose, o.revision - k.changes as before
        )
        update tasks.task t set
            title = coalesce(new_title, title), description = coalesce(new_description, description),
            status = coalesce(new_status, status), priority = coalesce(new_priority, priority),
            labels = coalesce(string_to_array(new_labels, chr(31)), labels),
            due_time = case when sets_due then new_due_time else due_time end,
            complete_time = case when coalesce(new_status, status) = $12 then coalesce(complete_time, now) end,
            update_time = now, revision = new_revision
        from (
            select target.*, before + row_number() over (partition by owner order by number) as new_revision
            from target full join counted on whose = owner offset 0
        ) k
        where t.user_id = k.owner and t.id = k.task and new_revision is not null
        returning " COLUMNS,
        &owners,
        &ids,
        &each(units, |unit| unit.command.revision) as _,
        &each(&changes, |new| new.title.as_ref().map(Title::as_str)) as _,
        &each(&changes, |new| new.description.as_ref().map(Description::as_str)) as _,
        &each(&changes, |new| new.status.map(|status| status as i16)) as _,
        &each(&changes, |new| new.priority.map(|priority| priority as i16)) as _,
        &each(&changes, |new| new.labels.as_ref().map(joined)) as _,
        &each(&changes, |new| new.due.is_some()),
        &each(&changes, |new| new.due.and_then(Due::time)) as _,
        &each(units, |unit| unit.now),
        Status::Completed as _,
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Deletes live tasks, those at the revision that is given, if one is.
pub(super) async fn delete(conn: &mut PgConnection, units: &[&Delete]) -> Result<Vec<Task>, Error> {
    let (owners, ids) = columns(&each(units, Delete::key));
    let rows = tasks!(
        "
        with target as (
            select k.*
            from unnest((select $1::uuid[]), (select $2::uuid[]), (select $3::bigint[]), (select $4::timestamptz[]),
                (select $5::timestamptz[]))
            with ordinality as k (owner, task, expected, new_purge_time, now, number)
            join tasks.task t on t.user_id = k.owner and t.id = k.task
            where t." LIVE " and (k.expected is null or t.revision = k.expected)
            for no key update of t skip locked
        ), free as (
            select k.owner, k.changes, k.purge_time
            from (select owner, count(*)::integer as changes, min(new_purge_time) as purge_time from target group by owner) k
            join tasks.owner o on o.user_id = k.owner
            for no key update of o skip locked
        ), counted as (
            update tasks.owner o set
                revision = o.revision + k.changes,
                live_count = o.live_count - k.changes,
                next_purge_time = least(o.next_purge_time, k.purge_time)
            from free k where o.user_id = k.owner
            returning o.user_id as whose, o.revision - k.changes as before
        )
        update tasks.task t set delete_time = now, purge_time = new_purge_time, update_time = now, revision = new_revision
        from (
            select target.*, before + row_number() over (partition by owner order by number) as new_revision
            from target full join counted on whose = owner offset 0
        ) k
        where t.user_id = k.owner and t.id = k.task and new_revision is not null
        returning " COLUMNS,
        &owners,
        &ids,
        &each(units, |unit| unit.command.revision) as _,
        &each(units, |unit| unit.purge_time),
        &each(units, |unit| unit.now),
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Undeletes tasks, those at the revision that is given, if one is: for each owner the first ones, as many as may be live. All units have
/// the same limit, which is a setting.
pub(super) async fn undelete(
    conn: &mut PgConnection,
    units: &[&Undelete],
) -> Result<Vec<Task>, Error> {
    let (owners, ids) = columns(&each(units, Undelete::key));
    let rows = tasks!(
        "
        with target as (
            select k.*
            from unnest((select $1::uuid[]), (select $2::uuid[]), (select $3::bigint[]), (select $4::timestamptz[]))
            with ordinality as k (owner, task, expected, now, number)
            join tasks.task t on t.user_id = k.owner and t.id = k.task
            where t.purge_time > k.now and (k.expected is null or t.revision = k.expected)
            for no key update of t skip locked
        ), room as (
            select k.owner, least(k.changes, $5 - o.live_count) as added
            from (select owner, count(*)::integer as changes from target group by owner) k
            join tasks.owner o on o.user_id = k.owner
            for no key update of o skip locked
        ), counted as (
            update tasks.owner o set revision = o.revision + k.added, live_count = o.live_count + k.added
            from room k where o.user_id = k.owner and k.added > 0
            returning o.user_id as whose, o.revision - k.added as before, k.added
        )
        update tasks.task t set delete_time = null, purge_time = null, update_time = now, revision = before + place
        from (
            select target.*, before, added, row_number() over (partition by owner order by number) as place
            from target full join counted on whose = owner offset 0
        ) k
        where t.user_id = k.owner and t.id = k.task and place <= added
        returning " COLUMNS,
        &owners,
        &ids,
        &each(units, |unit| unit.command.revision) as _,
        &each(units, |unit| unit.now),
        units.first().map(|unit| unit.limit),
    );
    Ok(rows.fetch_all(conn).await?)
}

/// A column: a value of each unit.
fn each<'a, U, V>(units: &'a [&U], value: impl Fn(&'a U) -> V) -> Vec<V> {
    units.iter().map(|unit| value(unit)).collect()
}

fn joined(labels: &Labels) -> String {
    labels.as_slice().join(SEPARATOR)
}

fn columns(keys: &[Key]) -> (Vec<Uuid>, Vec<Uuid>) {
    let pairs = keys.iter().map(|(owner, task)| (owner.uuid(), task.uuid()));
    pairs.unzip()
}
