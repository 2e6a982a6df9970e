//! A stack that exports its telemetry, and browsers' calls to it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use prost::Message;
use shared::proto::{
    auth::{SignUpRequest, SignUpResponse},
    task::{CreateTaskRequest, CreateTaskResponse, Task},
};
use testing::{Collector, Database, SpanSeen, leaks::PASSWORD_MARK};

use crate::{
    stack::{Running, spawn, variables},
    tools::{Folder, end_of},
};

const START: Duration = Duration::from_mins(1);
const STOP: Duration = Duration::from_secs(30);

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
            running: Running::ready(spawn(variables), START).await,
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
        let (code, output) = end_of(self.running.process, STOP).await;
        assert_eq!(code, Some(0), "{output}");
        output
    }
}

/// A gRPC-web call of a browser: the bytes of the answer after its head.
pub(crate) fn post(
    gateway: SocketAddr,
    method: &str,
    message: &impl Message,
    headers: &[&str],
) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let frame = [&[0], &length[..], &bytes].concat();
    let mut head = format!(
        "POST /{method} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\ncontent-length: {}\r\n",
        frame.len()
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    let mut stream = TcpStream::connect(gateway).unwrap();
    let request = [head.as_bytes(), b"\r\n", &frame].concat();
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    answer.split_off(end.unwrap() + 4)
}

/// A call that succeeds.
pub(crate) fn call<A: Message + Default>(
    gateway: SocketAddr,
    method: &str,
    message: &impl Message,
    headers: &[&str],
) -> A {
    let body = post(gateway, method, message, headers);
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(
        text.contains("grpc-status: 0") || text.contains("grpc-status:0"),
        "{text}"
    );
    // The body is chunked; a small message is in one chunk.
    let start = body.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
    let [_flag, length @ ..] = <[u8; 5]>::try_from(&body[start..start + 5]).unwrap();
    let length = u32::from_be_bytes(length) as usize;
    A::decode(&body[start + 5..start + 5 + length]).unwrap()
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
