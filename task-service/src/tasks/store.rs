//! Statements over tasks.
//!
//! A change locks its task first and the owner's counters second, always in this order, so that two changes cannot deadlock.
//! It updates the counters only once the locked task is known to be the right one. So revisions are unique, and the count of
//! live tasks is exact.

use api::ids::{TaskId, UserId};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    domain::{Changes, Task},
    sql::tasks,
    values::{Description, Due, Labels, Status, Title},
};
use crate::{
    error::Error,
    quota::{Counts, Quota},
};

/// The task, live or deleted; `None` when it does not exist or is purged.
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    now: DateTime<Utc>,
) -> Result<Option<Task>, Error> {
    let row = tasks!(
        "select " COLUMNS " from tasks.task where user_id = $1 and id = $2 and " PURGED_AFTER "$3",
        owner.uuid(),
        id.uuid(),
        now,
    );
    check_owner(owner, row.fetch_optional(conn).await?)
}

/// The numbers of tasks of the owner.
pub(crate) async fn count(conn: &mut PgConnection, owner: UserId) -> Result<Counts, Error> {
    let counts = sqlx::query_as!(
        Counts,
        r#"
        select live_count as live,
               coalesce(stored_count, (select count(*) from tasks.task where user_id = $1))::integer as "stored!"
        from tasks.owner where user_id = $1
        "#,
        owner.uuid()
    );
    Ok(counts.fetch_optional(conn).await?.unwrap_or_default())
}

/// Stores a new task with the owner's next revision; `None` when the owner's quota is full, or the owner's tasks were never counted.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    task: &Task,
    quota: Quota,
) -> Result<Option<Task>, Error> {
    let row = tasks!(
        "
        with owner as (
            insert into tasks.owner as o (user_id, revision, live_count, stored_count, request_count)
            values ($1, 1, 1, 1, 0)
            on conflict (user_id) do update
            set revision = o.revision + 1, live_count = o.live_count + 1, stored_count = o.stored_count + 1
            where o.live_count < $2 and o.stored_count < $12
            returning o.revision as next_revision
        )
        insert into tasks.task (
            user_id, id, title, description, status, priority, labels, due_time, create_time, update_time,
            complete_time, revision
        )
        select $1, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, next_revision from owner
        returning " COLUMNS,
        owner.uuid(),
        quota.live,
        task.id.uuid(),
        task.title,
        task.description,
        task.status as _,
        task.priority as _,
        &task.labels,
        task.due_time,
        task.create_time,
        task.complete_time,
        quota.stored,
    );
    check_owner(owner, row.fetch_optional(conn).await?)
}

/// Counts the owner's tasks, if an older release has stored some and did not count them.
pub(crate) async fn count_stored(conn: &mut PgConnection, owner: UserId) -> Result<(), Error> {
    let counted = sqlx::query!(
        r#"
        update tasks.owner set stored_count = (select count(*) from tasks.task where user_id = $1)
        where user_id = $1 and stored_count is null
        "#,
        owner.uuid()
    );
    counted.execute(conn).await?;
    Ok(())
}

/// Changes a live task; `None` when there is none with this id and, if given, this revision.
pub(crate) async fn update(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    revision: Option<i64>,
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<Option<Task>, Error> {
    let row = tasks!(
        "
        with target as (
            select user_id from tasks.task where " TARGET " and " LIVE " for update
        ), owner as (
            update tasks.owner o set revision = o.revision + 1 from target
            where o.user_id = $1 and o.user_id = target.user_id
            returning o.revision as next_revision
        )
        update tasks.task t set
            title = coalesce($4, title), description = coalesce($5, description),
            status = coalesce($6, status), priority = coalesce($7, priority),
            labels = coalesce($8, labels), due_time = case when $9 then $10 else due_time end,
            complete_time = case when coalesce($6, status) = $11 then coalesce(complete_time, $12) end,
            update_time = $12, revision = next_revision from owner
        where t.user_id = $1 and t.id = $2
        returning " COLUMNS,
        owner.uuid(),
        id.uuid(),
        revision,
        changes.title.as_ref().map(Title::as_str),
        changes.description.as_ref().map(Description::as_str),
        changes.status as _,
        changes.priority as _,
        changes.labels.as_ref().map(Labels::as_slice),
        changes.due.is_some(),
        changes.due.and_then(Due::time),
        Status::Completed as _,
        now,
    );
    check_owner(owner, row.fetch_optional(conn).await?)
}

/// Deletes a live task, to be purged at `purge_time`; `None` when there is none with this id and, if given, this revision.
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    revision: Option<i64>,
    purge_time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Task>, Error> {
    let row = tasks!(
        "
        with target as (
            select user_id from tasks.task where " TARGET " and " LIVE " for update
        ), owner as (
            update tasks.owner o set
                revision = o.revision + 1,
                live_count = o.live_count - 1,
                next_purge_time = least(o.next_purge_time, $4)
            from target where o.user_id = $1 and o.user_id = target.user_id
            returning o.revision as next_revision
        )
        update tasks.task t set delete_time = $5, purge_time = $4, update_time = $5, revision = next_revision
        from owner where t.user_id = $1 and t.id = $2
        returning " COLUMNS,
        owner.uuid(),
        id.uuid(),
        revision,
        purge_time,
        now,
    );
    check_owner(owner, row.fetch_optional(conn).await?)
}

/// Undeletes a task; `None` when no deleted task has this id and, if given, this revision, or when the owner has `quota`
/// live tasks. The number of all tasks stays the same.
pub(crate) async fn undelete(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    revision: Option<i64>,
    quota: i32,
    now: DateTime<Utc>,
) -> Result<Option<Task>, Error> {
    let row = tasks!(
        "
        with target as (
            select user_id from tasks.task where " TARGET " and purge_time > $4 for update
        ), owner as (
            update tasks.owner o set revision = o.revision + 1, live_count = o.live_count + 1
            from target where o.user_id = $1 and o.user_id = target.user_id and o.live_count < $5
            returning o.revision as next_revision
        )
        update tasks.task t set delete_time = null, purge_time = null, update_time = $4, revision = next_revision
        from owner where t.user_id = $1 and t.id = $2
        returning " COLUMNS,
        owner.uuid(),
        id.uuid(),
        revision,
        now,
        quota,
    );
    check_owner(owner, row.fetch_optional(conn).await?)
}

/// Returns the row if it is the owner's. A row of another owner means that a statement or the database is wrong: it is
/// logged as an alarm and never returned.
pub(crate) fn check_owner(owner: UserId, row: Option<Task>) -> Result<Option<Task>, Error> {
    match row {
        Some(task) if task.user_id != owner => {
            tracing::error!(alarm = "isolation", %owner, task = %task.id, "a row of another owner was read");
            Err(Error::ForeignRow { owner })
        }
        row => Ok(row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::domain::Draft;

    #[test]
    fn a_row_of_another_owner_raises_an_alarm_and_is_not_returned() {
        let now = DateTime::UNIX_EPOCH;
        let (owner, other) = (UserId::at(now), UserId::at(now));
        let task = Draft::for_test("secret", "").into_task(owner, now);
        let own = check_owner(owner, Some(task.clone())).unwrap();
        assert_eq!(own, Some(task.clone()));
        let refused = check_owner(other, Some(task)).unwrap_err();
        assert!(matches!(refused, Error::ForeignRow { .. }));
        assert!(!format!("{refused:?} {refused}").contains("secret"));
    }
}
