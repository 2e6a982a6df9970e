//! The access lines of a running stack: the gateway and the services write the same fields with the same types.

use std::{net::SocketAddr, path::Path, time::Duration};

use contract::proto::{
    auth::{SignUpRequest, SignUpResponse},
    task::{CreateTaskRequest, Task},
};
use serde_json::Value;
use testing::Process;

use crate::{
    browser::{call, post},
    scrape::get_with,
    stack::Stack,
    tools::run,
};

const SIGN_UP: &str = "tandem.auth.v1.AuthService/SignUp";
const CREATE: &str = "tandem.task.v1.TaskService/CreateTask";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const TIMEOUT: Duration = Duration::from_secs(20);

/// The access lines with this request id: that of the gateway, which is the last, and those of services.
async fn lines(process: &Process, id: &str) -> (Value, Vec<Value>) {
    let own = |line: &str| -> Option<Value> {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["target"] == "access" && line["request_id"] == id).then_some(line)
    };
    let of_gateway = |line: &Value| line["service"] == "tandem-gateway";
    process
        .wait_for_line(TIMEOUT, |line| own(line).as_ref().is_some_and(of_gateway))
        .await;
    let output = process.output();
    let (mut gateway, services): (Vec<_>, Vec<_>) =
        output.lines().filter_map(own).partition(of_gateway);
    assert_eq!(gateway.len(), 1, "one line for each request");
    (gateway.remove(0), services)
}

/// The name of the JSON type.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Number(_) => "number",
        Value::String(_) => "string",
        _ => "another type",
    }
}

/// Every field of an access line, with its type.
const FIELDS: [(&str, &str); 17] = [
    ("timestamp", "string"),
    ("level", "string"),
    ("target", "string"),
    ("message", "string"),
    ("service", "string"),
    ("method", "string"),
    ("path", "string"),
    ("rpc", "string"),
    ("status", "number"),
    ("code", "string"),
    ("reason", "string"),
    ("ms", "number"),
    ("request_id", "string"),
    ("trace_id", "string"),
    ("peer", "string"),
    ("user", "string"),
    ("session", "string"),
];

/// Asserts that a line has only fields of the table, with their types, and all but `absent`.
fn assert_fields(line: &Value, absent: &[&str]) {
    let fields = line.as_object().unwrap();
    for (name, value) in fields {
        let known = FIELDS.iter().find(|(known, _)| known == name);
        let (_, expected) = known.unwrap_or_else(|| panic!("{name} is not a field: {line}"));
        assert_eq!(kind(value), *expected, "{name}: {line}");
    }
    for (name, _) in FIELDS {
        let expected = !absent.contains(&name);
        assert_eq!(fields.contains_key(name), expected, "{name}: {line}");
    }
}

/// Asserts that both lines of a call say the same of what both parts know.
fn assert_equal(gateway: &Value, service: &Value) {
    for name in [
        "message",
        "method",
        "path",
        "rpc",
        "status",
        "code",
        "request_id",
        "trace_id",
        "peer",
    ] {
        assert_eq!(gateway[name], service[name], "{name}: {gateway} {service}");
    }
    assert!(gateway["ms"].as_f64() >= service["ms"].as_f64());
}

/// Signs up through the gateway.
fn sign_up(gateway: SocketAddr, traceparent: &str) -> SignUpResponse {
    let request = SignUpRequest {
        email: "ada@example.org".to_owned(),
        password: "correct horse battery staple".to_owned(),
        ..SignUpRequest::default()
    };
    let headers = [traceparent, "x-request-id: lines-sign-up"];
    call(gateway, SIGN_UP, &request, &headers)
}

/// The line of the gateway and that of the one service that was called, which say the same.
async fn both_lines(process: &Process, id: &str, service: &str) -> (Value, Value) {
    let (of_gateway, services) = lines(process, id).await;
    let [of_service] = services.as_slice() else {
        panic!("one line of a service: {services:?}")
    };
    assert_eq!(of_service["service"], service);
    assert_equal(&of_gateway, of_service);
    (of_gateway, of_service.clone())
}

