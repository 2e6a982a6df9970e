//! Statements over tasks.
//!
//! A change locks its task first and the owner's counters after it, always in this order, so that two changes cannot wait
//! for each other; and it only touches the counters once the locked task is known to be the one meant. So revisions are
//! unique, and the count of live tasks is exact.

use chrono::{DateTime, Utc};
use shared::ids::{TaskId, UserId};
use sqlx::PgConnection;

use super::owned;
use crate::{
    domain::{Changes, Description, Due, Labels, Status, Task, Title},
    error::Error,
};

/// `query_as!` of tasks, with the columns said once: what the statement does, then what it gives.
macro_rules! tasks {
    (select $rest:literal, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Task,
            "select user_id, id, title, description, status as \"status: _\", priority as \"priority: _\", labels, due_time, create_time, update_time, complete_time, delete_time, purge_time, revision "
                + $rest,
            $($argument),*
        )
    };
    ($change:literal returning, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Task,
            $change
                + " returning user_id, id, title, description, status as \"status: _\", priority as \"priority: _\", labels, due_time, create_time, update_time, complete_time, delete_time, purge_time, revision",
            $($argument),*
        )
    };
}

/// The task, deleted or not; `None` when it is absent or purged.
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    now: DateTime<Utc>,
) -> Result<Option<Task>, Error> {
    let row = tasks!(
        select r#"
        from tasks.task
        where user_id = $1 and id = $2 and (purge_time is null or purge_time > $3)
        "#,
        owner.uuid(),
        id.uuid(),
        now,
    );
    owned(owner, row.fetch_optional(conn).await?)
}

/// How many live tasks the owner has.
pub(crate) async fn count_live(conn: &mut PgConnection, owner: UserId) -> Result<i32, Error> {
    let count = sqlx::query_scalar!(
        r#"select live_count from tasks.owner where user_id = $1"#,
        owner.uuid()
    );
    Ok(count.fetch_optional(conn).await?.unwrap_or(0))
}

/// Stores a new task under the owner's next revision; `None` when the owner has `quota` live tasks.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    task: &Task,
    quota: i32,
) -> Result<Option<Task>, Error> {
    let row = tasks!(
        r#"
        with owner as (
            insert into tasks.owner as o (user_id, revision, live_count)
            values ($1, 1, 1)
            on conflict (user_id) do update
            set revision = o.revision + 1, live_count = o.live_count + 1
            where o.live_count < $2
            returning o.revision as next_revision
        )
        insert into tasks.task (
            user_id, id, title, description, status, priority, labels, due_time, create_time, update_time,
            complete_time, revision
        )
        select $1, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, next_revision from owner
        "# returning,
        owner.uuid(),
        quota,
        task.id.uuid(),
        task.title,
        task.description,
        task.status as _,
        task.priority as _,
        &task.labels,
        task.due_time,
        task.create_time,
        task.complete_time,
    );
    owned(owner, row.fetch_optional(conn).await?)
}

/// Changes a live task; `None` when there is none of this id and, if given, this revision.
pub(crate) async fn update(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    revision: Option<i64>,
    changes: &Changes,
    now: DateTime<Utc>,
) -> Result<Option<Task>, Error> {
    let row = tasks!(
        r#"
        with target as (
            select user_id from tasks.task
            where user_id = $1 and id = $2 and delete_time is null and ($3::bigint is null or revision = $3) for update
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
        "# returning,
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
    owned(owner, row.fetch_optional(conn).await?)
}

/// Deletes a live task until it is purged; `None` when there is none of this id and, if given, this revision.
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    revision: Option<i64>,
    purge_time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Task>, Error> {
    let row = tasks!(
        r#"
        with target as (
            select user_id from tasks.task
            where user_id = $1 and id = $2 and delete_time is null and ($3::bigint is null or revision = $3)
            for update
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
        "# returning,
        owner.uuid(),
        id.uuid(),
        revision,
        purge_time,
        now,
    );
    owned(owner, row.fetch_optional(conn).await?)
}

/// Brings a deleted task back; `None` when there is none of this id and, if given, this revision, or no room in the quota.
pub(crate) async fn undelete(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    revision: Option<i64>,
    quota: i32,
    now: DateTime<Utc>,
) -> Result<Option<Task>, Error> {
    let row = tasks!(
        r#"
        with target as (
            select user_id from tasks.task
            where user_id = $1 and id = $2 and purge_time > $3 and ($4::bigint is null or revision = $4)
            for update
        ), owner as (
            update tasks.owner o set revision = o.revision + 1, live_count = o.live_count + 1
            from target where o.user_id = $1 and o.user_id = target.user_id and o.live_count < $5
            returning o.revision as next_revision
        )
        update tasks.task t set delete_time = null, purge_time = null, update_time = $3, revision = next_revision
        from owner where t.user_id = $1 and t.id = $2
        "# returning,
        owner.uuid(),
        id.uuid(),
        now,
        revision,
        quota,
    );
    owned(owner, row.fetch_optional(conn).await?)
}
