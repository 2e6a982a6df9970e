//! A task, a draft of a new task, and the changes of an update.

use api::ids::{TaskId, UserId};
use chrono::{DateTime, SubsecRound as _, Utc};

use super::values::{Description, Due, Labels, Priority, Status, Title};

/// A stored task. The contract documents each field.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Task {
    pub(crate) user_id: UserId,
    pub(crate) id: TaskId,
    pub(crate) title: String,
    pub(crate) description: String,
    // The statements are shared with `query_as!`, which needs these two columns to carry their type in their name.
    #[sqlx(rename = "status: _")]
    pub(crate) status: Status,
    #[sqlx(rename = "priority: _")]
    pub(crate) priority: Priority,
    pub(crate) labels: Vec<String>,
    pub(crate) due_time: Option<DateTime<Utc>>,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
    pub(crate) complete_time: Option<DateTime<Utc>>,
    pub(crate) delete_time: Option<DateTime<Utc>>,
    pub(crate) purge_time: Option<DateTime<Utc>>,
    pub(crate) revision: i64,
}

impl Task {
    /// Whether the task is not purged yet: it is live, or deleted and to be purged later.
    pub(crate) fn exists_at(&self, now: DateTime<Utc>) -> bool {
        self.purge_time.is_none_or(|purge_time| purge_time > now)
    }

    /// An upper bound of the size of the task as a message, in bytes.
    pub(crate) fn max_message_size(&self) -> usize {
        /// All fields but the texts: ids, times, numbers, and the tags and lengths of all of them.
        const FIXED: usize = 512;
        /// The tag and the length of one label.
        const PER_LABEL: usize = 3;
        let labels = self.labels.iter().map(|label| label.len() + PER_LABEL);
        FIXED + self.title.len() + self.description.len() + labels.sum::<usize>()
    }
}

/// A task to be created. The contract documents each field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) title: Title,
    pub(crate) description: Description,
    pub(crate) status: Status,
    pub(crate) priority: Priority,
    pub(crate) labels: Labels,
    pub(crate) due: Due,
}

impl Draft {
    /// The task that is created from this draft at `now`. It gets its revision when it is stored.
    pub(crate) fn into_task(self, owner: UserId, now: DateTime<Utc>) -> Task {
        // The id holds the time in milliseconds. With the same precision here, ids and creation times sort alike.
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

/// The new values of an update. `None` leaves the field unchanged. The contract documents each field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Changes {
    pub(crate) title: Option<Title>,
    pub(crate) description: Option<Description>,
    pub(crate) status: Option<Status>,
    pub(crate) priority: Option<Priority>,
    pub(crate) labels: Option<Labels>,
    pub(crate) due: Option<Due>,
}

impl Changes {
    /// Whether the update changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
impl Draft {
    /// A draft with this title and description, and the default of every other field.
    pub(crate) fn for_test(title: &str, description: &str) -> Self {
        Self {
            title: Title::parse(title).unwrap(),
            description: Description::parse(description).unwrap(),
            status: Status::Pending,
            priority: Priority::Normal,
            labels: Labels::default(),
            due: Due::default(),
        }
    }
}
