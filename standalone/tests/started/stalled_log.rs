//! The reader of standard error stalls: the pipe is open, and nobody reads it.

use std::time::Duration;

use contract::proto::task::{ListTasksRequest, task_service_client::TaskServiceClient};
use futures_util::{StreamExt as _, stream};
use testing::reason;
use tokio::time::timeout;
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};

use crate::{
    scrape::{get, ports},
    stack::Stack,
    tools::end_of,
};

/// More than fill the pipe (about 200 lines) and several buffers behind it.
const CALLS: usize = 2_500;
const CONCURRENT_CALLS: usize = 50;
/// How long all of these calls may take.
const CALLS_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a stop may take: the drain, PostgreSQL's end and the wait for the log.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

async fn list(channel: Channel, token: Option<&str>) -> Result<(), Status> {
    let mut request = Request::new(ListTasksRequest::default());
    if let Some(token) = token {
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
    }
    let mut tasks = TaskServiceClient::new(channel);
    tasks.list_tasks(request).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_reads_the_log_calls_and_health_go_on_and_a_stop_ends_within_its_limit() {
    let stack = Stack::start().await;
    let token = stack.running.token();
    let ports = ports(&stack.running.process);
    assert_eq!(ports.len(), 3);
    stack.running.process.stall_log();

    let address = format!("http://{}", stack.addresses().task);
    let channel = Endpoint::from_shared(address).unwrap().connect_lazy();
    let calls = stream::iter(0..CALLS)
        .map(|_| list(channel.clone(), Some(&token)))
        .buffer_unordered(CONCURRENT_CALLS)
        .for_each(|answer| async move { answer.unwrap() });
    timeout(CALLS_TIMEOUT, calls).await.unwrap();
    let refused = timeout(CALLS_TIMEOUT, list(channel, None)).await.unwrap();
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(reason(&refused), "TOKEN_MISSING");
    for port in ports {
        get(port, "/livez");
        get(port, "/readyz");
        assert!(get(port, "/metrics").contains("tandem_log_lost_total"));
    }

    let process = stack.running.process;
    process.terminate();
    let (code, _) = end_of(process, STOP_TIMEOUT).await;
    assert_eq!(code, Some(0));
}
