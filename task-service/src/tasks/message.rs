//! The message `Task` of the contract: from a request to values, from a task to a response, and to and from the bytes of a
//! remembered response.

use std::collections::BTreeSet;

use api::{
    etag,
    ids::{TaskId, UserId},
    mask::UpdatableFields,
};
use contract::{
    proto::{
        task as proto,
        task::{TaskPriority, TaskStatus},
    },
    refusal::Violations,
};
use prost::Message as _;

use super::{
    conversions::{from_timestamp, parse_due, parse_priority, parse_status, to_timestamp},
    domain::{Changes, Draft, Task},
    values::{Description, Labels, Title},
};

/// The fields that an update mask can name.
pub(super) const FIELDS: UpdatableFields = UpdatableFields {
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

/// Parses the task of a `CreateTask` request.
pub(super) fn parse_draft(task: proto::Task, violations: &mut Violations) -> Option<Draft> {
    let proto::Task {
        title,
        description,
        status,
        due_time,
        priority,
        labels,
        // Output only: ignored in a request (AIP-203).
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
    let status = violations.take("task.status", parse_status(status));
    let due = violations.take("task.due_time", parse_due(due_time));
    let priority = violations.take("task.priority", parse_priority(priority));
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

/// Whether the field differs from its default. An update without a mask changes these fields (AIP-134).
pub(super) fn is_populated(task: &proto::Task, field: &str) -> bool {
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

/// Parses the `chosen` fields of the task of an `UpdateTask` request.
pub(super) fn parse_changes(
    task: proto::Task,
    chosen: &BTreeSet<&str>,
    violations: &mut Violations,
) -> Changes {
    let proto::Task {
        title,
        description,
        status,
        due_time,
        priority,
        labels,
        // `id` and `etag` select the task; the others are output only.
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
        let path = format!("task.{field}");
        match *field {
            "title" => changes.title = violations.take(&path, Title::parse(&title)),
            "description" => {
                changes.description = violations.take(&path, Description::parse(&description));
            }
            "status" => changes.status = violations.take(&path, parse_status(status)),
            "due_time" => changes.due = violations.take(&path, parse_due(due_time)),
            "priority" => changes.priority = violations.take(&path, parse_priority(priority)),
            "labels" => changes.labels = Labels::parse(&labels, &path, violations),
            other => unreachable!("`{other}` is not among the mutable fields"),
        }
    }
    changes
}

impl From<Task> for proto::Task {
    fn from(task: Task) -> Self {
        let Task {
            user_id,
            id,
            title,
            description,
            status,
            priority,
            labels,
            due_time,
            create_time,
            update_time,
            complete_time,
            delete_time,
            purge_time,
            revision,
        } = task;
        Self {
            id: id.to_string(),
            title,
            description,
            status: TaskStatus::from(status).into(),
            user_id: user_id.to_string(),
            create_time: Some(to_timestamp(create_time)),
            update_time: Some(to_timestamp(update_time)),
            complete_time: complete_time.map(to_timestamp),
            due_time: due_time.map(to_timestamp),
            priority: TaskPriority::from(priority).into(),
            labels,
            etag: etag::of(revision),
            delete_time: delete_time.map(to_timestamp),
            purge_time: purge_time.map(to_timestamp),
            revision,
        }
    }
}

/// The bytes of a response that is remembered.
pub(super) fn encode(task: &Task) -> Vec<u8> {
    proto::Task::from(task.clone()).encode_to_vec()
}

/// The task of a remembered response; `None` when the bytes are not what [`encode`] gives.
pub(super) fn decode(response: &[u8]) -> Option<Task> {
    let proto::Task {
        id,
        title,
        description,
        status,
        user_id,
        create_time,
        update_time,
        complete_time,
        due_time,
        priority,
        labels,
        etag: _,
        delete_time,
        purge_time,
        revision,
    } = proto::Task::decode(response).ok()?;
    Some(Task {
        user_id: UserId::parse(&user_id).ok()?,
        id: TaskId::parse(&id).ok()?,
        title,
        description,
        status: parse_status(status).ok()?,
        priority: parse_priority(priority).ok()?,
        labels,
        due_time: due_time.map(from_timestamp),
        create_time: from_timestamp(create_time?),
        update_time: from_timestamp(update_time?),
        complete_time: complete_time.map(from_timestamp),
        delete_time: delete_time.map(from_timestamp),
        purge_time: purge_time.map(from_timestamp),
        revision,
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use contract::proto::FILE_DESCRIPTOR_SET;
    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::tasks::values::Status;

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
    fn no_task_is_larger_than_its_maximum_message_size() {
        let now = DateTime::UNIX_EPOCH;
        let draft = Draft::for_test(&"é".repeat(200), &"é".repeat(2000));
        let mut task = draft.into_task(UserId::at(now), now);
        task.labels = vec!["é".repeat(50); 20];
        task.status = Status::Completed;
        task.revision = i64::MAX;
        let earliest: DateTime<Utc> = "0001-01-01T00:00:00.999999Z".parse().unwrap();
        (task.create_time, task.update_time) = (earliest, earliest);
        for time in [
            &mut task.due_time,
            &mut task.complete_time,
            &mut task.delete_time,
            &mut task.purge_time,
        ] {
            *time = Some(earliest);
        }
        let message = proto::Task::from(task.clone());
        assert!(message.encoded_len() <= task.max_message_size());
        assert_eq!(decode(&encode(&task)), Some(task));
    }

    #[test]
    fn a_full_replacement_changes_every_mutable_field() {
        let all: BTreeSet<_> = FIELDS.mutable.iter().copied().collect();
        let task = proto::Task {
            title: "t".to_owned(),
            ..proto::Task::default()
        };
        let changes = parse_changes(task, &all, &mut Violations::default());
        assert!(changes.title.is_some() && changes.description.is_some());
        assert!(changes.status.is_some() && changes.priority.is_some());
        assert!(changes.labels.is_some() && changes.due.is_some());
    }
}
