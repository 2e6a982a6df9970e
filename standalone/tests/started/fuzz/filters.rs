//! Filters and orders of `ListTasks`.

use contract::proto::task::{
    CreateTaskRequest, ListTasksRequest, Task, task_service_client::TaskServiceClient,
};
use proptest::prelude::*;
use tonic::{Code, Request, Status, transport::Channel};

use super::{Fuzzed, assert_expected, inputs};

const PIECES: &[&str] = &[
    "status",
    "priority",
    "due_time",
    "create_time",
    "complete_time",
    "labels",
    "title",
    " AND ",
    " OR ",
    " NOT ",
    "-",
    "(",
    ")",
    " = ",
    "!=",
    "<",
    "<=",
    ">=",
    ":",
    "*",
    ",",
    " desc",
    " asc",
    "\"",
    "\\",
    "\0",
    "PENDING",
    "TASK_STATUS_COMPLETED",
    "HIGH",
    "\"milk\"",
    "\"a\0b\"",
    "\"%_\\\\\"",
    "\"\u{202e}\"",
    "\"2026-01-01T00:00:00Z\"",
    "\"2016-12-31T23:59:60Z\"",
    "\"0000-01-01T00:00:00Z\"",
    "\"9999-12-31T23:59:59.9999999+23:59\"",
    "'",
    ";",
    "--",
    "\n",
];

/// A filter with one of everything.
const VALID: &str = "(status = PENDING OR NOT priority >= HIGH) AND -labels:\"work\" AND due_time:* AND \
     create_time < \"2026-01-01T00:00:00.0000005Z\" AND \"milk\"";
const VALID_ORDER: &str = "due_time desc, priority, title desc";

/// A request of a user with a token.
pub(super) fn authorized<M>(token: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

/// Creates tasks for the printed token.
pub(super) async fn create_tasks(tasks: &Channel, token: &str, count: u32) {
    for number in 0..count {
        let task = Task {
            title: format!("milk {number}"),
            labels: vec!["work".to_owned()],
            ..Task::default()
        };
        let request = CreateTaskRequest {
            task: Some(task),
            ..CreateTaskRequest::default()
        };
        let mut tasks = TaskServiceClient::new(tasks.clone());
        tasks.create_task(authorized(token, request)).await.unwrap();
    }
}

async fn list(tasks: &Channel, token: &str, request: ListTasksRequest) -> Result<(), Status> {
    let mut tasks = TaskServiceClient::new(tasks.clone());
    tasks.list_tasks(authorized(token, request)).await?;
    Ok(())
}

#[test]
fn filter() {
    let fuzzed = Fuzzed::start();
    let tasks = fuzzed.channel(fuzzed.stack.addresses().task);
    let token = fuzzed.stack.running.token();
    fuzzed.runtime.block_on(create_tasks(&tasks, &token, 3));
    let text = |valid| {
        prop_oneof![
            inputs::pieces(PIECES, 14),
            inputs::changed_text(valid),
            "\\PC{0,80}",
        ]
    };
    let inputs = (text(VALID), text(VALID_ORDER), any::<bool>());
    fuzzed.check(&inputs, |(filter, order_by, include_total_size)| {
        for (filter, order_by) in [(filter, String::new()), (String::new(), order_by)] {
            let request = ListTasksRequest {
                filter,
                order_by,
                include_total_size,
                ..ListTasksRequest::default()
            };
            let answer = fuzzed.runtime.block_on(list(&tasks, &token, request));
            assert_expected(answer, &[(Code::InvalidArgument, "FIELD_INVALID")])?;
        }
        Ok(())
    });
}
