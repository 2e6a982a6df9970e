//! From a task to the message that carries it, and back where an answer was remembered.

use chrono::{DateTime, Utc};
use prost::Message as _;
use shared::{
    etag,
    ids::{TaskId, UserId},
    proto::task::{self as proto, CreateTaskResponse, ListTasksResponse, TaskPriority, TaskStatus},
};

use crate::{
    domain::{Priority, Status, Task},
    error::Error,
    tasks::{Created, Page},
};

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
            create_time: Some(timestamp(create_time)),
            update_time: Some(timestamp(update_time)),
            complete_time: complete_time.map(timestamp),
            due_time: due_time.map(timestamp),
            priority: TaskPriority::from(priority).into(),
            labels,
            etag: etag::of(revision),
            delete_time: delete_time.map(timestamp),
            purge_time: purge_time.map(timestamp),
            revision,
        }
    }
}

impl From<Created> for CreateTaskResponse {
    fn from(created: Created) -> Self {
        match created {
            Created::Written(task) => Self {
                task: Some(task.into()),
                replayed: false,
            },
            Created::Replayed(task) => Self {
                task: Some(task.into()),
                replayed: true,
            },
            // What is given out only when a task is stored stays empty.
            Created::Checked(task) => Self {
                task: Some(proto::Task {
                    id: String::new(),
                    etag: String::new(),
                    ..task.into()
                }),
                replayed: false,
            },
        }
    }
}

impl From<Page> for ListTasksResponse {
    fn from(page: Page) -> Self {
        let Page {
            tasks,
            next_page_token,
            total_size,
        } = page;
        Self {
            tasks,
            next_page_token,
            total_size,
        }
    }
}

/// An answer to be remembered.
pub(crate) fn encode(task: &Task) -> Vec<u8> {
    proto::Task::from(task.clone()).encode_to_vec()
}

/// A remembered answer of `owner`.
pub(crate) fn decode(owner: UserId, answer: &[u8]) -> Result<Task, Error> {
    let damaged = || Error::DamagedAnswer { owner };
    let message = proto::Task::decode(answer).map_err(|_cut_short| damaged())?;
    restore(message).ok_or_else(damaged)
}

fn restore(message: proto::Task) -> Option<Task> {
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
    } = message;
    Some(Task {
        user_id: UserId::parse(&user_id).ok()?,
        id: TaskId::parse(&id).ok()?,
        title,
        description,
        status: Status::parse(status).ok()?,
        priority: Priority::parse(priority).ok()?,
        labels,
        due_time: due_time.map(instant),
        create_time: instant(create_time?),
        update_time: instant(update_time?),
        complete_time: complete_time.map(instant),
        delete_time: delete_time.map(instant),
        purge_time: purge_time.map(instant),
        revision,
    })
}

fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos())
            .expect("a fraction of a second has fewer nanoseconds than an i32 holds"),
    }
}

/// The time of a timestamp this service made; the beginning of 1970 for one that it did not.
fn instant(timestamp: prost_types::Timestamp) -> DateTime<Utc> {
    let nanos = u32::try_from(timestamp.nanos).unwrap_or_default();
    DateTime::from_timestamp(timestamp.seconds, nanos).unwrap_or(DateTime::UNIX_EPOCH)
}
