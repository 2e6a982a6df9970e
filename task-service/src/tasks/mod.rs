//! What can be done with one task: the decisions and the transactions.
//!
//! Each call is one statement that checks every condition itself. When it finds no row, a second read finds out why. When that
//! finds no reason, another change came between the two, and the call is decided again. Only a request with an id needs a
//! transaction.

mod answers;
pub(crate) mod commands;
mod conversions;
pub(crate) mod domain;
pub(crate) mod grpc;
mod message;
pub(crate) mod store;
pub(crate) mod values;

use api::ids::{TaskId, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use serving::caller::Caller;
use sqlx::PgConnection;
use tokio::time::Instant;

use self::{
    answers::Arrival,
    commands::{CreateTask, Created, DeleteTask, GetTask, UndeleteTask, UpdateTask},
    domain::Task,
};
use crate::{
    context::{Context, share_of},
    error::Error,
    quota::{Full, Quota},
    requests::RequestKey,
};

/// How often a change is decided when other changes come between its statements. Each attempt sees what was committed before it.
const MAX_ATTEMPTS: u32 = 8;

/// The tasks of all users. Each call works on the tasks of its caller only.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    pub(crate) context: Context,
    /// The most that is stored for one user.
    pub(crate) quota: Quota,
    /// How long a deleted task can be undeleted.
    pub(crate) purge_after: TimeDelta,
}

impl Tasks {
    /// Creates a task.
    pub(crate) async fn create(
        &self,
        caller: Caller,
        deadline: Instant,
        command: CreateTask,
    ) -> Result<Created, Error> {
        let (owner, now, quota) = (caller.user_id, self.context.now(), self.quota);
        let task = command.draft.into_task(owner, now);
        if command.validate_only {
            return self.check(owner, deadline, task).await;
        }
        let Some(key) = command.key else {
            let stored = self
                .context
                .lanes
                .run(share_of(owner), deadline, move |conn| {
                    async move { insert(conn, owner, &task, quota).await }.boxed()
                });
            return stored.await.map(Created::Stored);
        };
        let created = self
            .context
            .lanes
            .transaction(share_of(owner), deadline, move |conn| {
                let task = task.clone();
                async move { create_once(conn, owner, &task, quota, &key, now).await }.boxed()
            });
        created.await
    }

    /// Checks whether `create` would store the task.
    async fn check(&self, owner: UserId, deadline: Instant, task: Task) -> Result<Created, Error> {
        let counts = self
            .context
            .lanes
            .run(share_of(owner), deadline, move |conn| {
                async move { store::count(conn, owner).await }.boxed()
            });
        match self.quota.full(counts.await?) {
            None => Ok(Created::Checked(task)),
            Some(full) => Err(full.into()),
        }
    }

    /// One task, live or deleted.
    pub(crate) async fn get(
        &self,
        caller: Caller,
        deadline: Instant,
        GetTask { id }: GetTask,
    ) -> Result<Task, Error> {
        let (owner, now) = (caller.user_id, self.context.now());
        let task = self
            .context
            .lanes
            .run(share_of(owner), deadline, move |conn| {
                async move { get_existing(conn, owner, id, now).await }.boxed()
            });
        task.await
    }

    /// Changes a live task.
    pub(crate) async fn update(
        &self,
        caller: Caller,
        deadline: Instant,
        command: UpdateTask,
    ) -> Result<Task, Error> {
        let (owner, now, quota) = (caller.user_id, self.context.now(), self.quota);
        let Some(key) = command.key else {
            let updated = self
                .context
                .lanes
                .run(share_of(owner), deadline, move |conn| {
                    async move { update(conn, owner, &command, now).await }.boxed()
                });
            return updated.await;
        };
        let updated = self
            .context
            .lanes
            .transaction(share_of(owner), deadline, move |conn| {
                let command = command.clone();
                async move { update_once(conn, owner, &command, &key, quota, now).await }.boxed()
            });
        updated.await
    }

    /// Deletes a live task; `None` when there was nothing to delete and the caller allows that.
    pub(crate) async fn delete(
        &self,
        caller: Caller,
        deadline: Instant,
        command: DeleteTask,
    ) -> Result<Option<Task>, Error> {
        let (owner, now) = (caller.user_id, self.context.now());
        let purge_time = now + self.purge_after;
        let deleted = self
            .context
            .lanes
            .run(share_of(owner), deadline, move |conn| {
                async move { delete(conn, owner, command, purge_time, now).await }.boxed()
            });
        match deleted.await {
            Ok(task) => Ok(Some(task)),
            Err(Error::NotFound(_)) if command.allow_missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Undeletes a deleted task.
    pub(crate) async fn undelete(
        &self,
        caller: Caller,
        deadline: Instant,
        command: UndeleteTask,
    ) -> Result<Task, Error> {
        let (owner, now, limit) = (caller.user_id, self.context.now(), self.quota.live);
        let undeleted = self
            .context
            .lanes
            .run(share_of(owner), deadline, move |conn| {
                async move { undelete(conn, owner, command, limit, now).await }.boxed()
            });
        undeleted.await
    }
}

async fn insert(
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
    }
    Err(Error::Conflict)
}

async fn create_once(
    conn: &mut PgConnection,
    owner: UserId,
    task: &Task,
    quota: Quota,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Created, Error> {
    let claim = match answers::arrive(conn, owner, key, now).await? {
        Arrival::First(claim) => claim,
        Arrival::Repeated(first) => return Ok(Created::Replayed(first)),
    };
    let task = insert(conn, owner, task, quota).await?;
    answers::remember(conn, owner, (key, claim), &task, quota, now).await?;
    Ok(Created::Stored(task))
}

async fn update(
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

async fn update_once(
    conn: &mut PgConnection,
    owner: UserId,
    command: &UpdateTask,
    key: &RequestKey,
    quota: Quota,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    let claim = match answers::arrive(conn, owner, key, now).await? {
        Arrival::First(claim) => claim,
        Arrival::Repeated(first) => return Ok(first),
    };
    let task = update(conn, owner, command, now).await?;
    answers::remember(conn, owner, (key, claim), &task, quota, now).await?;
    Ok(task)
}

async fn delete(
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

async fn undelete(
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

async fn get_existing(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    let task = store::find(conn, owner, id, now).await?;
    task.ok_or(Error::NotFound(id))
}
