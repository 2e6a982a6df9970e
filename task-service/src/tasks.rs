//! What can be done with tasks: the decisions, and the only place with transactions beside the purge.
//!
//! Each call is one statement, which checks everything it depends on. When it finds no row a second look says why;
//! only a request with an id takes a transaction.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use futures_util::FutureExt as _;
use shared::{
    caller::Caller,
    clock::Clock,
    database::Lanes,
    ids::{TaskId, UserId},
    paging::PageTokens,
    proto::task as proto,
};
use sqlx::PgConnection;
use tokio::time::Instant;

use crate::{
    domain::Task,
    error::Error,
    once,
    request::{Create, Delete, Get, RequestKey, Undelete, Update},
    store,
};

/// The tasks of all users; every call is about those of its caller.
#[derive(Debug, Clone)]
pub struct Tasks {
    pub(crate) lanes: Lanes,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tokens: Arc<PageTokens>,
    /// Most live tasks of one user.
    pub(crate) quota: i32,
    /// How long a deleted task can be undeleted.
    pub(crate) purge_after: TimeDelta,
}

/// A task as `CreateTask` left it.
#[derive(Debug)]
pub enum Created {
    /// New.
    Written(Task),
    /// The answer to an earlier request of the same id.
    Replayed(Task),
    /// Only checked; it is not stored.
    Checked(Task),
}

/// One page of a list.
#[derive(Debug)]
pub struct Page {
    /// In the order asked for.
    pub tasks: Vec<proto::Task>,
    /// Empty on the last page.
    pub next_page_token: String,
    /// How many match in all, when asked for.
    pub total_size: Option<i32>,
}

impl Tasks {
    /// Now, as fine as the database keeps it.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }

    /// Makes a task.
    pub async fn create(
        &self,
        caller: Caller,
        deadline: Instant,
        create: Create,
    ) -> Result<Created, Error> {
        let (owner, now, quota) = (caller.user_id, self.now(), self.quota);
        let task = create.draft.at(owner, now);
        if create.validate_only {
            return self.check(owner, deadline, task).await;
        }
        let Some(key) = create.key else {
            let written = self.lanes.run(deadline, move |conn| {
                async move { insert(conn, owner, &task, quota).await }.boxed()
            });
            return written.await.map(Created::Written);
        };
        let created = self.lanes.transaction(deadline, move |conn| {
            let task = task.clone();
            async move { create_once(conn, owner, &task, quota, &key, now).await }.boxed()
        });
        created.await
    }

    /// What `create` would do, without doing it.
    async fn check(&self, owner: UserId, deadline: Instant, task: Task) -> Result<Created, Error> {
        let limit = self.quota;
        let count = self.lanes.run(deadline, move |conn| {
            async move { store::count_live(conn, owner).await }.boxed()
        });
        if count.await? < limit {
            Ok(Created::Checked(task))
        } else {
            Err(Error::QuotaExceeded { limit })
        }
    }

    /// One task, deleted or not.
    pub async fn get(&self, caller: Caller, deadline: Instant, get: Get) -> Result<Task, Error> {
        let (owner, now, id) = (caller.user_id, self.now(), get.id);
        let found = self.lanes.run(deadline, move |conn| {
            async move { store::find(conn, owner, id, now).await }.boxed()
        });
        found.await?.ok_or(Error::NotFound(id))
    }

    /// Changes a task.
    pub async fn update(
        &self,
        caller: Caller,
        deadline: Instant,
        update: Update,
    ) -> Result<Task, Error> {
        let (owner, now) = (caller.user_id, self.now());
        let Some(key) = update.key else {
            let changed = self.lanes.run(deadline, move |conn| {
                async move { change(conn, owner, &update, now).await }.boxed()
            });
            return changed.await;
        };
        let changed = self.lanes.transaction(deadline, move |conn| {
            let update = update.clone();
            async move { change_once(conn, owner, &update, &key, now).await }.boxed()
        });
        changed.await
    }

