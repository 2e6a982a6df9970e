//! A standalone process that exports its telemetry, and browsers' calls to it.

use std::{net::SocketAddr, time::Duration};

use contract::proto::{
    auth::{SignUpRequest, SignUpResponse},
    task::{CreateTaskRequest, CreateTaskResponse, Task},
};
use testing::{Collector, Database, Folder, ReceivedSpan, leaks::PASSWORD_MARK};

use crate::{
    browser::call,
    stack::{RunningStandalone, spawn, variables},
    tools::end_of,
};

/// How long a start or a stop may take.
const TIMEOUT: Duration = Duration::from_mins(1);

pub(crate) const SIGN_UP: &str = "tandem.auth.v1.AuthService/SignUp";
pub(crate) const CREATE: &str = "tandem.task.v1.TaskService/CreateTask";

/// A standalone process that exports to a collector.
pub(crate) struct TracedStack {
    pub(crate) running: RunningStandalone,
    _folder: Folder,
    _database: Database,
}

impl TracedStack {
    /// Starts it. `ratio` is the share of calls to trace among those whose caller does not ask for a trace.
    pub(crate) async fn start(endpoint: String, ratio: &str) -> Self {
        Self::start_with_timeout(endpoint, ratio, "1s").await
    }

    /// The same, with this limit of an export.
    pub(crate) async fn start_with_timeout(endpoint: String, ratio: &str, timeout: &str) -> Self {
        let folder = Folder::new();
        let database = Database::empty().await;
        let mut variables = variables(&folder);
        variables.extend([
            ("DATABASE_URL", database.url().to_owned()),
            ("TANDEM_TELEMETRY__OTLP__ENDPOINT", endpoint),
            ("TANDEM_TELEMETRY__OTLP__TIMEOUT", timeout.to_owned()),
            ("TANDEM_TELEMETRY__TRACES__INTERVAL", "100ms".to_owned()),
            ("TANDEM_TELEMETRY__TRACES__RATIO", ratio.to_owned()),
            ("TANDEM_TELEMETRY__ENVIRONMENT", "tests".to_owned()),
            // The credential for the collector must not be shown either.
            (
                "TANDEM_TELEMETRY__OTLP__HEADERS",
                format!("x-key=collector{PASSWORD_MARK}"),
            ),
            // A service without an operations port pushes its metrics all the same.
            ("TANDEM_TASK__OPS__LISTEN", "off".to_owned()),
            // With one thread, code that blocks it is noticed.
            ("TOKIO_WORKER_THREADS", "1".to_owned()),
        ]);
        Self {
            running: RunningStandalone::ready(spawn(variables), TIMEOUT).await,
            _folder: folder,
            _database: database,
        }
    }

    pub(crate) fn gateway(&self) -> SocketAddr {
        self.running.addresses.gateway
    }

    /// Signs up. Returns the access token.
    pub(crate) fn sign_up(&self, headers: &[&str]) -> String {
        let request = SignUpRequest {
            email: "anna@example.test".to_owned(),
            password: format!("correct horse{PASSWORD_MARK}"),
            ..SignUpRequest::default()
        };
        let answer: SignUpResponse = call(self.gateway(), SIGN_UP, &request, headers);
        answer.tokens.unwrap().access_token
    }

    pub(crate) fn create(&self, token: &str, headers: &[&str]) {
        let task = Task {
            title: "traced".to_owned(),
            ..Task::default()
        };
        let request = CreateTaskRequest {
            task: Some(task),
            ..CreateTaskRequest::default()
        };
        let bearer = format!("authorization: Bearer {token}");
        let headers = [headers, &[&bearer]].concat();
        let answer: CreateTaskResponse = call(self.gateway(), CREATE, &request, &headers);
        assert_eq!(answer.task.unwrap().title, "traced");
    }

    /// Stops it with SIGTERM. Returns its output.
    pub(crate) async fn stop(self) -> String {
        self.running.process.terminate();
        let (code, output) = end_of(self.running.process, TIMEOUT).await;
        assert_eq!(code, Some(0), "{output}");
        output
    }
}

/// The spans of a trace.
pub(crate) fn of_trace(collector: &Collector, trace_id: &str) -> Vec<ReceivedSpan> {
    let mut spans = collector.spans();
    spans.retain(|span| span.trace_id == trace_id);
    spans
}

/// The only span of a service with this name and kind.
pub(crate) fn one<'s>(
    spans: &'s [ReceivedSpan],
    service: &str,
    name: &str,
    kind: i32,
) -> &'s ReceivedSpan {
    let mut found = spans
        .iter()
        .filter(|span| span.service == service && span.name == name && span.kind == kind);
    let one = found.next();
    assert!(found.next().is_none(), "more than one {name} of {service}");
    one.unwrap_or_else(|| panic!("no {name} of {service} among {spans:#?}"))
}

pub(crate) const SERVER: i32 = 2;
pub(crate) const CLIENT: i32 = 3;
pub(crate) const INTERNAL: i32 = 1;
