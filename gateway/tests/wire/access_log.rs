//! The access log: one line per request.

use std::{
    io,
    sync::{LazyLock, Mutex},
};

use http::Method;
use serde_json::{Value, json};

use crate::{
    client::{self, BINARY, frame},
    closed_port, gateway, gateway_to,
    service::{self, CREATE, GET, LIST},
};

const NOTHING: &str = "/tandem.task.v1.TaskService/Nothing";
const ROTATE: &str = "/tandem.auth.v1.AdminService/RotateSigningKey";

/// Everything that the gateways of these tests log. It is installed before the first gateway, so that it misses no line.
pub(crate) static LOG: LazyLock<Log> = LazyLock::new(|| {
    tracing_subscriber::fmt()
        .json()
        .with_writer(|| &*LOG)
        .init();
    Log::default()
});

/// Log lines, as text.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<u8>>);

impl io::Write for &Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The fields of the request lines with this request id.
    fn requests(&self, id: &str) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["fields"].take())
            .filter(|fields| fields["message"] == "request" && fields["request_id"] == id)
            .collect()
    }
}

#[tokio::test]
async fn a_request_is_logged_as_one_line_without_its_secrets() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let headers = [
        ("content-type", BINARY),
        ("authorization", "Bearer s3cret"),
        ("x-request-id", "logged-once"),
        ("cookie", "s3cret"),
    ];
    let path = |path: &str| format!("{path}?token=s3cret");
    client::call_with(gateway.address, &path(CREATE), &headers, frame(&())).await;
    client::call_with(gateway.address, &path(GET), &headers, frame(&())).await;
    client::send(
        gateway.address,
        client::request(http::Method::GET, "/nothing", &headers, "s3cret"),
    )
    .await;

    let lines = LOG.requests("logged-once");
    let expected = [
        json!(["POST", CREATE, CREATE[1..], 200, "OK"]),
        json!(["POST", GET, GET[1..], 200, "NOT_FOUND"]),
        json!(["GET", "/nothing", null, 404, null]),
    ];
    let names = ["method", "path", "rpc", "status", "code"];
    let logged = lines
        .iter()
        .map(|line| json!(names.map(|name| &line[name])));
    assert_eq!(logged.collect::<Vec<_>>(), expected);
    for line in &lines {
        assert_eq!(line["service"], "tandem-gateway");
        assert_eq!(line["request_id"], "logged-once");
        assert_eq!(line["peer"], "127.0.0.1");
        assert!(line["ms"].is_f64());
    }
    assert!(!LOG.text().contains("s3cret"));
}

