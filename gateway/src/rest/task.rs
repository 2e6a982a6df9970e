//! A task as REST shows it, and as it is sent.

use api::bounds;
use contract::proto::task::{
    CreateTaskRequest, Task as ProtoTask, TaskStatus as ProtoStatus, UpdateTaskRequest,
};
use prost_types::FieldMask;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    fields::{Change, Fields},
    problem::Problem,
    time,
};

const STATUSES: &str = "'pending', 'in_progress' or 'completed'";

/// The progress of a task.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TaskStatus {
    Pending,
    InProgress,
    Completed,
}

/// A task of the caller.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Task {
    /// UUIDv7 (RFC 9562).
    #[schema(format = "uuid")]
    id: String,
    title: String,
    #[schema(required)]
    description: Option<String>,
    status: TaskStatus,
    /// The account of the token that created the task.
    #[schema(format = "uuid")]
    user_id: String,
    #[schema(format = "date-time")]
    created_at: String,
    #[schema(format = "date-time")]
    updated_at: String,
}

/// A task to create.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only for the document; `creation` reads the fields"
)]
pub(super) struct TaskCreate {
    /// No control characters, and none that reorder or hide text; at least one can be seen. White space at its ends is dropped.
    title: String,
    /// Newline and tab are allowed.
    description: Option<String>,
    #[schema(inline, required = false, default = "pending")]
    status: TaskStatus,
}

/// The fields of a task to change. Others stay as they are.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only for the document; `Update` reads the fields")]
pub(super) struct TaskUpdate {
    #[schema(required = false)]
    title: String,
    /// Null removes it.
    description: Option<String>,
    #[schema(inline, required = false)]
    status: TaskStatus,
}

/// Reads a [`TaskCreate`]. Returns the fields as they were sent too.
pub(super) fn creation(mut fields: Fields) -> Result<(CreateTaskRequest, Value), Problem> {
    let title = fields.required("title", bounds::TITLE);
    let description = fields.optional("description", *bounds::DESCRIPTION.end());
    let status = fields.one_of("status", parse_status, STATUSES);
    let sent = fields.finish()?;
    let task = ProtoTask {
        title,
        description: description.unwrap_or_default(),
        status: status.unwrap_or(ProtoStatus::Pending).into(),
        ..ProtoTask::default()
    };
    let request = CreateTaskRequest {
        task: Some(task),
        ..CreateTaskRequest::default()
    };
    Ok((request, sent))
}

/// Reads a [`TaskUpdate`]. Returns the fields as they were sent too, and no request if nothing is to be changed.
pub(super) fn update(
    id: &str,
    mut fields: Fields,
) -> Result<(Option<UpdateTaskRequest>, Value), Problem> {
    let mut task = ProtoTask {
        id: id.to_owned(),
        ..ProtoTask::default()
    };
    let mut mask = FieldMask::default();
    if let Change::To(title) = fields.change("title", bounds::TITLE, false) {
        task.title = title;
        mask.paths.push("title".to_owned());
    }
    if let Change::To(description) = fields.change("description", bounds::DESCRIPTION, true) {
        task.description = description;
        mask.paths.push("description".to_owned());
    }
    if let Some(status) = fields.one_of("status", parse_status, STATUSES) {
        task.set_status(status);
        mask.paths.push("status".to_owned());
    }
    let sent = fields.finish()?;
    if mask.paths.is_empty() {
        return Ok((None, sent));
    }
    let request = UpdateTaskRequest {
        task: Some(task),
        update_mask: Some(mask),
        ..UpdateTaskRequest::default()
    };
    Ok((Some(request), sent))
}

/// The task of an answer. Without one, or when it is deleted, there is no such task for REST.
pub(super) fn shown(task: Option<ProtoTask>) -> Result<Task, Problem> {
    let task = task.filter(|task| task.delete_time.is_none());
    task.map(Task::from).ok_or_else(Problem::no_task)
}

fn parse_status(text: &str) -> Option<ProtoStatus> {
    match text {
        "pending" => Some(ProtoStatus::Pending),
        "in_progress" => Some(ProtoStatus::InProgress),
        "completed" => Some(ProtoStatus::Completed),
        _ => None,
    }
}

impl From<ProtoTask> for Task {
    fn from(task: ProtoTask) -> Self {
        let status = match task.status() {
            ProtoStatus::InProgress => TaskStatus::InProgress,
            ProtoStatus::Completed => TaskStatus::Completed,
            ProtoStatus::Pending | ProtoStatus::Unspecified => TaskStatus::Pending,
        };
        Self {
            id: task.id,
            title: task.title,
            // The services do not tell an empty description from none.
            description: Some(task.description).filter(|text| !text.is_empty()),
            status,
            user_id: task.user_id,
            created_at: time::text(task.create_time),
            updated_at: time::text(task.update_time),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(of: &Value) -> Fields {
        Fields::new(of.as_object().unwrap().clone())
    }

    #[test]
    fn an_update_changes_only_what_is_sent() {
        let sent = json!({ "description": null, "status": "completed", "id": 5 });
        let (request, _) = update("x", fields(&sent)).unwrap();
        let request = request.unwrap();
        let paths = request.update_mask.unwrap().paths;
        assert_eq!(paths, ["description", "status"]);
        let task = request.task.unwrap();
        assert_eq!((task.id.as_str(), task.description.as_str()), ("x", ""));
        assert!(update("x", fields(&json!({}))).unwrap().0.is_none());
        for bad in [json!({ "title": null }), json!({ "status": null })] {
            assert!(update("x", fields(&bad)).is_err(), "{bad}");
        }
    }
}
