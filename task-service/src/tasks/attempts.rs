//! One call on one task: the statement that checks every condition itself, and the reads that find out why it found no row.

use api::ids::{TaskId, UserId};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    commands::{DeleteTask, UndeleteTask, UpdateTask},
    domain::Task,
    store,
};
use crate::{
    error::Error,
    quota::{Full, Quota},
};

/// How often a change is decided when other changes come between its statements. Each attempt sees what was committed before it.
const MAX_ATTEMPTS: u32 = 8;

pub(super) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    task: &Task,
    quota: Quota,
) -> Result<Task, Error> {
    for _ in 0..MAX_ATTEMPTS {
        if let Some(task) = store::insert(conn, owner, task, quota).await? {
            return Ok(task);
        }
        if let Some(full) = quota.full(store::count(conn, owner).await?) {
            return Err(full.into());
        }
        store::count_stored(conn, owner).await?;
    }
    Err(Error::Conflict)
}

pub(super) async fn update(
    conn: &mut PgConnection,
    owner: UserId,
    command: &UpdateTask,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    let UpdateTask {
        id,
        revision,
        changes,
        key: _,
    } = command;
    for _ in 0..MAX_ATTEMPTS {
        if !changes.is_empty()
            && let Some(task) = store::update(conn, owner, *id, *revision, changes, now).await?
        {
            return Ok(task);
        }
        let task = get_existing(conn, owner, *id, now).await?;
        if task.delete_time.is_some() {
            return Err(Error::Deleted(*id));
        } else if revision.is_some_and(|revision| revision != task.revision) {
            return Err(Error::EtagMismatch(*id));
        } else if changes.is_empty() {
            return Ok(task);
        }
    }
    Err(Error::Conflict)
}

pub(super) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    command: DeleteTask,
    purge_time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    let DeleteTask {
        id,
        revision,
        allow_missing: _,
    } = command;
    for _ in 0..MAX_ATTEMPTS {
        if let Some(task) = store::delete(conn, owner, id, revision, purge_time, now).await? {
            return Ok(task);
        }
        let task = get_existing(conn, owner, id, now).await?;
        if task.delete_time.is_some() {
            // A task that is already deleted counts as not found (AIP-164).
            return Err(Error::NotFound(id));
        } else if revision.is_some_and(|revision| revision != task.revision) {
            return Err(Error::EtagMismatch(id));
        }
    }
    Err(Error::Conflict)
}

pub(super) async fn undelete(
    conn: &mut PgConnection,
    owner: UserId,
    command: UndeleteTask,
    limit: i32,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    let UndeleteTask { id, revision } = command;
    for _ in 0..MAX_ATTEMPTS {
        if let Some(task) = store::undelete(conn, owner, id, revision, limit, now).await? {
            return Ok(task);
        }
        let task = get_existing(conn, owner, id, now).await?;
        if task.delete_time.is_none() {
            return Err(Error::NotDeleted(id));
        } else if revision.is_some_and(|revision| revision != task.revision) {
            return Err(Error::EtagMismatch(id));
        } else if store::count(conn, owner).await?.live >= limit {
            return Err(Full::Live { limit }.into());
        }
    }
    Err(Error::Conflict)
}

pub(super) async fn get_existing(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    let task = store::find(conn, owner, id, now).await?;
    task.ok_or(Error::NotFound(id))
}
