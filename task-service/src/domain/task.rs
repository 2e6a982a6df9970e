//! A task, and what a caller may ask to be made of it.

use chrono::{DateTime, SubsecRound as _, Utc};
use shared::ids::{TaskId, UserId};

use super::{Description, Due, Labels, Priority, Status, Title};

/// A task as stored; the fields mean what the contract says of them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the contract documents each field")]
pub struct Task {
    pub user_id: UserId,
    pub id: TaskId,
    pub title: String,
    pub description: String,
    pub status: Status,
    pub priority: Priority,
    pub labels: Vec<String>,
    pub due_time: Option<DateTime<Utc>>,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub complete_time: Option<DateTime<Utc>>,
    pub delete_time: Option<DateTime<Utc>>,
    pub purge_time: Option<DateTime<Utc>>,
    pub revision: i64,
}

/// What a caller wants a new task to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the contract documents each field")]
pub struct Draft {
    pub title: Title,
    pub description: Description,
    pub status: Status,
    pub priority: Priority,
    pub labels: Labels,
    pub due: Due,
}

impl Draft {
    /// The task this draft becomes when it is made at `now`; its revision is given when it is stored.
    #[must_use]
    pub fn at(self, owner: UserId, now: DateTime<Utc>) -> Task {
        // As fine as the time in the id, so that the order of ids is the order of creation.
        let now = now.trunc_subsecs(3);
        Task {
            user_id: owner,
            id: TaskId::at(now),
            title: self.title.as_str().to_owned(),
            description: self.description.as_str().to_owned(),
            status: self.status,
            priority: self.priority,
            labels: self.labels.as_slice().to_vec(),
            due_time: self.due.time(),
            create_time: now,
            update_time: now,
            complete_time: (self.status == Status::Completed).then_some(now),
            delete_time: None,
            purge_time: None,
            revision: 0,
        }
    }
}

/// What a caller wants to be different about a task; `None` leaves the field as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the contract documents each field")]
pub struct Changes {
    pub title: Option<Title>,
    pub description: Option<Description>,
    pub status: Option<Status>,
    pub priority: Option<Priority>,
    pub labels: Option<Labels>,
    pub due: Option<Due>,
}

impl Changes {
    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
