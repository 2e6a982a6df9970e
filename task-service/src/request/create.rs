//! `CreateTask`

use shared::{
    proto::task::{self as proto, CreateTaskRequest},
    refusal::{Problem, Violations},
};

use super::RequestKey;
use crate::{
    domain::{Description, Draft, Due, Labels, Priority, Status, Title},
    error::Error,
};

/// A task to be made.
#[derive(Debug, Clone)]
pub struct Create {
    /// What it is to be.
    pub draft: Draft,
    /// Set when it is to be made once.
    pub key: Option<RequestKey>,
    /// Whether it is only to be checked.
    pub validate_only: bool,
}

impl Create {
    /// Parses the message.
    pub fn parse(mut message: CreateTaskRequest) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let request_id = std::mem::take(&mut message.request_id);
        let key = violations.take(
            "request_id",
            RequestKey::parse(&request_id, "CreateTask", &message),
        );
        let CreateTaskRequest {
            task,
            request_id: _,
            validate_only,
        } = message;
        let draft = match task {
            Some(task) => draft(task, &mut violations),
            None => violations.take("task", Err(Problem::new("REQUIRED", "must be set"))),
        };
        let create = violations.finish(|| {
            Some(Self {
                draft: draft?,
                key: key?,
                validate_only,
            })
        })?;
        Ok(create)
    }
}

fn draft(task: proto::Task, violations: &mut Violations) -> Option<Draft> {
    let proto::Task {
        title,
        description,
        status,
        due_time,
        priority,
        labels,
        // Set by the server: passed over (AIP-203).
        id: _,
        user_id: _,
        create_time: _,
        update_time: _,
        complete_time: _,
        etag: _,
        delete_time: _,
        purge_time: _,
        revision: _,
    } = task;
    let title = violations.take("task.title", Title::parse(&title));
    let description = violations.take("task.description", Description::parse(&description));
    let status = violations.take("task.status", Status::parse(status));
    let due = violations.take("task.due_time", Due::parse(due_time.as_ref()));
    let priority = violations.take("task.priority", Priority::parse(priority));
    let labels = Labels::parse(&labels, "task.labels", violations);
    Some(Draft {
        title: title?,
        description: description?,
        status: status?,
        priority: priority?,
        labels: labels?,
        due: due?,
    })
}