/// The reason in the only line of a request with this id. The line is written after the client has the last byte.
async fn logged_reason(id: &str) -> Value {
    let line = async {
        loop {
            if let [line] = LOG.requests(id).as_slice() {
                return line["reason"].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let line = tokio::time::timeout(client::ANSWER_TIMEOUT, line).await;
    line.expect("one line")
}

type Headers = Vec<(&'static str, &'static str)>;
/// A request, and the reason for which it is refused.
type Refused = (Method, &'static str, Headers, &'static [u8], &'static str);

/// Requests that the gateway itself refuses when its services are away.
#[rustfmt::skip]
fn refused_by_the_gateway() -> Vec<Refused> {
    let web = ("content-type", BINARY);
    let json = ("content-type", "application/json");
    let stream = ("content-type", "application/connect+json");
    let bearer = ("authorization", "Bearer x");
    let cookie = ("tandem-session", "cookie");
    let second_host = ("host", "another.test");
    vec![
        // gRPC-web
        (Method::POST, CREATE, vec![web], b"\0\0\0\0\0", "UPSTREAM_UNAVAILABLE"),
        (Method::POST, CREATE, vec![web], b"", "REQUEST_MALFORMED"),
        (Method::POST, CREATE, vec![web, ("grpc-timeout", "soon")], b"", "REQUEST_MALFORMED"),
        (Method::POST, CREATE, vec![web, cookie], b"", "ORIGIN_REFUSED"),
        (Method::POST, ROTATE, vec![web], b"", "METHOD_UNKNOWN"),
        // Connect
        (Method::POST, CREATE, vec![json], b"{}", "UPSTREAM_UNAVAILABLE"),
        (Method::POST, CREATE, vec![json], b"{", "REQUEST_MALFORMED"),
        (Method::POST, CREATE, vec![json, ("content-encoding", "br")], b"", "COMPRESSION_UNSUPPORTED"),
        (Method::POST, NOTHING, vec![json], b"{}", "METHOD_UNKNOWN"),
        (Method::GET, GET, vec![], b"", "REQUEST_MALFORMED"),
        (Method::POST, "/tandem.auth.v1.VerifierService/WatchRevocations", vec![stream], b"", "METHOD_UNKNOWN"),
        // REST
        (Method::GET, "/api/tasks", vec![bearer], b"", "UPSTREAM_UNAVAILABLE"),
        (Method::GET, "/api/tasks", vec![], b"", "TOKEN_MISSING"),
        (Method::POST, "/api/auth/sign-in", vec![json], b"{}", "FIELD_INVALID"),
        (Method::POST, "/api/auth/sign-in", vec![json], b"\xff", "REQUEST_MALFORMED"),
        (Method::GET, "/docs/%ff", vec![], b"", "REQUEST_MALFORMED"),
        // Documents
        (Method::GET, "/.well-known/jwks.json", vec![], b"", "UPSTREAM_UNAVAILABLE"),
        // Two values of `Host`, in any protocol
        (Method::GET, "/health", vec![second_host], b"", "REQUEST_MALFORMED"),
        (Method::GET, "/api/tasks", vec![second_host], b"", "REQUEST_MALFORMED"),
        (Method::POST, CREATE, vec![web, second_host], b"", "REQUEST_MALFORMED"),
        (Method::POST, CREATE, vec![json, second_host], b"{}", "REQUEST_MALFORMED"),
    ]
}

#[tokio::test]
async fn the_line_of_a_refusal_of_the_gateway_has_its_reason_whatever_the_protocol() {
    let gateway = gateway_to(closed_port().await).await;
    for (number, (method, path, headers, body, reason)) in
        refused_by_the_gateway().into_iter().enumerate()
    {
        let id = format!("refused-{number}");
        let headers = [headers.as_slice(), &[("x-request-id", id.as_str())]].concat();
        let request = client::request(method.clone(), path, &headers, body);
        client::send(gateway.address, request).await;
        assert_eq!(
            logged_reason(&id).await,
            reason,
            "{method} {path} {headers:?}"
        );
    }
}

/// Requests that a service answers: that a task is not there, or with success.
#[rustfmt::skip]
const ANSWERED: [(Method, &str, &str, &str); 5] = [
    (Method::POST, GET, BINARY, "\0\0\0\0\0"),
    (Method::POST, GET, "application/json", "{}"),
    (Method::GET, "/api/tasks/1", "application/json", ""),
    (Method::POST, "/api/tasks", "application/json", "{\"title\":\"x\"}"),
    (Method::GET, "/.well-known/jwks.json", "application/json", ""),
];

#[tokio::test]
async fn the_line_has_no_reason_for_a_refusal_of_a_service_and_for_a_success() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    for (number, (method, path, kind, body)) in ANSWERED.into_iter().enumerate() {
        let id = format!("of-service-{number}");
        let headers = [
            ("content-type", kind),
            ("authorization", "Bearer x"),
            ("x-request-id", id.as_str()),
        ];
        let request = client::request(method, path, &headers, body);
        client::send(gateway.address, request).await;
        assert_eq!(logged_reason(&id).await, Value::Null, "{path}");
    }
}

#[tokio::test]
async fn the_line_of_a_call_that_is_refused_while_it_is_answered_has_the_reason_too() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway(upstream, upstream, |config| {
        config.calls.deadline = std::time::Duration::from_millis(50);
    })
    .await;
    let list = "/api/tasks";
    let bearer = ("authorization", "Bearer x");
    for (id, method, path, kind, body) in [
        ("late-0", Method::POST, LIST, BINARY, "\0\0\0\0\0"),
        ("late-1", Method::POST, LIST, "application/json", "{}"),
        ("late-2", Method::GET, list, "application/json", ""),
    ] {
        let headers = [("content-type", kind), bearer, ("x-request-id", id)];
        client::send(
            gateway.address,
            client::request(method, path, &headers, body),
        )
        .await;
        assert_eq!(logged_reason(id).await, "DEADLINE_EXCEEDED", "{path}");
    }
}
