//! Other programs as clients: Google's gRPC for Python, buf curl and curl.

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use prost::Message;
use serde_json::{Value, json};
use tonic_types::pb::{BadRequest, ErrorInfo};

use crate::{
    stack::Stack,
    tools::{ProgramOutput, installed, run, workspace},
};

fn python(script: &str, auth: &str, task: &str) {
    let script = workspace()
        .join("standalone/tests/clients/python")
        .join(script);
    let protos = workspace().join("proto");
    let arguments = [
        script.to_str().unwrap(),
        protos.to_str().unwrap(),
        auth,
        task,
    ];
    run(
        &installed("TEST_PYTHON"),
        &arguments,
        &[("PYTHONDONTWRITEBYTECODE", "1")],
    )
    .stdout_of_success();
}

async fn python_on_a_fresh_stack(script: &str) {
    let stack = Stack::start().await;
    let addresses = stack.addresses();
    python(
        script,
        &addresses.auth.to_string(),
        &addresses.task.to_string(),
    );
}

/// Runs the Python client from sign-up to sign-out, on services that the caller started.
pub(crate) fn python_life(auth: &str, task: &str) {
    python("life.py", auth, task);
}

/// Runs the Python client that speaks Connect.
pub(crate) fn python_life_over_connect(gateway: &str) {
    python("connect.py", gateway, gateway);
}

#[tokio::test]
async fn a_python_client_checks_watches_and_lists_health() {
    python_on_a_fresh_stack("health.py").await;
}

#[tokio::test]
async fn a_python_client_finds_services_and_their_access_by_reflection() {
    python_on_a_fresh_stack("reflection.py").await;
}

#[tokio::test]
async fn a_python_client_works_with_a_task_and_detects_a_stolen_session() {
    python_on_a_fresh_stack("life.py").await;
}

#[tokio::test]
async fn a_python_client_may_compress_its_requests() {
    python_on_a_fresh_stack("compressed.py").await;
}

#[tokio::test]
async fn a_python_client_decodes_rich_errors() {
    python_on_a_fresh_stack("errors.py").await;
}

#[tokio::test]
async fn a_python_client_cannot_see_the_task_of_another_user() {
    python_on_a_fresh_stack("isolation.py").await;
}

/// buf curl with the arguments for a protocol.
pub(crate) struct BufCurl<'a> {
    stack: &'a Stack,
    base: String,
    arguments: Vec<String>,
}

impl<'a> BufCurl<'a> {
    pub(crate) fn new(stack: &'a Stack, base: String, arguments: &[&str]) -> Self {
        Self {
            stack,
            base,
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
        }
    }

    fn call(&self, method: &str, token: Option<&str>, message: &Value) -> ProgramOutput {
        let url = format!("{}/{method}", self.base);
        let message = message.to_string();
        let mut arguments = vec!["curl"];
        arguments.extend(self.arguments.iter().map(String::as_str));
        arguments.extend(["--data", &message]);
        let bearer = token.map(|token| format!("authorization: Bearer {token}"));
        if let Some(bearer) = &bearer {
            arguments.extend(["--header", bearer]);
        }
        arguments.push(&url);
        let home = self.stack.folder.text();
        run(&installed("TEST_BUF"), &arguments, &[("HOME", &home)])
    }

