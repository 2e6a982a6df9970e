//! The parsed requests of the RPCs on one task.

use api::ids::TaskId;

use super::domain::{Changes, Draft, Task};
use crate::requests::RequestKey;

/// `CreateTask`
#[derive(Debug, Clone)]
pub(crate) struct CreateTask {
    /// The new task.
    pub(crate) draft: Draft,
    /// Set when a repeated request must not create a second task.
    pub(crate) key: Option<RequestKey>,
    /// Only check the request; store nothing.
    pub(crate) validate_only: bool,
}

/// `GetTask`
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetTask {
    pub(crate) id: TaskId,
}

/// `UpdateTask`
#[derive(Debug, Clone)]
pub(crate) struct UpdateTask {
    pub(crate) id: TaskId,
    /// The revision that the caller read, if it must still be the current one.
    pub(crate) revision: Option<i64>,
    /// The new values.
    pub(crate) changes: Changes,
    /// Set when a repeated request must not change the task twice.
    pub(crate) key: Option<RequestKey>,
}

/// `DeleteTask`
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeleteTask {
    pub(crate) id: TaskId,
    /// The revision that the caller read, if it must still be the current one.
    pub(crate) revision: Option<i64>,
    /// Succeed when there is nothing to delete.
    pub(crate) allow_missing: bool,
}

/// `UndeleteTask`
#[derive(Debug, Clone, Copy)]
pub(crate) struct UndeleteTask {
    pub(crate) id: TaskId,
    /// The revision that the caller read, if it must still be the current one.
    pub(crate) revision: Option<i64>,
}

/// The result of [`CreateTask`].
#[derive(Debug)]
pub(crate) enum Created {
    /// A new task was stored.
    Stored(Task),
    /// The answer to an earlier request with the same id.
    Replayed(Task),
    /// The request was only checked; nothing was stored.
    Checked(Task),
}
