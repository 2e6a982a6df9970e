//! What can be done with one task: the decisions and the transactions.
//!
//! Each call is one statement that checks every condition itself. When it finds no row, a second read finds out why. When that
//! finds no reason, another change came between the two, and the call is decided again. Only a request with an id needs a
//! transaction. A lane may run several such calls of different users as one statement (`joined/`).

mod answers;
mod attempts;
pub(crate) mod commands;
mod conversions;
pub(crate) mod domain;
pub(crate) mod grpc;
mod joined;
mod message;
pub(crate) mod sql;
pub(crate) mod store;
pub(crate) mod values;

use api::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use serving::caller::Caller;
use sqlx::PgConnection;
use tokio::time::Instant;

use self::{
    answers::Arrival,
    attempts::{insert, update},
    commands::{CreateTask, Created, DeleteTask, GetTask, UndeleteTask, UpdateTask},
    domain::Task,
};
use crate::{
    context::{Context, share_of},
    error::Error,
    quota::Quota,
    requests::RequestKey,
};

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
            let unit = joined::Create { owner, task, quota };
            let stored = self.context.lanes.join(share_of(owner), deadline, unit);
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
        let unit = joined::Get { owner, id, now };
        let task = self.context.lanes.join(share_of(owner), deadline, unit);
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
            if command.changes.is_empty() {
                let unchanged = self
                    .context
                    .lanes
                    .run(share_of(owner), deadline, move |conn| {
                        async move { update(conn, owner, &command, now).await }.boxed()
                    });
                return unchanged.await;
            }
            let unit = joined::Update {
                owner,
                command,
                now,
            };
            let updated = self.context.lanes.join(share_of(owner), deadline, unit);
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
        let unit = joined::Delete {
            owner,
            command,
            purge_time,
            now,
        };
        let deleted = self.context.lanes.join(share_of(owner), deadline, unit);
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
        let unit = joined::Undelete {
            owner,
            command,
            limit,
            now,
        };
        self.context
            .lanes
            .join(share_of(owner), deadline, unit)
            .await
    }
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