    fn answer(&self, method: &str, token: Option<&str>, message: &Value) -> Value {
        let answer = self.call(method, token, message).stdout_of_success();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

pub(crate) fn schema() -> String {
    workspace().join("proto").display().to_string()
}

/// Signs up, creates, lists, updates and deletes a task, and gets two refusals.
pub(crate) fn use_every_method(auth: &BufCurl<'_>, task: &BufCurl<'_>) {
    use_every_method_as("buf@example.com", auth, task);
}

/// The same, with this email.
pub(crate) fn use_every_method_as(email: &str, auth: &BufCurl<'_>, task: &BufCurl<'_>) {
    let account = json!({"email": email, "password": "a password of my own"});
    let signed_up = auth.answer("tandem.auth.v1.AuthService/SignUp", None, &account);
    let token = signed_up["tokens"]["accessToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let token = Some(token.as_str());
    let tasks = |method: &str, message: Value| {
        task.answer(
            &format!("tandem.task.v1.TaskService/{method}"),
            token,
            &message,
        )
    };

    let created = tasks(
        "CreateTask",
        json!({"task": {"title": "from buf", "priority": "TASK_PRIORITY_HIGH"}}),
    );
    let id = created["task"]["id"].as_str().unwrap();
    assert_eq!(created["task"]["title"], "from buf");
    let listed = tasks("ListTasks", json!({"filter": "priority = HIGH"}));
    assert_eq!(listed["tasks"][0]["id"], id);
    let done =
        json!({"task": {"id": id, "status": "TASK_STATUS_COMPLETED"}, "updateMask": "status"});
    let updated = tasks("UpdateTask", done);
    assert_eq!(updated["task"]["status"], "TASK_STATUS_COMPLETED");
    assert_eq!(updated["task"]["title"], "from buf");
    let deleted = tasks("DeleteTask", json!({"id": id}));
    assert!(deleted["task"]["deleteTime"].is_string(), "{deleted}");
    assert_eq!(tasks("ListTasks", json!({})), json!({}));
    assert_refusals(task, token);
}

/// One call without a token, and one with an invalid title.
fn assert_refusals(task: &BufCurl<'_>, token: Option<&str>) {
    let method = "tandem.task.v1.TaskService/CreateTask";
    assert_refused(
        &task.call(method, None, &json!({})),
        "unauthenticated",
        "TOKEN_MISSING",
    );
    let invalid = task.call(method, token, &json!({"task": {"title": ""}}));
    let shown = assert_refused(&invalid, "invalid_argument", "FIELD_INVALID");
    let violations: BadRequest = detail(&shown, "google.rpc.BadRequest");
    assert_eq!(violations.field_violations[0].field, "task.title");
}

/// Asserts that buf curl shows this code and this reason. Returns the refusal as it is shown.
fn assert_refused(output: &ProgramOutput, code: &str, reason: &str) -> Value {
    assert!(!output.status.success(), "{}", output.stdout);
    let shown: Value = serde_json::from_str(&output.stderr)
        .unwrap_or_else(|error| panic!("{error}: {}", output.stderr));
    assert_eq!(shown["code"], code, "{shown}");
    let info: ErrorInfo = detail(&shown, "google.rpc.ErrorInfo");
    assert_eq!(
        (info.domain.as_str(), info.reason.as_str()),
        ("tandem", reason)
    );
    shown
}

/// A detail of a refusal. It is shown as its type and its bytes in base64.
fn detail<T: Message + Default>(shown: &Value, kind: &str) -> T {
    let details = shown["details"].as_array().unwrap();
    let detail = details.iter().find(|detail| detail["type"] == kind);
    let detail = detail.unwrap_or_else(|| panic!("no {kind}: {shown}"));
    let bytes = BASE64_STANDARD_NO_PAD.decode(detail["value"].as_str().unwrap());
    T::decode(bytes.unwrap().as_slice()).unwrap()
}

#[tokio::test]
async fn buf_curl_works_with_a_task_over_grpc_by_reflection() {
    let stack = Stack::start().await;
    let arguments = ["--protocol", "grpc", "--http2-prior-knowledge"];
    let to = |address| BufCurl::new(&stack, format!("http://{address}"), &arguments);
    use_every_method(&to(stack.addresses().auth), &to(stack.addresses().task));
}

#[tokio::test]
async fn buf_curl_works_with_a_task_over_grpc_by_the_protos() {
    let stack = Stack::start().await;
    let schema = schema();
    let arguments = [
        "--protocol",
        "grpc",
        "--http2-prior-knowledge",
        "--schema",
        &schema,
    ];
    let to = |address| BufCurl::new(&stack, format!("http://{address}"), &arguments);
    use_every_method(&to(stack.addresses().auth), &to(stack.addresses().task));
}

#[tokio::test]
async fn buf_curl_works_with_a_task_over_grpc_web_through_the_gateway() {
    let stack = Stack::start().await;
    let schema = schema();
    let arguments = ["--protocol", "grpcweb", "--schema", &schema];
    let gateway = BufCurl::new(
        &stack,
        format!("http://{}", stack.addresses().gateway),
        &arguments,
    );
    use_every_method(&gateway, &gateway);
}
