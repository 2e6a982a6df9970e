//! Every statement of the service: one function, one statement.
//!
//! The owner comes first after the connection and is bound in every statement over tasks; a row that is read is checked
//! to be the owner's before anyone sees it. A guard test reads these files and fails on a statement that forgets.

#[cfg(test)]
mod guard;
pub mod list;
mod purge;
mod request;
mod task;

pub(crate) use purge::{list_due_owners, lock_owner, purge_requests, purge_tasks, schedule_purge};
pub(crate) use request::{claim_request, find_request, keep_answer};
pub(crate) use task::{count_live, delete, find, insert, undelete, update};

use shared::ids::UserId;

use crate::{domain::Task, error::Error};

/// Lets a row through if it is the owner's. One that is not is a fault of a statement or of the database: an alarm.
pub(crate) fn owned(owner: UserId, row: Option<Task>) -> Result<Option<Task>, Error> {
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
    use chrono::DateTime;

    use super::*;
    use crate::domain::{Description, Draft, Due, Labels, Priority, Status, Title};

    #[test]
    fn a_row_of_another_owner_is_an_alarm_and_not_an_answer() {
        let now = DateTime::UNIX_EPOCH;
        let (owner, other) = (UserId::at(now), UserId::at(now));
        let draft = Draft {
            title: Title::parse("secret").unwrap(),
            description: Description::parse("").unwrap(),
            status: Status::Pending,
            priority: Priority::Normal,
            labels: Labels::default(),
            due: Due::default(),
        };
        let task = draft.at(owner, now);
        assert_eq!(
            owned(owner, Some(task.clone())).unwrap(),
            Some(task.clone())
        );
        let refused = owned(other, Some(task)).unwrap_err();
        assert!(matches!(refused, Error::ForeignRow { .. }));
        assert!(!format!("{refused:?} {refused}").contains("secret"));
    }
}