#[tokio::test]
async fn the_gateway_and_both_services_write_one_access_line_with_the_same_fields() {
    let stack = Stack::start().await;
    let gateway = stack.addresses().gateway;
    let process = &stack.running.process;
    let traceparent = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-00");
    let signed_up = sign_up(gateway, &traceparent);
    let unknown = ["reason", "user", "session"];
    let (of_gateway, of_auth) = both_lines(process, "lines-sign-up", "tandem-auth").await;
    assert_fields(&of_gateway, &unknown);
    assert_fields(&of_auth, &unknown);

    let tokens = signed_up.tokens.unwrap();
    let bearer = format!("authorization: Bearer {}", tokens.access_token);
    let untitled = CreateTaskRequest {
        task: Some(Task::default()),
        ..CreateTaskRequest::default()
    };
    let headers = [&*traceparent, "x-request-id: lines-create", &*bearer];
    post(gateway, CREATE, &untitled, &headers);
    let (of_gateway, of_task) = both_lines(process, "lines-create", "tandem-task").await;
    assert_fields(&of_gateway, &unknown);
    assert_fields(&of_task, &[]);
    assert_eq!(of_task["trace_id"], TRACE);
    assert_eq!(of_task["code"], "INVALID_ARGUMENT");
    assert_eq!(of_task["reason"], "FIELD_INVALID");
    assert_eq!(of_task["user"], signed_up.account.unwrap().id.as_str());
    assert_eq!(of_task["session"], tokens.session_id.as_str());
}

/// Sends a GET by curl, whatever the answer.
fn get_rest(gateway: SocketAddr, path: &str, headers: &[&str]) {
    let url = format!("http://{gateway}{path}");
    let mut arguments = vec!["-q", "-s", &url];
    for header in headers {
        arguments.extend(["-H", header]);
    }
    run(Path::new("curl"), &arguments, &[]).stdout_of_success();
}

#[tokio::test]
async fn a_refusal_of_the_gateway_itself_is_an_access_line_of_the_gateway_alone_with_its_reason() {
    let stack = Stack::start().await;
    let gateway = stack.addresses().gateway;
    let process = &stack.running.process;
    let untitled = CreateTaskRequest::default();
    let headers = ["x-request-id: lines-refused", "grpc-timeout: soon"];
    post(gateway, CREATE, &untitled, &headers);
    let (line, services) = lines(process, "lines-refused").await;
    assert_eq!(services, [] as [Value; 0]);
    assert_fields(&line, &["user", "session", "trace_id"]);
    assert_eq!(line["reason"], "REQUEST_MALFORMED");
    assert_eq!(line["code"], "INVALID_ARGUMENT");

    get_rest(gateway, "/api/tasks", &["x-request-id: lines-rest"]);
    let (line, services) = lines(process, "lines-rest").await;
    assert_eq!(services, [] as [Value; 0]);
    let of_calls = ["rpc", "code", "user", "session", "trace_id"];
    assert_fields(&line, &of_calls);
    assert_eq!(line["reason"], "TOKEN_MISSING");
    assert_eq!(line["status"], 401);
}

#[tokio::test]
async fn a_request_of_rest_is_a_line_of_the_gateway_and_one_of_the_service_that_it_calls() {
    let stack = Stack::start().await;
    let gateway = stack.addresses().gateway;
    let process = &stack.running.process;
    let signed_up = sign_up(gateway, "accept: */*");
    let bearer = format!(
        "authorization: Bearer {}",
        signed_up.tokens.unwrap().access_token
    );
    let headers = [bearer.as_str(), "x-request-id: lines-rest-get"];
    get_rest(gateway, "/api/tasks/1", &headers);
    let (of_gateway, services) = lines(process, "lines-rest-get").await;
    let [of_task] = services.as_slice() else {
        panic!("one line of a service: {services:?}")
    };
    let of_calls = ["rpc", "code", "reason", "user", "session", "trace_id"];
    assert_fields(&of_gateway, &of_calls);
    assert_eq!(of_gateway["status"], 404);
    assert_fields(of_task, &["trace_id"]);
    assert_eq!(of_task["reason"], "FIELD_INVALID");
    assert_eq!(of_task["rpc"], "tandem.task.v1.TaskService/GetTask");
}

#[tokio::test]
async fn a_page_of_the_gateway_is_an_access_line_without_the_fields_of_a_call() {
    let stack = Stack::start().await;
    get_with(
        stack.addresses().gateway,
        "/health",
        "x-request-id: lines-health",
    );
    let (page, services) = lines(&stack.running.process, "lines-health").await;
    assert_eq!(services, [] as [Value; 0]);
    let of_calls = ["rpc", "code", "reason", "user", "session", "trace_id"];
    assert_fields(&page, &of_calls);
    assert_eq!(
        (&page["path"], &page["status"]),
        (&"/health".into(), &200.into())
    );
}