    /// Deletes a task; `None` when there was nothing to delete and the caller does not mind.
    pub async fn delete(
        &self,
        caller: Caller,
        deadline: Instant,
        delete: Delete,
    ) -> Result<Option<Task>, Error> {
        let (owner, now) = (caller.user_id, self.now());
        let purge_time = now + self.purge_after;
        let deleted = self.lanes.run(deadline, move |conn| {
            async move { remove(conn, owner, delete, purge_time, now).await }.boxed()
        });
        match deleted.await {
            Ok(task) => Ok(Some(task)),
            Err(Error::NotFound(_)) if delete.allow_missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Brings a deleted task back.
    pub async fn undelete(
        &self,
        caller: Caller,
        deadline: Instant,
        undelete: Undelete,
    ) -> Result<Task, Error> {
        let (owner, now, quota) = (caller.user_id, self.now(), self.quota);
        let restored = self.lanes.run(deadline, move |conn| {
            async move { restore(conn, owner, undelete, quota, now).await }.boxed()
        });
        restored.await
    }
}

async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    task: &Task,
    quota: i32,
) -> Result<Task, Error> {
    let stored = store::insert(conn, owner, task, quota).await?;
    stored.ok_or(Error::QuotaExceeded { limit: quota })
}

async fn create_once(
    conn: &mut PgConnection,
    owner: UserId,
    task: &Task,
    quota: i32,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Created, Error> {
    if let Some(first) = once::first_answer(conn, owner, key, now).await? {
        return Ok(Created::Replayed(first));
    }
    let task = insert(conn, owner, task, quota).await?;
    once::remember(conn, owner, key, &task, now).await?;
    Ok(Created::Written(task))
}

async fn change(
    conn: &mut PgConnection,
    owner: UserId,
    update: &Update,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    let Update {
        id,
        revision,
        changes,
        key: _,
    } = update;
    if !changes.is_empty()
        && let Some(task) = store::update(conn, owner, *id, *revision, changes, now).await?
    {
        return Ok(task);
    }
    let task = existing(conn, owner, *id, now).await?;
    if task.delete_time.is_some() {
        Err(Error::Deleted(*id))
    } else if revision.is_some_and(|revision| revision != task.revision) {
        Err(Error::EtagMismatch(*id))
    } else if changes.is_empty() {
        Ok(task)
    } else {
        Err(Error::Conflict)
    }
}

async fn change_once(
    conn: &mut PgConnection,
    owner: UserId,
    update: &Update,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    if let Some(first) = once::first_answer(conn, owner, key, now).await? {
        return Ok(first);
    }
    let task = change(conn, owner, update, now).await?;
    once::remember(conn, owner, key, &task, now).await?;
    Ok(task)
}

async fn remove(
    conn: &mut PgConnection,
    owner: UserId,
    delete: Delete,
    purge_time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    let Delete {
        id,
        revision,
        allow_missing: _,
    } = delete;
    if let Some(task) = store::delete(conn, owner, id, revision, purge_time, now).await? {
        return Ok(task);
    }
    let task = existing(conn, owner, id, now).await?;
    if task.delete_time.is_some() {
        // Deleting is done (AIP-164).
        Err(Error::NotFound(id))
    } else if revision.is_some_and(|revision| revision != task.revision) {
        Err(Error::EtagMismatch(id))
    } else {
        Err(Error::Conflict)
    }
}

async fn restore(
    conn: &mut PgConnection,
    owner: UserId,
    undelete: Undelete,
    quota: i32,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    let Undelete { id, revision } = undelete;
    if let Some(task) = store::undelete(conn, owner, id, revision, quota, now).await? {
        return Ok(task);
    }
    let task = existing(conn, owner, id, now).await?;
    if task.delete_time.is_none() {
        Err(Error::NotDeleted(id))
    } else if revision.is_some_and(|revision| revision != task.revision) {
        Err(Error::EtagMismatch(id))
    } else if store::count_live(conn, owner).await? >= quota {
        Err(Error::QuotaExceeded { limit: quota })
    } else {
        Err(Error::Conflict)
    }
}

async fn existing(
    conn: &mut PgConnection,
    owner: UserId,
    id: TaskId,
    now: DateTime<Utc>,
) -> Result<Task, Error> {
    let found = store::find(conn, owner, id, now).await?;
    found.ok_or(Error::NotFound(id))
}
