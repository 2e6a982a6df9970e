//! `UpdateTask`

use std::collections::BTreeSet;

use shared::{
    etag,
    ids::TaskId,
    mask::Fields,
    proto::task::{self as proto, UpdateTaskRequest},
    refusal::{Problem, Violations},
};

use super::RequestKey;
use crate::{
    domain::{Changes, Description, Due, Labels, Priority, Status, Title},
    error::Error,
};

/// What an update may name.
pub(super) const FIELDS: Fields = Fields {
    mutable: &[
        "title",
        "description",
        "status",
        "due_time",
        "priority",
        "labels",
    ],
    output_only: &[
        "id",
        "user_id",
        "create_time",
        "update_time",
        "complete_time",
        "etag",
        "delete_time",
        "purge_time",
        "revision",
    ],
};

/// A task to be changed.
#[derive(Debug, Clone)]
pub struct Update {
    /// Which.
    pub id: TaskId,
    /// The revision the caller read, if it must still be the current one.
    pub revision: Option<i64>,
    /// What is to be different.
    pub changes: Changes,
    /// Set when it is to be done once.
    pub key: Option<RequestKey>,
}

impl Update {
    /// Parses the message.
    pub fn parse(mut message: UpdateTaskRequest) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let request_id = std::mem::take(&mut message.request_id);
        let key = violations.take(
            "request_id",
            RequestKey::parse(&request_id, "UpdateTask", &message),
        );
        let UpdateTaskRequest {
            task,
            update_mask,
            request_id: _,
        } = message;
        if task.is_none() {
            violations.note("task", Problem::new("REQUIRED", "must be set"));
        }
        let task = task.unwrap_or_default();
        let chosen = violations.take(
            "update_mask",
            FIELDS.chosen(update_mask.as_ref(), |field| populated(&task, field)),
        );
        let id = violations.take("task.id", TaskId::parse(&task.id));
        let revision = violations.take("task.etag", etag::parse(&task.etag));
        let changes = changes(task, &chosen.unwrap_or_default(), &mut violations);
        let update = violations.finish(|| {
            Some(Self {
                id: id?,
                revision: revision?,
                changes,
                key: key?,
            })
        })?;
        Ok(update)
    }
}

/// Whether the field differs from its default (AIP-134: what an update without a mask changes).
fn populated(task: &proto::Task, field: &str) -> bool {
    match field {
        "title" => !task.title.is_empty(),
        "description" => !task.description.is_empty(),
        "status" => task.status != 0,
        "due_time" => task.due_time.is_some(),
        "priority" => task.priority != 0,
        "labels" => !task.labels.is_empty(),
        _ => false,
    }
}

fn changes(task: proto::Task, chosen: &BTreeSet<&str>, violations: &mut Violations) -> Changes {
    let proto::Task {
        title,
        description,
        status,
        due_time,
        priority,
        labels,
        // `id` and `etag` say which task; the others are set by the server.
        id: _,
        etag: _,
        user_id: _,
        create_time: _,
        update_time: _,
        complete_time: _,
        delete_time: _,
        purge_time: _,
        revision: _,
    } = task;
    let mut changes = Changes::default();
    for field in chosen {
        match *field {
            "title" => changes.title = violations.take("task.title", Title::parse(&title)),
            "description" => {
                changes.description =
                    violations.take("task.description", Description::parse(&description));
            }
            "status" => changes.status = violations.take("task.status", Status::parse(status)),
            "due_time" => {
                changes.due = violations.take("task.due_time", Due::parse(due_time.as_ref()));
            }
            "priority" => {
                changes.priority = violations.take("task.priority", Priority::parse(priority));
            }
            "labels" => changes.labels = Labels::parse(&labels, "task.labels", violations),
            other => unreachable!("`{other}` is not among the mutable fields"),
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;
    use shared::proto::FILE_DESCRIPTOR_SET;

    use super::*;

    #[test]
    fn every_field_of_a_task_is_either_mutable_or_output_only() {
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
        let task = pool.get_message_by_name("tandem.task.v1.Task").unwrap();
        let declared: BTreeSet<String> =
            task.fields().map(|field| field.name().to_owned()).collect();
        let known = FIELDS.mutable.iter().chain(FIELDS.output_only);
        assert_eq!(declared, known.map(|field| (*field).to_owned()).collect());
    }

    #[test]
    fn a_full_replacement_takes_every_mutable_field() {
        let all: BTreeSet<_> = FIELDS.mutable.iter().copied().collect();
        let task = proto::Task {
            title: "t".to_owned(),
            ..proto::Task::default()
        };
        let changes = changes(task, &all, &mut Violations::default());
        assert!(changes.title.is_some() && changes.description.is_some());
        assert!(changes.status.is_some() && changes.priority.is_some());
        assert!(changes.labels.is_some() && changes.due.is_some());
    }
}
