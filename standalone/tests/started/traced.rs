//! A stack that exports its telemetry, and browsers' calls to it.

use std::{net::SocketAddr, time::Duration};

use shared::proto::{
    auth::{SignUpRequest, SignUpResponse},
    task::{CreateTaskRequest, CreateTaskResponse, Task},
};
use testing::{Collector, Database, SpanSeen, leaks::PASSWORD_MARK};

use crate::{
    browser::call,
    stack::{Running, spawn, variables},
    tools::{Folder, end_of},
};

/// More than a start or a stop takes.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const SIGN_UP: &str = "tandem.auth.v1.AuthService/SignUp";
pub(crate) const CREATE: &str = "tandem.task.v1.TaskService/CreateTask";

/// A stack that exports to `endpoint`, and traces this share of the calls that nobody asks about.
pub(crate) struct Traced {
    pub(crate) running: Running,
    _folder: Folder,
    _database: Database,
}

impl Traced {
    pub(crate) async fn start(endpoint: String, ratio: &str) -> Self {
        let folder = Folder::new();
        let database = Database::empty().await;
        let mut variables = variables(&folder);
        variables.extend([
            ("DATABASE_URL", database.url().to_owned()),
            ("TANDEM_TELEMETRY__OTLP__ENDPOINT", endpoint),
            ("TANDEM_TELEMETRY__OTLP__TIMEOUT", "1s".to_owned()),
            ("TANDEM_TELEMETRY__TRACES__INTERVAL", "100ms".to_owned()),
            ("TANDEM_TELEMETRY__TRACES__RATIO", ratio.to_owned()),
            ("TANDEM_TELEMETRY__ENVIRONMENT", "tests".to_owned()),
            // A collector's own credential must not be shown either.
            (
                "TANDEM_TELEMETRY__OTLP__HEADERS",
                format!("x-key=collector{PASSWORD_MARK}"),
            ),
            // What has no port for its metrics pushes them all the same.
            ("TANDEM_TASK__OPS__LISTEN", "off".to_owned()),
            // The worst case for whatever blocks a thread.
            ("TOKIO_WORKER_THREADS", "1".to_owned()),
        ]);
        Self {
            running: Running::ready(spawn(variables), PATIENCE).await,
            _folder: folder,
            _database: database,
        }
    }

    pub(crate) fn gateway(&self) -> SocketAddr {
        self.running.addresses.gateway
    }

    /// An access token of a new account.
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

    /// Ends it as an operator does; gives its output.
    pub(crate) async fn stop(self) -> String {
        self.running.process.terminate();
        let (code, output) = end_of(self.running.process, PATIENCE).await;
        assert_eq!(code, Some(0), "{output}");
        output
    }
}

/// The spans of a trace.
pub(crate) fn of_trace(collector: &Collector, trace_id: &str) -> Vec<SpanSeen> {
    let mut spans = collector.spans();
    spans.retain(|span| span.trace_id == trace_id);
    spans
}

/// The one span of a service with this name and kind.
pub(crate) fn one<'s>(spans: &'s [SpanSeen], service: &str, name: &str, kind: i32) -> &'s SpanSeen {
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
