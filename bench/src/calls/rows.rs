//! The rows of an answer, compared with those that it must have.

use prost::{Message, bytes::Bytes};
use serde::Deserialize;

/// The rows that an answer must have.
pub(crate) struct Rows<'a> {
    pub(crate) number: usize,
    /// The owner of each.
    pub(crate) user: &'a str,
    /// The id of the only one.
    pub(crate) task: Option<&'a str>,
}

impl Rows<'_> {
    /// Checks an answer of `GetTask` or `ListTasks`.
    pub(super) fn check_message(&self, bytes: Bytes) -> anyhow::Result<()> {
        let tasks = Tasks::decode(bytes)?.tasks;
        let tasks = tasks.iter();
        self.check(tasks.map(|task| (task.id.as_ref(), task.user_id.as_ref())))
    }

    /// Checks the same in JSON.
    pub(super) fn check_connect_json(&self, body: &[u8]) -> anyhow::Result<()> {
        let JsonTasks { task, tasks } = serde_json::from_slice(body)?;
        self.check_json(task.as_slice().iter().chain(&tasks))
    }

    /// Checks an answer of REST: a task or an array.
    pub(super) fn check_rest(&self, body: &[u8]) -> anyhow::Result<()> {
        let tasks = if body.starts_with(b"[") {
            serde_json::from_slice(body)?
        } else {
            vec![serde_json::from_slice(body)?]
        };
        self.check_json(&tasks)
    }

    fn check_json<'b>(
        &self,
        tasks: impl IntoIterator<Item = &'b JsonTask<'b>>,
    ) -> anyhow::Result<()> {
        let tasks = tasks.into_iter();
        self.check(tasks.map(|task| (task.id.as_bytes(), task.user_id.as_bytes())))
    }

    fn check<'b>(&self, tasks: impl Iterator<Item = (&'b [u8], &'b [u8])>) -> anyhow::Result<()> {
        let mut number = 0;
        for (id, user) in tasks {
            anyhow::ensure!(user == self.user.as_bytes(), "a row of somebody else");
            let right = self.task.is_none_or(|task| task.as_bytes() == id);
            anyhow::ensure!(right, "another task");
            number += 1;
        }
        anyhow::ensure!(
            number == self.number,
            "{number} rows instead of {}",
            self.number
        );
        Ok(())
    }
}

/// The answer of `GetTask` or of `ListTasks`: both have their tasks in the field 1. Only ids are read.
#[derive(Clone, PartialEq, Message)]
struct Tasks {
    #[prost(message, repeated, tag = "1")]
    tasks: Vec<TaskIds>,
}

#[derive(Clone, PartialEq, Message)]
struct TaskIds {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    user_id: Bytes,
}

/// The same in JSON.
#[derive(Deserialize)]
struct JsonTasks<'a> {
    #[serde(borrow)]
    task: Option<JsonTask<'a>>,
    #[serde(borrow, default)]
    tasks: Vec<JsonTask<'a>>,
}

/// A task, with the names of Connect or of REST.
#[derive(Deserialize)]
struct JsonTask<'a> {
    id: &'a str,
    #[serde(alias = "userId")]
    user_id: &'a str,
}
