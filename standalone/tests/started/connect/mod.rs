//! The Connect protocol through the gateway, with clients that share no code with this project: curl, buf curl, and `connectrpc` for
//! Python and for Rust.

mod rust_client;

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    clients::{BufCurl, python_life_over_connect, schema, use_every_method},
    stack::Stack,
    tools::{installed, run},
};

const CURL: &str = "curl";

fn curl(arguments: &[&str]) -> Value {
    let mut all = vec!["--silent", "--show-error", "--max-time", "20"];
    all.extend_from_slice(arguments);
    let answer = run(Path::new(CURL), &all, &[]).stdout_of_success();
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[tokio::test]
async fn curl_creates_a_task_in_one_line() {
    let stack = Stack::start().await;
    let gateway = format!("http://{}", stack.addresses().gateway);
    let call = |rpc: &str, headers: &[&str], body: &str| {
        let url = format!("{gateway}/{rpc}");
        let mut arguments = vec!["-H", "content-type: application/json", "-d", body, &url];
        for header in headers {
            arguments.extend_from_slice(&["-H", header]);
        }
        curl(&arguments)
    };
    let account = r#"{"email":"curl@example.com","password":"a password of my own"}"#;
    let signed_up = call("tandem.auth.v1.AuthService/SignUp", &[], account);
    let token = signed_up["tokens"]["accessToken"].as_str().unwrap();
    let bearer = format!("authorization: Bearer {token}");
    let create = "tandem.task.v1.TaskService/CreateTask";
    let created = call(create, &[&bearer], r#"{"task":{"title":"Buy milk"}}"#);
    assert_eq!(created["task"]["title"], "Buy milk");
    assert_eq!(created["task"]["status"], "TASK_STATUS_PENDING");
    let refused = call(create, &[&bearer], r#"{"task":{"titel":"Buy milk"}}"#);
    assert_eq!(refused["code"], "invalid_argument");
    assert_violation(&refused, "task.titel", "UNKNOWN_FIELD");
    let refused = call(create, &[], r#"{"task":{"title":"Buy milk"}}"#);
    assert_eq!(refused["code"], "unauthenticated");
    let url =
        format!("{gateway}/tandem.task.v1.TaskService/ListTasks?encoding=json&message=%7B%7D");
    let listed = curl(&["-H", &bearer, &url]);
    assert_eq!(listed["tasks"], json!([created["task"]]));
}

/// Asserts that the details that are shown for people name this violation.
fn assert_violation(error: &Value, field: &str, reason: &str) {
    let details = error["details"].as_array().unwrap();
    let violations = details
        .iter()
        .find(|detail| detail["type"] == "google.rpc.BadRequest")
        .map(|detail| &detail["debug"]["fieldViolations"]);
    let violation = &violations.unwrap()[0];
    assert_eq!(violation["field"], field, "{violation}");
    assert_eq!(violation["reason"], reason, "{violation}");
}

#[tokio::test]
async fn buf_curl_works_with_a_task_over_connect_through_the_gateway() {
    let stack = Stack::start().await;
    let schema = schema();
    let arguments = ["--protocol", "connect", "--schema", &schema];
    let base = format!("http://{}", stack.addresses().gateway);
    let gateway = BufCurl::new(&stack, base, &arguments);
    use_every_method(&gateway, &gateway);
}

#[tokio::test]
async fn connectrpc_for_python_works_with_a_task_in_json_in_protobuf_and_over_grpc_web() {
    let stack = Stack::start().await;
    python_life_over_connect(&stack.addresses().gateway.to_string());
}

#[tokio::test]
async fn the_description_of_the_rpcs_is_valid_openapi() {
    let stack = Stack::start().await;
    let url = format!("http://{}/connect/openapi.json", stack.addresses().gateway);
    let document = curl(&[&url]);
    assert_eq!(document["openapi"], "3.1.0");
    let path = stack.folder.root().join("openapi.json");
    std::fs::write(&path, document.to_string()).unwrap();
    let arguments = ["-m", "openapi_spec_validator", path.to_str().unwrap()];
    run(&installed("TEST_PYTHON"), &arguments, &[]).stdout_of_success();
}
